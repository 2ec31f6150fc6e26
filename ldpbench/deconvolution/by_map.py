"""Deconvolution by a map of blur: one whole picture per blur level, put together pixel by pixel.

As released with DMENet (Lee et al., CVPR 2019), there used for several estimators of blur.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from ldpbench.core.errors import UsageError
from ldpbench.core.progress import SILENT, Progress
from ldpbench.deconvolution.checks import check_picture
from ldpbench.deconvolution.kernels import gaussian_kernel
from ldpbench.deconvolution.solver import fast_deconv
from ldpbench.deconvolution.taper import edge_taper

LEVELS = 33
TAPERS = 4
RELEASED_WEIGHT = 16.8
"""The released script's lambda for DPD-blur; 420 for CUHK and 4.2 for RealDOF."""
RELEASED_ALPHA = 1.5
MAX_THREADS = 8
"""Each needs about ten planes of the picture in float64."""

Plane = NDArray[np.float64]


def hyper_laplacian_deblur(
    image: NDArray[np.floating],
    sigma_map: NDArray[np.floating],
    *,
    weight: float = RELEASED_WEIGHT,
    alpha: float = RELEASED_ALPHA,
    progress: Progress = SILENT,
) -> Plane:
    """Deconvolve a picture whose Gaussian blur is known for every pixel.

    Args:
        image: Floats, nominally in [0, 1], (H, W), (H, W, 1) or (H, W, 3).
        sigma_map: Standard deviation of the blur in px, (H, W), at least 0. It is reduced to 33 levels.
        weight: Of fidelity against the prior, above 0; the released lambda. Smaller is smoother.
        alpha: Exponent of the prior, above 0.
        progress: Told of every level.

    Returns:
        float64 in [0, 1], of the shape of ``image``. Pixels without blur come back as they were.

    Raises:
        UsageError: If shapes do not fit each other, or a value is out of range or not finite.
    """
    _check(image, sigma_map, weight, alpha)
    return deblur_levels(image, quantise_sigma(sigma_map), weight=weight, alpha=alpha, progress=progress)


def quantise_sigma(sigma_map: NDArray[np.floating]) -> Plane:
    """Reduce a map of blur to at most 33 levels.

    Bins lie between the minimum, 32 quantiles of the map's distinct values and the maximum; every value falls to its
    bin's lower edge.

    Args:
        sigma_map: Standard deviations in px, of any shape.

    Returns:
        float64, of the same shape.
    """
    values = np.asarray(sigma_map, dtype=np.float64)
    distinct = np.unique(values)
    inner = np.quantile(distinct, np.arange(1, LEVELS) / LEVELS, method="hazen")
    edges = np.concatenate([distinct[:1], inner, distinct[-1:]])
    bins = np.searchsorted(edges, values, side="right") - 1
    return np.asarray(edges[np.clip(bins, 0, LEVELS - 1)], dtype=np.float64)


def deblur_levels(
    image: NDArray[np.floating], levels: Plane, *, weight: float, alpha: float, progress: Progress = SILENT
) -> Plane:
    """Deconvolve a picture once for each distinct value of a map, and keep the pixels that have it.

    Arguments and result as for ``hyper_laplacian_deblur``; the map's values are taken as they are.
    """
    picture = np.asarray(image, dtype=np.float64).reshape(*levels.shape, -1)
    sharp = picture.copy()

    def restore(sigma: float) -> None:
        chosen = levels == sigma
        for channel in range(picture.shape[2]):
            sharp[chosen, channel] = _deblurred(picture[:, :, channel], sigma, weight, alpha)[chosen]

    sigmas = np.unique(levels)
    with ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1)) as pool:
        for _ in progress.track(pool.map(restore, sigmas), label="deconvolution", total=sigmas.size):
            pass
    return np.asarray(np.clip(sharp, 0, 1).reshape(image.shape), dtype=np.float64)


def _deblurred(plane: Plane, sigma: float, weight: float, alpha: float) -> Plane:
    """One plane, deconvolved as if the same blur were everywhere."""
    kernel = gaussian_kernel(sigma)
    margin = kernel.shape[0] // 2
    if not margin:
        return plane
    tapered = edge_taper(np.pad(plane, margin, mode="edge"), kernel, TAPERS)
    return fast_deconv(tapered, kernel, weight=weight, alpha=alpha)[margin:-margin, margin:-margin]


def _check(image: NDArray[np.floating], sigma_map: NDArray[np.floating], weight: float, alpha: float) -> None:
    if sigma_map.shape != image.shape[:2]:
        raise UsageError(f"expected a map of the picture's size {image.shape[:2]}, found {sigma_map.shape}")
    check_picture(image)
    if not (np.isfinite(sigma_map).all() and sigma_map.min() >= 0):
        raise UsageError(f"expected blur of at least 0 px, found {sigma_map.min():g} to {sigma_map.max():g}")
    if not (np.isfinite((weight, alpha)).all() and weight > 0 and alpha > 0):
        raise UsageError(f"expected a weight and an alpha above 0, found {weight:g} and {alpha:g}")
