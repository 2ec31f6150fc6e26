"""The two views made comparable: one grey plane each, at the working size, equally bright, without slow changes."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ldpbench.core.errors import UsageError

Plane = NDArray[np.float32]
Image = NDArray[np.float32]

WORKING_PIXELS = 600_000
"""Larger pictures are halved until they have fewer pixels; disparity is a slow function of place."""
MIN_SIDE_PX = 16
GAIN_SIGMA_PX = 16.0
"""Differences in brightness that are wider than this are taken out, at the working size."""
GAIN_FLOOR = np.float32(0.02)
"""Keeps the gain near 1 where it is too dark to tell, in mean brightnesses."""
_TAPS = np.array([0.25, 0.5, 0.25], np.float32)
_TINY = 1e-6
_SECOND_DIFFERENCE_GAIN = 6.0
"""By how much second differences along both axes, [1 -2 1] twice, raise the deviation of white noise."""
_MAD_TO_SIGMA = 0.6745


@dataclass(frozen=True, eq=False)
class WorkingViews:
    """What the matching works on.

    Args:
        left: float32 (h, w); 1 is the mean brightness of the pair.
        right: As ``left``.
        guide: float32 (h, w): the ordinary picture at the same scale.
        noise: Standard deviation of the noise of one view.
        scale: Picture pixels per working pixel along a row.
    """

    left: Plane
    right: Plane
    guide: Plane
    noise: float
    scale: float


def check_views(left: Image, right: Image) -> None:
    """Check what an estimator is given.

    Raises:
        UsageError: If the views are no pictures, do not fit each other, are too small or hold NaN or values below 0.
    """
    if left.ndim != 3 or left.shape[2] not in (1, 3):
        raise UsageError(f"left view: expected (H, W, 1 or 3), found {left.shape}")
    if left.shape != right.shape:
        raise UsageError(f"the views differ in shape: {left.shape} and {right.shape}")
    if min(left.shape[:2]) < MIN_SIDE_PX:
        raise UsageError(f"the views are {left.shape[1]}x{left.shape[0]} px; expected at least {MIN_SIDE_PX} a side")
    for name, view in (("left", left), ("right", right)):
        low, high = float(view.min()), float(view.max())
        if not (low >= 0 and math.isfinite(high)):
            raise UsageError(f"the {name} view: expected finite values of at least 0, found {low:.6g} to {high:.6g}")


def prepare_views(left: Image, right: Image) -> WorkingViews:
    """Make the views comparable.

    Args:
        left: float32 (H, W, C), at least 0.
        right: Of the same shape.
    """
    one, other = (_grey(view) for view in (left, right))
    brightness = max(float(np.mean(one + other, dtype=np.float64)) / 2, _TINY)
    one, other = (np.divide(view, np.float32(brightness)) for view in (one, other))
    guide: Plane = np.divide(one + other, np.float32(2))
    scale = left.shape[1] / one.shape[1]
    return WorkingViews(one, other, guide=guide, noise=_noise(one, other), scale=scale)


def equalised(left: Plane, right: Plane) -> tuple[Plane, Plane]:
    """Both views made equally bright everywhere: the gain of one half of the pixels against the other varies slowly."""
    mean_left, mean_right = slow(left) + GAIN_FLOOR, slow(right) + GAIN_FLOOR
    middle = np.sqrt(mean_left * mean_right)  # the same, to the last bit, when the views are exchanged
    return np.divide(left * mean_right, middle), np.divide(right * mean_left, middle)


def slow(plane: Plane) -> Plane:
    """Everything wider than ``GAIN_SIGMA_PX``: a Gaussian as three box filters, whose time does not grow with it."""
    side = int(np.sqrt(4 * GAIN_SIGMA_PX**2 + 1)) | 1
    for _ in range(3):
        plane = np.asarray(cv2.blur(plane, (side, side), borderType=cv2.BORDER_REFLECT), dtype=np.float32)
    return plane


def _grey(view: Image) -> Plane:
    """The channels' mean at the working size: blur is the same in all of them, and their mean has less noise."""
    plane = view[:, :, 0] if view.shape[2] == 1 else cv2.transform(view, np.full((1, 3), 1 / 3, np.float32))
    plane = np.ascontiguousarray(plane, dtype=np.float32)
    while plane.size > WORKING_PIXELS:
        # The mean of 2x2 pixels alone lets fine detail through as coarse detail that does not move with the scene.
        smooth = cv2.sepFilter2D(plane, -1, _TAPS, _TAPS, borderType=cv2.BORDER_REFLECT)
        half = ((plane.shape[1] + 1) // 2, (plane.shape[0] + 1) // 2)
        plane = np.asarray(cv2.resize(smooth, half, interpolation=cv2.INTER_AREA), dtype=np.float32)
    return plane


def _noise(left: Plane, right: Plane) -> float:
    """Standard deviation of one view's noise: the median of its second differences, which detail hardly moves."""
    found = [np.abs(np.diff(np.diff(view, 2, axis=1), 2, axis=0)).ravel() for view in (left, right)]
    return float(np.median(np.concatenate(found)) / _MAD_TO_SIGMA / _SECOND_DIFFERENCE_GAIN)
