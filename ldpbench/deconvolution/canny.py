"""Canny's edges with automatic thresholds, as MATLAB's ``edge`` finds them."""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ldpbench.metrics.jit import compiled_exactly

Plane = NDArray[np.float64]
Mask = NDArray[np.bool_]

NO_EDGE_SHARE = 0.7
"""Share of the pixels below the high threshold."""
LOW_TO_HIGH = 0.4
BINS = 64


def canny_edges(plane: Plane, sigma: float) -> Mask:
    """Thin edges of a plane smoothed by a Gaussian.

    Args:
        plane: float64 (H, W).
        sigma: Of the Gaussian, in px.

    Returns:
        bool (H, W); nothing on the border, nothing in a flat plane.
    """
    across, down = _smooth_gradient(np.asarray(plane, dtype=np.float64), sigma)
    magnitude = np.hypot(across, down)
    if not magnitude.max() > 0:
        return np.zeros(plane.shape, dtype=np.bool_)
    magnitude /= magnitude.max()
    low, high = thresholds(magnitude)
    weak = _local_maxima(across, down, magnitude) & (magnitude > low)
    groups, _ = ndimage.label(weak, np.ones((3, 3)))
    strong = np.zeros(groups.max() + 1, dtype=np.bool_)
    strong[groups[weak & (magnitude > high)]] = True
    return thinned(strong[groups])


def thresholds(magnitude: Plane) -> tuple[float, float]:
    """Low and high threshold: the upper end of the histogram's bin that completes 70 % of the pixels, and 0.4 of it.

    Args:
        magnitude: Gradient magnitude, its maximum 1.
    """
    bins = np.floor(magnitude * (BINS - 1) + 0.5).astype(np.intp)
    below = np.cumsum(np.bincount(bins.ravel(), minlength=BINS))
    high = float(np.argmax(below > NO_EDGE_SHARE * magnitude.size) + 1) / BINS
    return LOW_TO_HIGH * high, high


def thinned(edges: Mask) -> Mask:
    """One step of parallel thinning (Guo and Hall), in its two halves."""
    for removable in _REMOVABLE:
        ring = np.pad(edges, 1).astype(np.uint8)
        height, width = edges.shape
        codes = np.zeros(edges.shape, np.uint8)
        for bit, (down, right) in enumerate(_RING):
            codes |= ring[1 + down : 1 + down + height, 1 + right : 1 + right + width] << np.uint8(bit)
        edges = edges & ~removable[codes]
    return edges


_RING = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))
"""Row and column steps to the neighbours, from the right one counter-clockwise."""


def _removable(half: int) -> Mask:
    """For each of the 256 neighbourhoods, whether the pixel in its middle goes in this half of a thinning step."""
    bit = ((np.arange(256)[:, None] >> np.arange(8)) & 1).astype(np.bool_)
    straight, diagonal, following = bit[:, 0::2], bit[:, 1::2], np.roll(bit, -2, axis=1)[:, 0::2]
    one_piece = (~straight & (diagonal | following)).sum(axis=1) == 1
    pairs = np.minimum((straight | diagonal).sum(axis=1), (diagonal | following).sum(axis=1))
    turned = np.roll(bit, -4 * half, axis=1)  # the second half looks from the other side
    open_side = ~((turned[:, 1] | turned[:, 2] | ~turned[:, 7]) & turned[:, 0])
    return np.asarray(one_piece & (pairs >= 2) & (pairs <= 3) & open_side, dtype=np.bool_)


_REMOVABLE = (_removable(0), _removable(1))


def _smooth_gradient(plane: Plane, sigma: float) -> tuple[Plane, Plane]:
    """Derivatives along the rows and along the columns of the smoothed plane."""
    reach = int(np.ceil(4 * sigma))
    steps = np.arange(-reach, reach + 1, dtype=np.float64)
    gaussian = np.exp(-(steps**2) / (2 * sigma**2))
    gaussian /= gaussian.sum()
    slope = np.gradient(gaussian)
    slope[slope > 0] /= slope[slope > 0].sum()
    slope[slope < 0] /= -slope[slope < 0].sum()
    flipped = slope[::-1].copy()  # OpenCV correlates

    def filtered(along_rows: Plane, along_columns: Plane) -> Plane:
        done = cv2.sepFilter2D(plane, cv2.CV_64F, along_rows, along_columns, borderType=cv2.BORDER_REPLICATE)
        return np.asarray(done, dtype=np.float64)

    return filtered(flipped, gaussian), filtered(gaussian, flipped)


@compiled_exactly
def _local_maxima(across: Plane, down: Plane, magnitude: Plane) -> Mask:
    """Pixels no weaker than the interpolated magnitudes before and behind them, along the gradient."""
    height, width = magnitude.shape
    found = np.zeros((height, width), np.bool_)
    for row in range(1, height - 1):
        for column in range(1, width - 1):
            x, y, here = across[row, column], down[row, column], magnitude[row, column]
            if x == 0 and y == 0:
                continue
            # The two neighbours on each side: the straight one, and the diagonal one that the gradient leans to.
            steep = abs(y) >= abs(x)
            lean = (abs(x) / abs(y)) if steep else (abs(y) / abs(x))
            same = 1 if (x > 0) == (y > 0) else -1  # components of one sign lean to the main diagonal
            straight_row, straight_column = (1, 0) if steep else (0, 1)
            diagonal_row, diagonal_column = (1, same) if steep else (same, 1)
            ahead = (
                magnitude[row + straight_row, column + straight_column] * (1 - lean)
                + magnitude[row + diagonal_row, column + diagonal_column] * lean
            )
            behind = (
                magnitude[row - straight_row, column - straight_column] * (1 - lean)
                + magnitude[row - diagonal_row, column - diagonal_column] * lean
            )
            found[row, column] = here >= ahead and here >= behind
    return found
