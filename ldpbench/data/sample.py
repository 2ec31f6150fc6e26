"""One scene, decoded and checked."""

from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ldpbench.core.errors import IntegrityError

Image = NDArray[np.float32]
_IMAGES = ("left", "right", "center", "target")


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """One scene of a dataset. Checked once, here; everything behind it may rely on it.

    Pictures are float32 (H, W, C) with C = 1 or 3 (RGB), values in [0, 1].

    Args:
        id: Unique within the split; safe as a file name.
        dataset: The dataset's id.
        split: The split's name.
        left: The left view.
        right: The right view.
        bits: Bit depth of the files the views came from.
        encoding: ``srgb`` for display codes, ``linear`` for values proportional to light.
        center: The ordinary picture, where the set has one.
        target: The all-in-focus picture, where the set has one.
        blur_map: float32 (H, W), in the set's own unit (see its card); NaN where there is no ground truth.
        disparity: float32 (H, W), in the set's own unit and sign (see its card); NaN where there is no ground truth.
        depth_m: float32 (H, W), metres; NaN where unknown.
        white_level: The value of the views at which the scene is white; protocols may divide by it. 1 for sRGB.
        group: The group of scenes it belongs to, such as ``indoor``, where the set has groups.
        regions: Named boolean masks (H, W) to score in, such as ``in-focus``, ``near`` and ``far``.
    """

    id: str
    dataset: str
    split: str
    left: Image
    right: Image
    bits: int
    encoding: Literal["srgb", "linear"]
    center: Image | None = None
    target: Image | None = None
    blur_map: Image | None = None
    disparity: Image | None = None
    depth_m: Image | None = None
    white_level: float = 1.0
    group: str | None = None
    regions: dict[str, NDArray[np.bool_]]

    def __post_init__(self) -> None:
        for name in _IMAGES:
            picture = getattr(self, name)
            if picture is not None:
                self._check_picture(name, picture)
        for name, plane in [
            ("blur_map", self.blur_map),
            ("disparity", self.disparity),
            ("depth_m", self.depth_m),
            *self.regions.items(),
        ]:
            if plane is not None and plane.shape != self.left.shape[:2]:
                raise self._fault(name, f"expected shape {self.left.shape[:2]}, found {plane.shape}")
        if not 0.0 < self.white_level <= 1.0:
            raise self._fault("white_level", f"expected a value in (0, 1], found {self.white_level}")

    def _check_picture(self, name: str, picture: NDArray[Any]) -> None:
        if picture.dtype != np.float32 or picture.ndim != 3 or picture.shape[2] not in (1, 3):
            raise self._fault(name, f"expected float32 (H, W, 1 or 3), found {picture.dtype} {picture.shape}")
        if picture.shape != self.left.shape:
            raise self._fault(name, f"expected the left view's shape {self.left.shape}, found {picture.shape}")
        low, high = float(picture.min()), float(picture.max())
        if not (low >= 0.0 and high <= 1.0):
            raise self._fault(name, f"expected values in [0, 1], found {low:.6g} to {high:.6g}")

    def _fault(self, name: str, message: str) -> IntegrityError:
        return IntegrityError(
            f"{self.dataset}/{self.split}/{self.id} {name}: {message}",
            hint=f"run `ldpbench datasets verify {self.dataset}`",
        )

    @property
    def center_view(self) -> Image:
        """The ordinary picture where the set has one, else the mean of the two views."""
        if self.center is not None:
            return self.center
        return np.asarray((self.left + self.right) / np.float32(2), dtype=np.float32)

    def __repr__(self) -> str:
        present = [spec.name for spec in fields(self) if spec.name in _IMAGES and getattr(self, spec.name) is not None]
        height, width, channels = self.left.shape
        return f"Sample({self.dataset}/{self.split}/{self.id}, {width}x{height}x{channels}, {', '.join(present)})"
