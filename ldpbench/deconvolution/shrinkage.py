"""The sparse prior's part of the deconvolution: each gradient shrinks on its own.

Solves ``argmin_w |w|^alpha + beta / 2 (w - v)^2`` through a table, as the released solver does. The table is part of
the definition: linear interpolation in it is not the exact minimum.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ldpbench.metrics.jit import compiled

Plane = NDArray[np.float64]

_END = 10.0
_STEPS_PER_UNIT = 10_000.0
_NEWTON_STEPS = 4
"""Of the released solver, for an exponent without a closed form."""
_CLOSED_FORMS = (1 / 2, 2 / 3)
_CONVERGED_STEPS = 60
"""Newton steps that reach the closed forms."""


@lru_cache(maxsize=32)
def shrinkage_table(alpha: float, beta: float) -> Plane:
    """The minimising ``w`` at ``v`` = -10, -9.9999, ..., 10; float64 (200001,), read-only.

    Args:
        alpha: Exponent of the prior, above 0.
        beta: Weight of the quadratic part, above 0.
    """
    v = np.arange(1, _END * _STEPS_PER_UNIT + 1) / _STEPS_PER_UNIT
    w = np.maximum(v - 1 / beta, 0.0) if alpha == 1 else _newton(v, alpha, beta)
    table = np.concatenate([-w[::-1], [0.0], w])
    table.flags.writeable = False
    return table


def _newton(v: Plane, alpha: float, beta: float) -> Plane:
    """The minimum next to each positive ``v``, or 0 where that costs no more."""
    w = v.copy()
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for _ in range(_CONVERGED_STEPS if alpha in _CLOSED_FORMS else _NEWTON_STEPS):
            slope = alpha * np.sign(w) * np.abs(w) ** (alpha - 1) + beta * (w - v)
            w -= slope / (alpha * (alpha - 1) * np.abs(w) ** (alpha - 2) + beta)
        cheaper = np.abs(w) ** alpha + beta / 2 * (w - v) ** 2 < beta / 2 * v**2
    return np.where(cheaper, w, 0.0)  # comparisons with NaN are false


@compiled
def _looked_up(value: float, table: Plane) -> float:
    """Linear between the table's entries; beyond them its last pieces go on."""
    place = (value + _END) * _STEPS_PER_UNIT
    below = min(max(int(place), 0), table.size - 2)
    low: float = table[below]
    high: float = table[below + 1]
    return low + (place - below) * (high - low)


@compiled
def shrunk(values: Plane, table: Plane) -> Plane:
    """The table's ``w`` for each value.

    Args:
        values: float64 (n,).
        table: Of ``shrinkage_table``.
    """
    found = np.empty_like(values)
    for index in range(values.size):
        found[index] = _looked_up(values[index], table)
    return found


@compiled
def shrunk_divergence(picture: Plane, table: Plane) -> Plane:
    """``D^T w`` of a periodic picture, where ``w`` are its forward differences, shrunk by the table.

    Args:
        picture: float64 (H, W).
        table: Of ``shrinkage_table``.

    Returns:
        float64 (H, W).
    """
    height, width = picture.shape
    divergence = np.empty_like(picture)
    above = np.empty(width)
    for column in range(width):
        above[column] = _looked_up(picture[0, column] - picture[height - 1, column], table)
    for row in range(height):
        below = row + 1 if row + 1 < height else 0
        left = _looked_up(picture[row, 0] - picture[row, width - 1], table)
        for column in range(width):
            beside = column + 1 if column + 1 < width else 0
            right = _looked_up(picture[row, beside] - picture[row, column], table)
            down = _looked_up(picture[below, column] - picture[row, column], table)
            divergence[row, column] = left - right + above[column] - down
            left, above[column] = right, down
    return divergence
