"""Any set of ordinary picture files that its manifest lists: codes / (2^bits - 1), nothing else to know.

A new dataset of that kind needs a card and a manifest and no code.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ldpbench.core.errors import ImageError
from ldpbench.core.progress import Progress
from ldpbench.data.adapter import Collection, StoredSample
from ldpbench.data.layouts.by_manifest import collect_by_manifest
from ldpbench.data.png16 import decode, to_unit
from ldpbench.data.sample import Sample
from ldpbench.data.tree import Tree
from ldpbench.records import DatasetCard, ManifestRow
from ldpbench.records.dataset_card import Role

_PICTURES: tuple[Role, ...] = ("left", "right", "center", "target")


def unit_picture(stored: StoredSample, role: Role, card: DatasetCard) -> NDArray[np.float32]:
    """One stored picture as float32 (H, W, C) in [0, 1].

    Raises:
        ImageError: If bit depth or channels are not the card's.
    """
    name = f"{card.id}/{stored.id} {role}"
    codes = decode(stored.files[role], name)
    codes = codes[:, :, None] if codes.ndim == 2 else codes
    if codes.dtype.itemsize * 8 != card.bits or codes.shape[2] != card.channels:
        raise ImageError(
            f"{name}: expected {card.bits}-bit codes and {card.channels} channel(s), found {codes.dtype} {codes.shape}",
            hint=f"run `ldpbench prepare {card.id} --force`",
        )
    return to_unit(codes)


def unit_pictures(stored: StoredSample, card: DatasetCard) -> dict[Role, NDArray[np.float32]]:
    """Every picture that is stored of a scene."""
    return {role: unit_picture(stored, role, card) for role in _PICTURES if role in stored.files}


class Plain:
    """The adapter."""

    def collect(
        self,
        card: DatasetCard,
        manifest: tuple[ManifestRow, ...],
        tree: Tree | None,
        *,
        device: str,
        progress: Progress,
    ) -> Collection:
        """Every file of the manifest."""
        del card, device, progress
        assert tree is not None, "the card is not of a generated set"
        return collect_by_manifest(tree, manifest, layout="manifest")

    def decode(self, stored: StoredSample, calibration: Mapping[str, bytes], card: DatasetCard) -> Sample:
        """Pictures as codes / (2^bits - 1); a blur map as its codes; disparity in [0, 1]; depth in mm to metres."""
        del calibration
        pictures = unit_pictures(stored, card)
        planes = {
            role: decode(stored.files[role], f"{card.id}/{stored.id} {role}").astype(np.float32)
            for role in ("blur_map", "depth")
            if role in stored.files
        }
        disparity = stored.files.get("disparity")
        group = stored.facts.get("group")
        return Sample(
            id=stored.id,
            dataset=card.id,
            split=stored.split,
            bits=card.bits,
            encoding=card.encoding,
            left=pictures["left"],
            right=pictures["right"],
            center=pictures.get("center"),
            target=pictures.get("target"),
            blur_map=planes.get("blur_map"),
            disparity=None if disparity is None else to_unit(decode(disparity, f"{card.id}/{stored.id} disparity")),
            depth_m=planes["depth"] / np.float32(1000) if "depth" in planes else None,
            group=str(group) if group is not None else None,
            regions={},
        )


ADAPTER = Plain()
