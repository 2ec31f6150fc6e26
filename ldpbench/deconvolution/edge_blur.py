"""Blur at edges, spread over the picture (EBDB: Karaali and Jung, IEEE TIP 27(3), 2018).

An edge is blurred once more by a known Gaussian; how much its gradient loses tells how blurred it was. How much to blur
again is chosen for each edge: the more scales still show it, the more. Between edges the blur follows the picture.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import spsolve

from ldpbench.deconvolution.canny import canny_edges
from ldpbench.deconvolution.checks import check_picture
from ldpbench.deconvolution.domain_transform import recursive_filter

Plane = NDArray[np.float64]
Mask = NDArray[np.bool_]

MAX_SIGMA_PX = 5.0
SCALES = tuple(1 + step / 2 for step in range(9))
"""Of Canny's Gaussian, in px."""
RELIABLE_SCALES = 4
"""An edge has to be there at so many of the first scales."""
FIRST_SIGMA = 1.0
EDGE_SMOOTHNESS = 20.0
"""Weight of equal blur at neighbouring edge pixels."""
GUIDE_SPATIAL_PX, GUIDE_TONAL = 7.0, 0.5
SPREAD_SHARE, SPREAD_TONAL = 1 / 8, 3.75
"""How far edges spread, as a share of the picture's shorter side, and how much the guide stops it."""


def edge_blur_map(image: NDArray[np.floating]) -> NDArray[np.float32]:
    """The Gaussian blur of every pixel, from one picture.

    Args:
        image: Floats, nominally in [0, 1], (H, W), (H, W, 1) or (H, W, 3) in RGB order.

    Returns:
        Standard deviation in px, float32 (H, W), in [0, 5]. A picture without edges tells nothing: 0 everywhere.

    Raises:
        UsageError: If the image has another shape or type, or values that are negative or not finite.
    """
    colours = _colours(image)
    luma = linear_luma(colours)
    found = np.stack([canny_edges(luma, scale) for scale in SCALES])
    edges: Mask = np.asarray(found[:RELIABLE_SCALES].all(axis=0))
    if not edges.any():
        return np.zeros(edges.shape, np.float32)
    at_edges = found[:, edges]
    blur = edge_blur(luma, edges, second_sigma(at_edges))
    blur = smooth_along_edges(blur, edges, at_edges.sum(axis=0))
    return spread(blur, edges, colours)


def _colours(image: NDArray[np.floating]) -> Plane:
    check_picture(image)
    planes = np.asarray(image, dtype=np.float64).reshape(*image.shape[:2], -1)
    return np.asarray(np.broadcast_to(planes, (*image.shape[:2], 3)), dtype=np.float64)


def linear_luma(colours: Plane) -> Plane:
    """Luma of RGB colours in video range, about linear in light.

    Args:
        colours: float64 (H, W, 3) in [0, 1].
    """
    return np.asarray((16 / 255 + colours @ (np.array([65.481, 128.553, 24.966]) / 255)) ** 2.4, dtype=np.float64)


def second_sigma(at_edges: Mask) -> Plane:
    """How much to blur each edge again: half of the last scale before the first one that lacks it.

    Args:
        at_edges: (scales, edge pixels), whether the scale shows the pixel.

    Returns:
        Standard deviation in px, float64 (edge pixels,).
    """
    unbroken: NDArray[np.intp] = np.logical_and.accumulate(at_edges, axis=0).sum(axis=0)
    return np.asarray(np.asarray(SCALES)[unbroken - 1] / 2, dtype=np.float64)


def edge_blur(luma: Plane, edges: Mask, sigma: Plane) -> Plane:
    """The blur of each edge pixel, in px, float64 (edge pixels,); 0 where the gradients fit no blur.

    Args:
        luma: float64 (H, W).
        edges: bool (H, W).
        sigma: How much each edge pixel is blurred again, (edge pixels,), above 1.
    """
    widest = window_half(SCALES[-1] / 2)
    first = gradient_magnitude(luma, FIRST_SIGMA, widest)[edges]
    second = np.empty_like(first)
    for each in np.unique(sigma):
        chosen = sigma == each
        second[chosen] = gradient_magnitude(luma, each, window_half(each))[edges][chosen]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (first / second) ** 2
        variance = (ratio * FIRST_SIGMA**2 - sigma**2) / (1 - ratio)
    usable = np.isfinite(variance) & (variance > 0)
    return np.asarray(np.minimum(np.sqrt(np.where(usable, variance, 0.0)), MAX_SIGMA_PX), dtype=np.float64)


def window_half(sigma: float) -> int:
    """Half the side of the window of a Gaussian's derivative."""
    return 2 * int(np.ceil(2 * sigma)) + 1


def gradient_magnitude(plane: Plane, sigma: float, half: int) -> Plane:
    """Magnitude (H, W) of the gradient under a Gaussian of ``sigma`` px, windowed to ``2 * half + 1`` px."""
    steps = np.arange(-half, half + 1, dtype=np.float64)
    gaussian = np.exp(-(steps**2) / (2 * sigma**2)) / (np.sqrt(2 * np.pi) * sigma)
    slope = steps / sigma**2 * gaussian
    across = cv2.sepFilter2D(plane, cv2.CV_64F, slope, gaussian, borderType=cv2.BORDER_REFLECT)
    down = cv2.sepFilter2D(plane, cv2.CV_64F, gaussian, slope, borderType=cv2.BORDER_REFLECT)
    return np.hypot(across, down)


def smooth_along_edges(blur: Plane, edges: Mask, trust: NDArray[np.integer]) -> Plane:
    """Make blur change slowly along connected edges; pixels that more scales show count for more.

    Args:
        blur: (edge pixels,).
        edges: bool (H, W).
        trust: Number of scales that show each edge pixel, (edge pixels,).
    """
    numbers = np.full(np.add(edges.shape, 2), -1)
    numbers[1:-1, 1:-1][edges] = np.arange(blur.size)
    pairs = []
    height, width = edges.shape
    for down, right in ((0, 1), (1, -1), (1, 0), (1, 1)):
        here = numbers[1:-1, 1:-1]
        there = numbers[1 + down : 1 + down + height, 1 + right : 1 + right + width]
        linked = (here >= 0) & (there >= 0)
        pairs.append(np.stack([here[linked], there[linked]]))
    one, other = np.concatenate(pairs, axis=1)
    links = sparse.coo_array((np.ones(one.size), (one, other)), shape=(blur.size, blur.size)).tocsc()
    links += links.T
    weights = 1.0 + trust
    system = sparse.diags_array(weights + EDGE_SMOOTHNESS * links.sum(axis=0)) - EDGE_SMOOTHNESS * links
    return np.asarray(spsolve(system.tocsc(), weights * blur), dtype=np.float64)


def spread(blur: Plane, edges: Mask, colours: Plane) -> NDArray[np.float32]:
    """Blur of every pixel from that of the edges, float32 (H, W): an average that stops at the picture's outlines.

    Args:
        blur: (edge pixels,).
        edges: bool (H, W).
        colours: float64 (H, W, 3) in [0, 1].
    """
    guide = recursive_filter(colours, colours, spatial_px=GUIDE_SPATIAL_PX, tonal=GUIDE_TONAL)
    known = np.zeros((*edges.shape, 2))
    known[edges] = np.stack([blur, np.ones_like(blur)], axis=1)
    reach = min(edges.shape) * SPREAD_SHARE
    total, share = np.moveaxis(recursive_filter(known, guide, spatial_px=reach, tonal=SPREAD_TONAL), 2, 0)
    dense = np.divide(total, share, out=np.zeros_like(total), where=share > 0)
    return np.asarray(dense, dtype=np.float32)
