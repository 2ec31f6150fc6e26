"""The PSFs that are assumed, as transfer functions on the padded grid."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from ldpbench.api import PsfShape, psf_preset, signed_kernels

MAX_RADIUS_PX = 16
"""Largest blur radius that is looked for, on either side of focus."""
RADII = range(-MAX_RADIUS_PX, MAX_RADIUS_PX + 1)
SHAPES = (psf_preset("realistic"), psf_preset("rdpd/1"))
"""The shape fitted to a phone's calibrated kernels, and the marked ring of the published simulator."""

Transfer = NDArray[np.complex64]


def left_transfer(radius_px: int, shape: PsfShape, grid: tuple[int, int]) -> Transfer:
    """Half spectrum (height, width // 2 + 1) of the left view's PSF, centred on the pixel.

    The right view's PSF is the left one turned by 180 degrees, so its spectrum is the complex conjugate.
    """
    left, _ = signed_kernels(radius_px, shape)
    psf = left[::-1, ::-1]  # kernels are correlation weights; a convolution takes them turned
    half = psf.shape[0] // 2
    canvas = np.zeros(grid, np.float32)
    canvas[: psf.shape[0], : psf.shape[1]] = psf
    return np.asarray(fft.rfft2(np.roll(canvas, (-half, -half), axis=(0, 1)), workers=-1), dtype=np.complex64)
