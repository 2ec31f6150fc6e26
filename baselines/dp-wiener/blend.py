"""One joint Wiener deconvolution per radius, blended by the map of radii."""

import numpy as np
from numpy.typing import NDArray

from ldpbench.api import PsfShape

from .kernels import left_transfer
from .spectra import PaddedViews, Spectrum, squared_frequency

MODEL_ERROR = 0.03
"""Part of the noise-to-signal ratio that stays without noise: the assumed PSF is never quite the true one."""
NATURAL_BAND = (0.01, 0.06)
"""Frequencies, in cycles per pixel, that blur hardly touches: there the picture's own power is measured."""
BORDER_REACH = 1.5
"""Deconvolution is trusted fully at this many blur radii from the border."""

Picture = NDArray[np.float32]


def blend_radii(views: PaddedViews, radius: NDArray[np.float32], shape: PsfShape) -> Picture:
    """The restored picture (C, H, W): between two whole radii, a linear mix of their deconvolutions.

    Where the radius is 0 the mean of the views comes back untouched.

    Args:
        views: What was seen.
        radius: Signed blur radius in px, float32 (H, W).
        shape: The PSF's shape.
    """
    ratio = noise_to_signal(views)
    mean = (views.left + views.right) / 2
    total = np.zeros_like(mean)
    for whole in range(int(np.floor(radius.min())), int(np.ceil(radius.max())) + 1):
        share = np.maximum(1 - np.abs(radius - whole), 0)
        if share.any():
            sharp = (
                mean
                if whole == 0
                else views.inverse(_deconvolve(views, left_transfer(whole, shape, views.grid), ratio))
            )
            total += share * sharp
    inside = border_share(radius)
    return inside * total + (1 - inside) * mean


def border_share(radius: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far each pixel trusts its deconvolution, (H, W) in [0, 1].

    What lay outside the picture is unknown, so within reach of the PSF the mean of the views takes over.
    """
    height, width = radius.shape
    down = np.minimum(np.arange(height), np.arange(height)[::-1])[:, None]
    across = np.minimum(np.arange(width), np.arange(width)[::-1])[None, :]
    distance = np.minimum(down, across) + 1
    return np.asarray(np.clip(distance / np.maximum(BORDER_REACH * np.abs(radius), 1.0), 0, 1), dtype=np.float32)


def noise_to_signal(views: PaddedViews) -> NDArray[np.float32]:
    """Noise power over the power of a natural picture, which falls with the square of the frequency."""
    squared = squared_frequency(views.grid)
    left, right = views.spectra
    power = np.abs((left + right) / 2).astype(np.float64) ** 2 / (views.grid[0] * views.grid[1])
    low, high = NATURAL_BAND
    amplitude = float((power * squared)[:, (squared > low**2) & (squared < high**2)].mean())
    natural = amplitude / np.maximum(squared, 1e-6)
    return np.asarray(views.noise**2 / np.maximum(natural, 1e-12) + MODEL_ERROR, dtype=np.float32)


def _deconvolve(views: PaddedViews, transfer: Spectrum, ratio: NDArray[np.float32]) -> Spectrum:
    """The spectrum that explains both views best under the PSFs of one radius (joint Wiener filter)."""
    left, right = views.spectra
    matched = np.conj(transfer) * left + transfer * right
    matched /= 2 * (transfer.real**2 + transfer.imag**2) + ratio
    matched[..., 0, 0] = (left + right)[..., 0, 0] / 2  # the filter must not darken the picture
    return matched
