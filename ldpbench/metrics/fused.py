"""Compiled single-thread kernels: error sums and two-dimensional SSIM in one pass over an interleaved pair.

Pictures come as (H, W * C) rows of uint8, uint16, float32 or float64, channels interleaved, both of one type. Codes are
not converted first: all sums are in code units, exact in float64 for integers, and SSIM's constants scale with white.

For SSIM a row of ``columns`` holds, for every value of a picture row, the vertical window sum of x, y, x^2 + y^2 and
x y. The horizontal window then combines neighbours of one channel, which lie ``channels`` values apart. Every loop runs
over contiguous values and so uses vector registers; that needs unsigned indices, because numba tests signed ones for
negative values, which turns the loads into gathers (six times slower).

Values must be finite. Source of SSIM: Wang et al., IEEE TIP 13(4), 2004, eq. 13, with K1 = 0.01 and K2 = 0.03.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ldpbench.metrics.jit import compiled

BOX_PX = 7
GAUSS_PX = 11

BOX_SAMPLE = 49 / 48
"""Turns the population covariance of a 7x7 window into the sample covariance."""
GAUSS_SAMPLE = 121 / 120
"""The same for 11x11, as if the Gaussian window had 121 equal weights: what scikit-image does."""
POPULATION = 1.0

_GAUSS_SIGMA_PX = 1.5
_taps = np.exp(-0.5 * (np.arange(-5, 6) / _GAUSS_SIGMA_PX) ** 2)
GAUSS_WEIGHTS: tuple[float, ...] = tuple((_taps / _taps.sum()).tolist())

# Running sums start afresh after this many rows, so rounding errors cannot pile up in a tall picture. A column's sum of
# x^2 + y^2 stays below 16 and each of its 2 * 128 updates rounds by at most 2^-50: 2.3e-13 in all, 3.3e-14 in the mean
# of a window, and below 1e-10 in SSIM even where the window is flat (denominator C2 = 9e-4). About 1e-14 in practice.
# Sums of integer codes are exact.
_BAND_ROWS = 128


class Constants(NamedTuple):
    """What SSIM's formula needs besides the window's means."""

    cov: float
    """Factor on the population covariance."""
    c1: float
    c2: float


def ssim_constants(cov: float, peak: float) -> Constants:
    """The constants for values whose white is ``peak``."""
    return Constants(cov, (0.01 * peak) ** 2, (0.03 * peak) ** 2)


@compiled
def count_outside(values: NDArray[Any], low: float, high: float) -> int:
    """How many entries of a one-dimensional array are not in [low, high]. NaN is in no range."""
    count = 0
    for i in range(values.size):
        count += not ((values[i] >= low) & (values[i] <= high))
    return count


@compiled
def _row_errors(x: NDArray[Any], y: NDArray[Any]) -> tuple[float, float]:
    square = 0.0
    absolute = 0.0
    for j in range(x.size):
        error = np.float64(x[j]) - np.float64(y[j])
        square += error * error
        absolute += abs(error)
    return square, absolute


@compiled
def error_sums(x: NDArray[Any], y: NDArray[Any]) -> tuple[float, float]:
    """Sum of (x - y)^2 and of |x - y| over two (rows, n) arrays."""
    square = 0.0
    absolute = 0.0
    for r in range(x.shape[0]):
        row = _row_errors(x[r], y[r])
        square += row[0]
        absolute += row[1]
    return square, absolute


@compiled
def masked_error_sums(x: NDArray[Any], y: NDArray[Any], mask: NDArray[np.bool_]) -> tuple[float, float]:
    """As ``error_sums`` over the values of the pixels where the (H, W) mask is true."""
    channels = x.shape[1] // mask.shape[1]
    square = 0.0
    absolute = 0.0
    for r in range(mask.shape[0]):
        for c in range(mask.shape[1]):
            if mask[r, c]:
                for j in range(c * channels, (c + 1) * channels):
                    error = np.float64(x[r, j]) - np.float64(y[r, j])
                    square += error * error
                    absolute += abs(error)
    return square, absolute


@compiled
def masked_mean(values: NDArray[np.float64], mask: NDArray[np.bool_]) -> float:
    """Mean of the (H, W) values where the mask is true; NaN if it is true nowhere."""
    total = 0.0
    count = 0
    for r in range(mask.shape[0]):
        for c in range(mask.shape[1]):
            total += values[r, c] if mask[r, c] else 0.0
            count += mask[r, c]
    return total / count if count else np.nan


@compiled
def _add_row(x: NDArray[Any], y: NDArray[Any], weight: float, columns: NDArray[np.float64]) -> None:
    sum_x, sum_y, sum_squares, sum_products = columns[0], columns[1], columns[2], columns[3]
    for j in range(x.size):
        a = np.float64(x[j])
        b = np.float64(y[j])
        sum_x[j] += weight * a
        sum_y[j] += weight * b
        sum_squares[j] += weight * (a * a + b * b)
        sum_products[j] += weight * (a * b)


@compiled
def _similarity(mx: float, my: float, mean_squares: float, mean_product: float, by: Constants) -> float:
    """SSIM of one window from its means of x, y, x^2 + y^2 and x y."""
    product = mx * my
    squares = mx * mx + my * my
    top = (2.0 * product + by.c1) * (2.0 * by.cov * (mean_product - product) + by.c2)
    return top / ((squares + by.c1) * (by.cov * (mean_squares - squares) + by.c2))


@compiled
def _box(column: NDArray[np.float64], j: int | np.uint64, s: np.uint64) -> float:
    i4 = j + s + s + s + s
    total = column[j] + column[j + s] + column[j + s + s] + column[j + s + s + s]
    return float(total + column[i4] + column[i4 + s] + column[i4 + s + s]) / 49.0


@compiled
def _gauss(column: NDArray[np.float64], j: int | np.uint64, s: np.uint64) -> float:
    i2 = j + s + s
    i4 = i2 + s + s
    i6 = i4 + s + s
    i8 = i6 + s + s
    i10 = i8 + s + s
    return float(
        GAUSS_WEIGHTS[0] * (column[j] + column[i10])
        + GAUSS_WEIGHTS[1] * (column[j + s] + column[i8 + s])
        + GAUSS_WEIGHTS[2] * (column[i2] + column[i8])
        + GAUSS_WEIGHTS[3] * (column[i2 + s] + column[i6 + s])
        + GAUSS_WEIGHTS[4] * (column[i4] + column[i6])
        + GAUSS_WEIGHTS[5] * column[i4 + s]
    )


@compiled
def _box_row(columns: NDArray[np.float64], channels: int, by: Constants, out: NDArray[np.float64]) -> None:
    step = np.uint64(channels)
    x, y, squares, products = columns[0], columns[1], columns[2], columns[3]
    for j in range(np.uint64(out.size)):
        out[j] = _similarity(_box(x, j, step), _box(y, j, step), _box(squares, j, step), _box(products, j, step), by)


@compiled
def _gauss_row(columns: NDArray[np.float64], channels: int, by: Constants, out: NDArray[np.float64]) -> None:
    step = np.uint64(channels)
    x, y, squares, products = columns[0], columns[1], columns[2], columns[3]
    for j in range(np.uint64(out.size)):
        out[j] = _similarity(
            _gauss(x, j, step), _gauss(y, j, step), _gauss(squares, j, step), _gauss(products, j, step), by
        )


@compiled
def _keep_row(row: NDArray[np.float64], channels: int, r: int, ssim_map: NDArray[np.float64]) -> float:
    """Sum of a row of SSIM values; its means over the channels go into row ``r`` of the map."""
    for c in range(ssim_map.shape[1]):
        total = 0.0
        for j in range(c * channels, (c + 1) * channels):
            total += row[j]
        ssim_map[r, c] = total / channels
    return float(row.sum())


@compiled
def box_pass(
    x: NDArray[Any], y: NDArray[Any], channels: int, by: Constants, ssim_map: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Errors and uniform 7x7 SSIM of a pair together.

    Args:
        x: (H, W * channels), H and W at least 7.
        y: Same shape and type.
        channels: Number of interleaved channels.
        by: From ``ssim_constants``.
        ssim_map: (H - 6, W - 6), filled with the mean over the channels of the SSIM of every window.

    Returns:
        Sum of squared errors, sum of absolute errors, mean SSIM over all windows and channels.
    """
    height, width = x.shape
    columns = np.zeros((4, width))
    row = np.empty(width - (BOX_PX - 1) * channels)
    square = 0.0
    absolute = 0.0
    similarity = 0.0
    for r in range(height):
        errors = _row_errors(x[r], y[r])
        square += errors[0]
        absolute += errors[1]
        top = r - (BOX_PX - 1)
        if top > 0 and top % _BAND_ROWS == 0:
            columns[:] = 0.0
            for k in range(top, r):
                _add_row(x[k], y[k], 1.0, columns)
        elif top > 0:
            _add_row(x[top - 1], y[top - 1], -1.0, columns)
        _add_row(x[r], y[r], 1.0, columns)
        if top >= 0:
            _box_row(columns, channels, by, row)
            similarity += _keep_row(row, channels, top, ssim_map)
    return square, absolute, similarity / ((height - BOX_PX + 1) * row.size)


@compiled
def gauss_pass(x: NDArray[Any], y: NDArray[Any], channels: int, by: Constants, ssim_map: NDArray[np.float64]) -> float:
    """Mean SSIM with the Gaussian 11x11 window of sigma 1.5; arguments as ``box_pass``, map (H - 10, W - 10)."""
    height, width = x.shape
    columns = np.empty((4, width))
    row = np.empty(width - (GAUSS_PX - 1) * channels)
    similarity = 0.0
    for top in range(height - GAUSS_PX + 1):
        columns[:] = 0.0
        for k in range(GAUSS_PX):
            _add_row(x[top + k], y[top + k], GAUSS_WEIGHTS[k], columns)
        _gauss_row(columns, channels, by, row)
        similarity += _keep_row(row, channels, top, ssim_map)
    return float(similarity / ((height - GAUSS_PX + 1) * row.size))
