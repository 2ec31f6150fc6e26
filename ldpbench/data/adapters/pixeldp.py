"""PixelDP: 17 Pixel-4 scenes of Xin et al. (ICCV 2021), one green plane of the raw, linear.

The views are raw codes with black level 1024; the right view is darker and is corrected with two pictures of a white
sheet; the ground truth covers the central 1344x1008.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ldpbench.core.errors import ImageError, IntegrityError
from ldpbench.core.progress import Progress
from ldpbench.data.adapter import Collection, StoredSample
from ldpbench.data.layouts.by_manifest import collect_by_manifest
from ldpbench.data.png16 import decode
from ldpbench.data.sample import Sample
from ldpbench.data.tree import Tree
from ldpbench.records import DatasetCard, ManifestRow

BLACK_LEVEL = 1024
WHITE_CODE = 16383
GT_WHITE_CODE = 65535
CROP = (slice(252, 1260), slice(336, 1680))
"""Rows and columns of the 2016x1512 frame that the ground truth covers."""
SHEET_MEAN_PX = 101
SHEETS = ("white_sheet_left.png", "white_sheet_right.png")
NO_GROUND_TRUTH = 0
"""Code of the defocus map where nothing is known."""


def raw_to_unit(codes: NDArray[np.uint16]) -> NDArray[np.float64]:
    """Raw codes to light: max(raw - 1024, 0) / 16383. Codes below the black level must not wrap around."""
    return np.maximum(codes.astype(np.float64) - BLACK_LEVEL, 0.0) / WHITE_CODE


@lru_cache(maxsize=2)
def right_gain(left_sheet: bytes, right_sheet: bytes) -> NDArray[np.float64]:
    """Gain (1512, 2016) that makes the right view as bright as the left: the 101x101 mean of left / right sheet."""
    left, right = (
        raw_to_unit(_grey16(data, name)) for data, name in zip((left_sheet, right_sheet), SHEETS, strict=True)
    )
    if not (right > 0).all():
        raise IntegrityError(f"{SHEETS[1]} has black pixels, so no gain exists there", hint="prepare the dataset again")
    return np.asarray(cv2.blur(left / right, (SHEET_MEAN_PX, SHEET_MEAN_PX)), dtype=np.float64)


def _grey16(data: bytes, name: str) -> NDArray[np.uint16]:
    codes = decode(data, name)
    if codes.dtype != np.uint16 or codes.ndim != 2:
        raise ImageError(
            f"{name}: expected 16-bit grey codes, found {codes.dtype} {codes.shape}", hint="prepare the dataset again"
        )
    return codes.astype(np.uint16)


class PixelDP:
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
        """The publisher's 72 files; a scene counts only when all four of its files are there."""
        del card, device, progress
        assert tree is not None, "the card is not of a generated set"
        found = collect_by_manifest(tree, manifest, layout="repository")
        lacking = [name for name in SHEETS if name not in found.calibration]
        if not lacking:
            return found
        return replace(
            found,
            faults=tuple(f"{name}: missing, and without it the right view stays 17 % too dark" for name in lacking),
            missing=tuple(gap for gap in found.missing if gap.what.rsplit("/", 1)[-1] not in lacking),
        )

    def decode(self, stored: StoredSample, calibration: Mapping[str, bytes], card: DatasetCard) -> Sample:
        """Black level, white-sheet gain on the right view, central crop; the ground truth's own scale for the target.

        The white level is the maximum of the two cropped, corrected views: the ground truth was clipped to it.
        """
        codes = {
            role: _grey16(data, f"{card.id}/{stored.id} {role}")
            for role, data in stored.files.items()
            if role != "blur_map"
        }
        left = raw_to_unit(codes["left"])[CROP]
        right = (raw_to_unit(codes["right"]) * right_gain(*(calibration[name] for name in SHEETS)))[CROP]
        white_level = float(max(left.max(), right.max()))
        defocus = decode(stored.files["blur_map"], f"{card.id}/{stored.id} blur_map").astype(np.float32)
        return Sample(
            id=stored.id,
            dataset=card.id,
            split=stored.split,
            left=_plane(left),
            right=_plane(right),
            target=_plane(codes["target"].astype(np.float64) / GT_WHITE_CODE),
            blur_map=np.where(defocus == NO_GROUND_TRUTH, np.float32(np.nan), defocus),
            bits=card.bits,
            encoding=card.encoding,
            white_level=white_level,
            regions={},
        )


def _plane(values: NDArray[Any]) -> NDArray[np.float32]:
    return np.ascontiguousarray(values[..., None], dtype=np.float32)


ADAPTER = PixelDP()
