"""Mixed-train: scenes rendered from the photographs of the Kodak suite and from nothing, to train shippable weights."""

from collections.abc import Mapping
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ldpbench.core.errors import ImageError, IntegrityError
from ldpbench.core.hashing import sha256_bytes
from ldpbench.core.progress import Progress
from ldpbench.data.adapter import Collection, Missing, Scene, StoredSample
from ldpbench.data.adapters.sample import SIGN_OFFSET, blur_regions
from ldpbench.data.layouts.locate import located, place_manifest
from ldpbench.data.png16 import decode, encode, to_unit
from ldpbench.data.sample import Sample
from ldpbench.data.tree import Tree
from ldpbench.records import DatasetCard, ManifestRow
from ldpbench.records.dataset_card import Role

if TYPE_CHECKING:
    from ldpbench.simulation.mixed_train import MixedPlan

SCENE_BYTES = 1_000_000
"""About what one scene's files take."""
_AGAIN = "fetch the file again"
_PICTURES: tuple[Role, ...] = ("left", "right", "center", "target")


class _Photos:
    """The photographs of a tree, each read once."""

    def __init__(self, tree: Tree, rows: Mapping[str, ManifestRow]) -> None:
        self._tree = tree
        self._rows = rows
        """What each file must be; the paths are those in the tree."""

    @cache  # noqa: B019 - one object per preparation, which wants them all until it ends
    def all(self) -> dict[str, NDArray[np.uint8]]:
        """uint8 (H, W, 3) by name.

        Raises:
            IntegrityError: If a file is not the one that the manifest names.
            ImageError: If it is not an 8-bit colour picture.
        """
        found = {}
        for row in self._rows.values():
            data, path = self._tree.read(row.path), row.path
            if sha256_bytes(data) != row.sha256:
                raise IntegrityError(f"{path}: expected SHA-256 {row.sha256}, found {sha256_bytes(data)}", hint=_AGAIN)
            codes = decode(data, path)
            if codes.dtype != np.uint8 or codes.ndim != 3:
                raise ImageError(f"{path}: expected 8-bit colour, found {codes.dtype} {codes.shape}", hint=_AGAIN)
            found[row.sample_id] = codes.astype(np.uint8, copy=False)
        return found


def _render(plan: "MixedPlan", photos: _Photos) -> StoredSample:
    from ldpbench.simulation.mixed_train import render_mixed

    pair = render_mixed(plan, photos.all())
    files: dict[Role, bytes] = {
        "left": encode(pair.left),
        "right": encode(pair.right),
        "center": encode(pair.center),
        "target": encode(pair.target),
        "blur_map": encode((pair.coc.astype(np.int16) + SIGN_OFFSET).astype(np.uint8)),
    }
    facts = {name: value for name, value in vars(plan).items() if name not in ("id", "split")}
    return StoredSample(id=plan.id, split=plan.split, files=files, facts=facts)


class MixedTrain:
    """The adapter. Its source are 24 photographs; everything else comes from the generator."""

    def collect(
        self,
        card: DatasetCard,
        manifest: tuple[ManifestRow, ...],
        tree: Tree | None,
        *,
        device: str,
        progress: Progress,
    ) -> Collection:
        """One scene a plan; each is rendered when it is stored. Without all photographs there are none."""
        from ldpbench.simulation.mixed_train import COUNTS, PLANS

        del card, device, progress
        assert tree is not None, "the card is not of a set generated from nothing"
        places = place_manifest(tree.files, manifest)
        lacking = [row.path for row in manifest if row.path not in places]
        photos = _Photos(tree, {row.path: located(row, places[row.path]) for row in manifest if row.path in places})
        scenes = tuple(
            Scene(id=plan.id, split=plan.split, load=partial(_render, plan, photos), size=SCENE_BYTES)
            for plan in (() if lacking else PLANS)
        )
        return Collection(
            scenes=scenes,
            layout="photographs",
            missing=tuple(Missing(split, path) for split in COUNTS for path in lacking),
        )

    def decode(self, stored: StoredSample, calibration: Mapping[str, bytes], card: DatasetCard) -> Sample:
        """Codes / 65535 and the signed blur radius in pixels (negative: nearer than focus)."""
        del calibration
        codes = {role: decode(data, f"{card.id}/{stored.id} {role}") for role, data in stored.files.items()}
        for role in _PICTURES:
            found = codes[role]
            if found.dtype != np.uint16 or found.ndim != 3:
                raise ImageError(
                    f"{card.id}/{stored.id} {role}: expected 16-bit colour, found {found.dtype} {found.shape}",
                    hint=f"prepare {card.id} again",
                )
        blur_px = codes["blur_map"].astype(np.float32) - SIGN_OFFSET
        pictures = {role: to_unit(codes[role]) for role in _PICTURES}
        return Sample(
            id=stored.id,
            dataset=card.id,
            split=stored.split,
            bits=card.bits,
            encoding="linear" if stored.facts.get("is_linear") else "srgb",
            left=pictures["left"],
            right=pictures["right"],
            center=pictures["center"],
            target=pictures["target"],
            blur_map=blur_px,
            regions=blur_regions(blur_px),
        )


ADAPTER = MixedTrain()
