"""The kernels of Gaussian blur, as the released scripts cut them."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft

SIDE_PX = 101
"""Side of the window on which a Gaussian is sampled."""


def gaussian_kernel(sigma_px: float) -> NDArray[np.float64]:
    """A sampled Gaussian of sum 1, cropped to where it is not 0.

    Weights below the machine's epsilon times the largest are 0. A ``sigma_px`` so small that only the middle is left
    gives the kernel [[1]].

    Args:
        sigma_px: Standard deviation in px, at least 0.

    Returns:
        float64 (n, n), n odd and at most 101.
    """
    half = SIDE_PX // 2
    squared = np.arange(-half, half + 1, dtype=np.float64) ** 2
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        weights = np.exp(-(squared[:, None] + squared) / (2.0 * sigma_px * sigma_px))
    weights[half, half] = 1.0  # also where sigma is 0
    weights[weights < np.finfo(np.float64).eps] = 0.0
    reach = int(np.flatnonzero(weights[half, half:])[-1])
    inside = slice(half - reach, half + reach + 1)
    cropped = weights[inside, inside]
    return np.asarray(cropped / cropped.sum(), dtype=np.float64)


def transfer_function(kernel: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.complex128]:
    """Half spectrum (H, W // 2 + 1) of a kernel whose middle lies on the pixel (0, 0) of a periodic picture.

    Args:
        kernel: float64 (n, m), no larger than the picture. The middle of even sizes is the lower, right one.
        shape: (H, W) of the picture.
    """
    canvas = np.zeros(shape)
    canvas[: kernel.shape[0], : kernel.shape[1]] = kernel
    middle = tuple(-(size // 2) for size in kernel.shape)
    return np.asarray(fft.rfft2(np.roll(canvas, middle, axis=(0, 1))), dtype=np.complex128)
