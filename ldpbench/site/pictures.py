"""Pictures of scenes: the dataset's own, encoded once, and every run's output, copied byte by byte."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ldpbench.core.atomic import explaining_storage
from ldpbench.core.errors import ImageError, IntegrityError, LdpbenchError, StorageError
from ldpbench.core.hashing import sha256_bytes
from ldpbench.core.home import Home
from ldpbench.core.progress import Progress
from ldpbench.data import png16
from ldpbench.data.picture_files import container_fault, picture_header
from ldpbench.data.pictures import sample_pictures
from ldpbench.data.prepared import Samples, open_prepared
from ldpbench.methods.map_methods import ESTIMATOR
from ldpbench.results.run_folder import PREVIEWS_FOLDER
from ldpbench.results.views import StoredRun
from ldpbench.site.crops import crop_boxes
from ldpbench.site.facts import SceneKey, ScenePictures
from ldpbench.site.names import safe_name, scene_folder
from ldpbench.site.pages import Crop, Picture, PictureKind
from ldpbench.site.writer import SiteWriter

THUMBNAIL_WIDTH_PX = 320
_ENCODING = "2"
"""Of the way from a dataset to pictures, small copies and crops; a new one makes all of them anew."""
Pixels = NDArray[np.uint8]
LABELS: dict[PictureKind, str] = {
    "blurry": "Blurry",
    "left": "Left view",
    "right": "Right view",
    "target": "Sharp target",
    "blur_map": "Blur map",
}
_BEFORE: tuple[PictureKind, ...] = ("blurry",)
_THUMBNAIL_OF: tuple[PictureKind, ...] = ("blurry", "left", "right")
_AFTER: tuple[PictureKind, ...] = ("target", "left", "right", "blur_map")


@dataclass(frozen=True)
class _Dataset:
    """One split as it lies on disk now, or why it cannot be shown."""

    samples: Samples | None
    places: Mapping[str, int]
    fingerprint: str | None
    note: str | None


def publish_pictures(
    home: Home,
    scenes: Mapping[tuple[str, str], Sequence[str]],
    runs: Sequence[StoredRun],
    writer: SiteWriter,
    progress: Progress,
) -> dict[SceneKey, ScenePictures]:
    """Write the pictures of all scenes. A scene whose dataset did not change is not decoded again.

    A dataset that was removed, a run folder that is gone or a damaged picture leaves a note, not an error: the numbers
    are still true and the page says what is missing.

    Raises:
        OSError: If the disk is full, read-only or not ours.
        StorageError: If a picture is there and cannot be read.
    """
    publisher = _Publisher(home, writer, progress)
    found: dict[SceneKey, ScenePictures] = {}
    for (dataset_id, split), sample_ids in scenes.items():
        dataset = publisher.open(dataset_id, split)
        here = [run for run in runs if (run.record.dataset.id, run.record.dataset.split) == (dataset_id, split)]
        for sample_id in progress.track(sample_ids, label=f"pictures of {dataset_id} {split}", total=len(sample_ids)):
            key = (dataset_id, split, sample_id)
            found[key] = publisher.scene(key, dataset, here)
    return found


@dataclass(frozen=True)
class _Own:
    """What a dataset itself shows of a scene."""

    pictures: Mapping[PictureKind, Picture] = field(default_factory=dict)
    thumbnail: Picture | None = None
    crops: tuple[Crop, ...] = ()
    is_linear: bool = False


class _Publisher:
    def __init__(self, home: Home, writer: SiteWriter, progress: Progress) -> None:
        self._home = home
        self._writer = writer
        self._progress = progress

    def open(self, dataset_id: str, split: str) -> _Dataset:
        """A dataset's samples, or the reason why they cannot be shown."""
        try:
            prepared = open_prepared(self._home, dataset_id)
            samples = prepared.split(split)
            places = {sample_id: place for place, sample_id in enumerate(samples.ids)}
        except StorageError:
            raise
        except LdpbenchError as error:
            self._progress.warn(error.message)
            why = "is damaged" if isinstance(error, IntegrityError) else "is not prepared here any more"
            return _Dataset(None, {}, None, f"The dataset {why}, so its own pictures are not shown.")
        return _Dataset(samples, places, prepared.info.splits[split].fingerprint, None)

    def scene(self, key: SceneKey, dataset: _Dataset, runs: Sequence[StoredRun]) -> ScenePictures:
        """Write every picture there is of one scene: its own and each run's output."""
        sample_id, folder = key[2], scene_folder(*key)
        own, notes = self._own(key, dataset)
        outputs = []
        for run in runs:
            output, note = self._copy_output(run, sample_id, folder)
            outputs += [output] if output else []
            notes += [note] if note else []
        if dataset.fingerprint and any(run.record.dataset.fingerprint != dataset.fingerprint for run in runs):
            notes.append(
                "Some runs were made on another copy of this dataset than the one whose pictures are shown here: "
                "their records name another fingerprint."
            )
        return ScenePictures(
            pictures=(
                *(own.pictures[kind] for kind in _BEFORE if kind in own.pictures),
                *outputs,
                *(own.pictures[kind] for kind in _AFTER if kind in own.pictures),
            ),
            thumbnail=own.thumbnail,
            crops=own.crops,
            is_linear=own.is_linear,
            notes=tuple(notes),
        )

    def _own(self, key: SceneKey, dataset: _Dataset) -> tuple["_Own", list[str]]:
        """The dataset's pictures of a scene, and what is missing of them."""
        sample_id, folder = key[2], scene_folder(*key)
        if dataset.samples is None:
            return _Own(), [dataset.note] if dataset.note else []
        if sample_id not in dataset.places:
            return _Own(), ["The prepared dataset does not hold this scene, so its own pictures are not shown."]
        source = "/".join((_ENCODING, dataset.fingerprint or "", sample_id))
        try:
            facts = self._writer.reuse(folder, source, lambda: self._make_own(folder, dataset, sample_id))
        except StorageError:
            raise
        except LdpbenchError as error:
            self._progress.warn(error.message)
            return _Own(), ["This scene's own pictures are damaged and not shown."]
        return _own_of(facts), []

    def _make_own(self, folder: str, dataset: _Dataset, sample_id: str) -> tuple[dict[str, Any], list[str]]:
        assert dataset.samples is not None
        sample = dataset.samples[dataset.places[sample_id]]
        arrays = {kind: pixels for kind, pixels in sample_pictures(sample).items() if kind in LABELS}
        pictures = [self._write(f"{folder}/{kind}.png", kind, arrays[kind]) for kind in LABELS if kind in arrays]
        first = next((kind for kind in _THUMBNAIL_OF if kind in arrays), None)
        thumbnail = self._write(f"{folder}/thumbnail.png", first, _small(arrays[first])) if first else None
        crops = crop_boxes(arrays[first], arrays["target"]) if first and "target" in arrays else ()
        facts = {
            "pictures": [asdict(picture) for picture in pictures],
            "thumbnail": asdict(thumbnail) if thumbnail else None,
            "crops": [asdict(crop) for crop in crops],
            "is_linear": sample.encoding == "linear",
        }
        made = [*pictures, *([thumbnail] if thumbnail else [])]
        return facts, [href for picture in made for href in (picture.href, picture.small) if href]

    def _write(self, href: str, kind: PictureKind, pixels: Pixels) -> Picture:
        self._writer.put(href, png16.encode(pixels))
        height, width = pixels.shape[:2]
        return Picture(
            kind=kind,
            label=LABELS[kind],
            href=href,
            width_px=width,
            height_px=height,
            small=self._write_small(href, pixels),
        )

    def _write_small(self, href: str, pixels: Pixels) -> str | None:
        """A copy that pages show first, lossless too; None where the picture is small itself."""
        if pixels.shape[1] <= THUMBNAIL_WIDTH_PX:
            return None
        small = f"{href.removesuffix('.png')}--small.png"
        self._writer.put(small, png16.encode(_small(pixels)))
        return small

    def _copy_output(self, run: StoredRun, sample_id: str, folder: str) -> tuple[Picture | None, str | None]:
        """A run's picture of a scene as it was saved, or one sentence on why there is none."""
        method, run_id = run.record.method.title, run.record.run_id
        kept = (_bytes(path) for path in _previews(run, self._home, sample_id))
        data = next((data for data in kept if data is not None), None)
        if data is None:
            return None, f"{method} (run {run_id}): no picture kept."
        header = picture_header(data)
        if header is None or container_fault(data):
            return None, f"{method} (run {run_id}): the picture that was kept is damaged."
        href = f"{folder}/output--{safe_name(run_id)}.png"
        try:
            small = self._small_output(href, data)
        except ImageError:
            return None, f"{method} (run {run_id}): the picture that was kept is damaged."
        self._writer.put(href, data)
        is_map = run.record.method.kind == ESTIMATOR
        picture = Picture(
            kind="blur_map" if is_map else "output",
            label=f"{method}: blur map" if is_map else method,
            href=href,
            width_px=header.width_px,
            height_px=header.height_px,
            run_id=run_id,
            small=small,
        )
        return picture, None

    def _small_output(self, href: str, data: bytes) -> str | None:
        def make() -> tuple[dict[str, Any], list[str]]:
            codes = png16.decode(data, href)
            small = self._write_small(href, codes.astype(np.uint8)) if codes.dtype == np.uint8 else None
            return {"small": small}, [small] if small else []

        found: str | None = self._writer.reuse(href, f"{_ENCODING}/{sha256_bytes(data)}", make)["small"]
        return found


def _own_of(facts: Mapping[str, Any]) -> "_Own":
    return _Own(
        pictures={one["kind"]: Picture(**one) for one in facts["pictures"]},
        thumbnail=Picture(**facts["thumbnail"]) if facts["thumbnail"] else None,
        crops=tuple(Crop(**one) for one in facts["crops"]),
        is_linear=facts["is_linear"],
    )


def _small(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    if width <= THUMBNAIL_WIDTH_PX:
        return pixels
    size = (THUMBNAIL_WIDTH_PX, max(1, round(height * THUMBNAIL_WIDTH_PX / width)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8)


def _previews(run: StoredRun, home: Home, sample_id: str) -> Iterator[Path]:
    """Where a preview may lie: the folder named at ingest, or the folder of that name in the home, if it moved."""
    name = f"{sample_id}.png"
    if Path(name).name != name:
        return
    for folder in dict.fromkeys((Path(run.folder), home.runs / Path(run.folder).name)):
        yield folder / PREVIEWS_FOLDER / name


def _bytes(path: Path) -> bytes | None:
    with explaining_storage("read", path):
        return path.read_bytes() if path.is_file() else None
