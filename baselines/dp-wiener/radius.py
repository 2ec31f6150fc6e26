"""The signed blur radius of every pixel, from the two views alone.

With the true radius, the left view under the right PSF equals the right view under the left PSF: both are the sharp
picture under both PSFs. What remains of their difference, divided by the root of the PSFs' summed power, is white noise
of the sensor's strength; a wrong radius leaves more. The remainder is summed over windows of several sizes: where a
small window holds texture it decides, elsewhere a larger one does.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from ldpbench.api import PsfShape

from .kernels import RADII, SHAPES, left_transfer
from .spectra import PaddedViews, Spectrum, squared_frequency

WINDOWS = ((4.0, 1.0), (10.0, 0.1), (30.0, 0.01))
"""Standard deviation in px and weight of each window."""
HIGH_PASS_PERIOD_PX = 40.0
"""Slower changes are left out: shading differs between the views and tells nothing of blur."""
MIN_POWER = 1e-3
"""Keeps frequencies that no view holds from being raised without bound."""
SMOOTHNESS_PX = 3.0
"""Standard deviation of the last smoothing of the map."""
CHOICE_PX = 512
"""Side of the middle part of the picture on which the shape of the PSF is chosen."""
EVIDENCE = 1.2
"""By how much another shape has to leave less noise than the first one.

A ring is smaller than the realistic PSF of the same disparity, so it reaches across fewer outlines and leaves a little
less even where it is wrong: up to 1.15 times less in scenes rendered with the realistic PSF, but at least 1.21 times
less in scenes rendered with rings or boxes.
"""
TINY = 1e-12
"""Keeps the logarithm finite in pictures without noise or detail."""

Plane = NDArray[np.float32]


def choose_shape(views: PaddedViews) -> PsfShape:
    """The first shape, unless another one leaves clearly less noise, relative to what it can leave.

    Judged in the middle of the picture, by the geometric mean over pixels: outlines, where two blurs meet and nothing
    fits, must not decide.
    """
    top, left = (max((size - CHOICE_PX) // 2, 0) for size in views.left.shape[-2:])
    middle = (slice(None), slice(top, top + CHOICE_PX), slice(left, left + CHOICE_PX))
    part = PaddedViews(views.left[middle], views.right[middle], views.margin)

    def log_noise(shape: PsfShape) -> float:
        shares = [_noise_share(left_transfer(c, shape, part.grid)) for c in RADII]
        relative = _costs(part, shape) / np.array(shares, np.float32)[:, None, None]
        return float(np.log(np.maximum(relative.min(axis=0), TINY)).mean())

    first, *others = SHAPES
    noise = {shape: log_noise(shape) for shape in SHAPES}
    best = min(others, key=noise.__getitem__)
    return best if noise[best] + np.log(EVIDENCE) < noise[first] else first


def estimate_radius(views: PaddedViews, shape: PsfShape) -> Plane:
    """Signed radius in px, float32 (H, W), negative nearer than the focus; smoothed by how sure each pixel is."""
    costs = _costs(views, shape)
    best = np.clip(np.argmin(costs, axis=0), 1, len(costs) - 2)
    before, least, after = (np.take_along_axis(costs, (best + step)[None], axis=0)[0] for step in (-1, 0, 1))
    curvature = np.maximum(before - 2 * least + after, 1e-9)
    offset = np.clip(0.5 * (before - after) / curvature, -1, 1)  # the vertex of a parabola through the three
    radius = cv2.medianBlur((best + RADII.start + offset).astype(np.float32), 5)
    smooth = _blur(radius * curvature, SMOOTHNESS_PX) / _blur(curvature, SMOOTHNESS_PX)
    return np.asarray(smooth, dtype=np.float32)


def _costs(views: PaddedViews, shape: PsfShape) -> Plane:
    """The windowed power of the remainder for each radius, float32 (radii, H, W)."""
    slow = squared_frequency(views.grid) * np.float32(HIGH_PASS_PERIOD_PX**2)
    # The channels' mean will do: blur is the same in all of them, and their mean has less noise.
    left, right = ((spectrum.mean(axis=0) * (slow / (1 + slow))).astype(np.complex64) for spectrum in views.spectra)
    return np.stack([_cost(views, left, right, left_transfer(c, shape, views.grid)) for c in RADII])


def _cost(views: PaddedViews, left: Spectrum, right: Spectrum, transfer: Spectrum) -> Plane:
    crossed = np.conj(transfer) * left
    crossed -= transfer * right
    crossed /= np.sqrt(_power(transfer) + np.float32(MIN_POWER))
    return _windowed(views.inverse(crossed) ** 2)


def _power(transfer: Spectrum) -> Plane:
    """Summed power of the two PSFs; both have the same."""
    return np.asarray(2 * (transfer.real**2 + transfer.imag**2), dtype=np.float32)


def _noise_share(transfer: Spectrum) -> float:
    """Share of the sensor's noise that is left in a remainder: PSFs with less power leave less."""
    power = _power(transfer)
    return float((power / (power + np.float32(MIN_POWER))).mean())


def _windowed(plane: Plane) -> Plane:
    total = np.zeros_like(plane)
    for sigma, weight in WINDOWS:
        total += np.float32(weight) * _blur(plane, sigma)
    return total


def _blur(plane: Plane, sigma: float) -> Plane:
    """A Gaussian as three box filters: its time does not grow with sigma."""
    side = int(np.sqrt(4 * sigma * sigma + 1)) | 1
    for _ in range(3):
        plane = np.asarray(cv2.blur(plane, (side, side), borderType=cv2.BORDER_REFLECT), dtype=np.float32)
    return plane
