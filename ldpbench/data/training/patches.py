"""Which patches of a split are worth training on, found once and kept.

The field cuts 512 x 512 windows with a stride of 204 from every picture and drops the 30 % that are least sharp:
DPDNet (Abuolaim and Brown, ECCV 2020) and, with the same code, Restormer (Zamir et al., CVPR 2022).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from ldpbench.core.atomic import explaining_storage, write_text
from ldpbench.core.errors import UsageError
from ldpbench.core.hashing import canonical_json, sha256_document
from ldpbench.core.progress import SILENT, Progress
from ldpbench.data.prepared import PreparedDataset
from ldpbench.data.sample import Image, Sample
from ldpbench.records import Record

SOBEL_SIZES = (3, 7, 11, 15)
INDEX_FOLDER = "patches"


class PatchRule(Record):
    """Which windows are cut and which are kept. The defaults are the field's own for training."""

    size_px: int = Field(default=512, ge=16)
    stride_px: int = Field(default=204, ge=1)
    drop_share: float = Field(default=0.3, ge=0, lt=1)
    """Share of each picture's windows that is dropped, the least sharp ones, rounded down."""
    sharpness: Literal["sobel-product", "none"] = "sobel-product"
    small_pictures: Literal["error", "skip"] = "error"
    """What happens to a picture that is smaller than a window."""

    @property
    def dropping(self) -> bool:
        """Whether sharpness has to be measured."""
        return self.sharpness != "none" and self.drop_share > 0


VALIDATION_RULE = PatchRule(stride_px=506, drop_share=0)
"""The field's windows for validation: they overlap by 1 %, and all are kept."""


class PatchPlace(Record):
    """One window."""

    sample: int = Field(ge=0)
    """Position of the scene in the split."""
    top: int = Field(ge=0)
    left: int = Field(ge=0)


class PatchIndex(Record):
    """The windows of a split, in the order of scenes, rows and columns."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    rule: PatchRule
    fingerprint: str
    """Of the split's content."""
    places: tuple[PatchPlace, ...]
    skipped: int = 0
    """Scenes that are smaller than a window."""

    @property
    def digest(self) -> str:
        """SHA-256 of everything here."""
        return sha256_document(self.model_dump(mode="json"))


class KeptIndex(Record):
    """An index on disk, with the digest it had when it was written."""

    index: PatchIndex
    digest: str


def window_starts(length: int, size: int, stride: int) -> list[int]:
    """Where windows start along one axis: every ``stride``, and the last one flush with the border.

    Args:
        length: Of the axis, at least ``size``.
        size: Of a window.
        stride: From one window to the next.
    """
    starts = list(range(0, length - size, stride))
    return [*starts, length - size]


def sobel_sharpness(windows: Sequence[Image]) -> NDArray[np.float64]:
    """How sharp each of a picture's windows is beside the others, in [0, 1].

    The sum of the Sobel gradient's magnitude for four kernel sizes, each scaled to [0, 1] over the picture's windows,
    multiplied. Grey is the usual luma of the RGB picture, not rounded to codes. At its border a window is mirrored, so
    that what lies outside it has no say.

    Args:
        windows: float32 (H, W, C) each, RGB or grey.

    Returns:
        float64, one number a window; zeros where all windows are alike.
    """
    scores = np.ones(len(windows))
    greys = [_grey(window) for window in windows]
    for size in SOBEL_SIZES:
        energy = np.array([_gradient_sum(grey, size) for grey in greys])
        span = energy.max() - energy.min()
        scores *= (energy - energy.min()) / span if span > 0 else np.zeros(len(windows))
    return scores


def _grey(window: Image) -> NDArray[np.float64]:
    plane = window[..., 0] if window.shape[2] == 1 else cv2.cvtColor(window, cv2.COLOR_RGB2GRAY)
    return np.asarray(plane, dtype=np.float64)


def _gradient_sum(grey: NDArray[np.float64], size: int) -> float:
    across, down = (cv2.Sobel(grey, cv2.CV_64F, *order, ksize=size) for order in ((1, 0), (0, 1)))
    return float(cv2.sumElems(cv2.magnitude(across, down))[0])


def scene_places(sample: Sample, position: int, rule: PatchRule) -> list[PatchPlace]:
    """The windows of one scene that are kept. Of equally sharp ones the later ones are dropped.

    Raises:
        UsageError: If the picture is smaller than a window, or sharpness is wanted and there is no target.
    """
    height, width = sample.left.shape[:2]
    size = rule.size_px
    if min(height, width) < size:
        raise UsageError(
            f"{_where(sample)} is {width}x{height} px, expected at least {size}x{size} for a patch",
            hint="choose a smaller patch size, or skip small pictures",
        )
    places = [
        PatchPlace(sample=position, top=top, left=left)
        for top in window_starts(height, size, rule.stride_px)
        for left in window_starts(width, size, rule.stride_px)
    ]
    if not rule.dropping:
        return places
    if sample.target is None:
        raise UsageError(
            f"{_where(sample)} has no target, the all-in-focus picture whose sharpness decides which patches are kept",
            hint="choose the sharpness rule `none`",
        )
    windows = [sample.target[place.top : place.top + size, place.left : place.left + size] for place in places]
    order = np.argsort(-sobel_sharpness(windows), kind="stable")
    kept = sorted(order[: len(places) - int(rule.drop_share * len(places))].tolist())
    return [places[index] for index in kept]


def _where(sample: Sample) -> str:
    return f"{sample.dataset}/{sample.split}/{sample.id}"


def build_patch_index(
    samples: Sequence[Sample], rule: PatchRule, fingerprint: str, progress: Progress = SILENT
) -> PatchIndex:
    """The windows of all scenes; one scene is in memory at a time.

    Args:
        samples: The split.
        rule: Which windows.
        fingerprint: Of the split's content.
        progress: Where to report.

    Raises:
        UsageError: As ``scene_places``, or if every picture is too small.
    """
    places: list[PatchPlace] = []
    skipped = 0
    for position in progress.track(range(len(samples)), label="indexing patches", total=len(samples)):
        # The sample has no name here: it is let go of before the next one is decoded.
        found = _places_or_skip(samples[position], position, rule)
        skipped += found is None
        places += found or []
    if not places:
        raise UsageError(
            f"{len(samples)} pictures, {skipped} of them smaller than {rule.size_px}x{rule.size_px} px, give no patch",
            hint="choose a smaller patch size",
        )
    if skipped:
        progress.warn(f"{skipped} of {len(samples)} pictures are smaller than a patch and are left out")
    return PatchIndex(rule=rule, fingerprint=fingerprint, places=tuple(places), skipped=skipped)


def _places_or_skip(sample: Sample, position: int, rule: PatchRule) -> list[PatchPlace] | None:
    """None for a picture that is smaller than a window and is to be skipped."""
    if rule.small_pictures == "skip" and min(sample.left.shape[:2]) < rule.size_px:
        return None
    return scene_places(sample, position, rule)


def load_patch_index(
    prepared: PreparedDataset, split: str, rule: PatchRule | None = None, progress: Progress = SILENT
) -> PatchIndex:
    """The index of a prepared split: the kept one if it is of this content and rule, else a new one that is kept.

    Args:
        prepared: The dataset.
        split: A split, or another name that the card gives it.
        rule: Which windows; None for the field's own.
        progress: Where to report.

    Raises:
        UsageError: If no split is called that, or as ``scene_places``.
        MissingPrerequisiteError: If the split is not prepared.
        IntegrityError: If a stored picture is damaged.
        StorageError: If the index cannot be read or written.
    """
    wanted = rule or PatchRule()
    samples = prepared.split(split)
    name = prepared.card.split_name(split) or split
    fingerprint = prepared.info.splits[name].fingerprint
    mark = sha256_document([wanted.model_dump(mode="json"), fingerprint, samples.ids])[:16]
    path = prepared.folder.parent / f".{INDEX_FOLDER}" / prepared.card.id / f"{name}-{mark}.json"
    kept = _kept(path, progress)
    if kept is not None and (kept.rule, kept.fingerprint) == (wanted, fingerprint):
        return kept
    index = build_patch_index(samples, wanted, fingerprint, progress)
    on_disk = KeptIndex(index=index, digest=index.digest)
    write_text(path, canonical_json(on_disk.model_dump(mode="json", by_alias=True)) + "\n")
    return index


def _kept(path: Path, progress: Progress) -> PatchIndex | None:
    if not path.is_file():
        return None
    with explaining_storage("read", path):
        text = path.read_text(encoding="utf-8", errors="replace")
    try:
        kept = KeptIndex.model_validate_json(text)
    except ValidationError:
        kept = None
    if kept is None or kept.index.digest != kept.digest:
        progress.warn(f"the patch index {path} is damaged and is built again")
        return None
    return kept.index
