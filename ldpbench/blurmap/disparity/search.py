"""A first disparity for every pixel: all shifts of a grid tried, the best one refined by a parabola.

Both views move by half of a shift, in opposite directions, so that the map lies on the ordinary picture and exchanging
the views negates it exactly.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ldpbench.blurmap.disparity.views import equalised, slow
from ldpbench.metrics.jit import compiled

Plane = NDArray[np.float32]

WINDOWS = ((7, 1.0), (21, 0.1))
"""Side in px and weight of each window: where a small one holds texture it decides, elsewhere a larger one does."""
_TIE = np.float32(1e-4)
"""Added per px of shift, so that without any evidence the answer is 0."""


class Match(NamedTuple):
    """A first estimate at the working size."""

    disparity: Plane
    """In working px, float32 (h, w)."""
    curvature: Plane
    """How sharply the cost rises beside the best shift, at least 0."""


def search(left: Plane, right: Plane, noise: float, reach: int) -> Match:
    """The best shift of each pixel among -reach to +reach working pixels.

    Args:
        left: The left view, float32 (h, w).
        right: The right view.
        noise: Standard deviation of the noise of each.
        reach: Largest shift.
    """
    shifts = range(-reach, reach + 1)
    details = (view - slow(view) for view in equalised(left, right))
    margin = reach // 2 + 1
    left_grid, right_grid = (_with_halves(view, margin) for view in details)
    costs = np.empty((len(shifts), *left.shape), np.float32)
    floor = np.float32(2 * noise * noise + 1e-8)
    difference, energy = np.empty_like(left), np.empty_like(left)
    for index, shift in enumerate(shifts):
        _compare(left_grid, right_grid, shift, margin, difference, energy)
        np.divide(_windowed(difference), _windowed(energy) + floor, out=costs[index])
        costs[index] += _TIE * np.float32(abs(shift))
    return _vertices(costs, reach)


def _with_halves(view: Plane, margin: int) -> Plane:
    """Twice as wide: at 2 (x + margin) the pixel x, beside it the place halfway to the next one; borders repeat.

    Values are those of the cubic B-spline that ``refine`` moves the views with.
    """
    padded = cv2.copyMakeBorder(view, 0, 0, margin + 1, margin + 2, cv2.BORDER_REPLICATE)
    before, here, after, beyond = padded[:, :-3], padded[:, 1:-2], padded[:, 2:-1], padded[:, 3:]
    grid = np.empty((view.shape[0], 2 * here.shape[1]), np.float32)
    grid[:, ::2] = (before + after) * np.float32(1 / 6) + here * np.float32(4 / 6)
    grid[:, 1::2] = (before + beyond) * np.float32(1 / 48) + (here + after) * np.float32(23 / 48)
    return grid


@compiled
def _compare(left: Plane, right: Plane, shift: int, margin: int, difference: Plane, energy: Plane) -> None:
    """Squared difference and mean square of the left view moved by -shift / 2 and the right one by +shift / 2."""
    height, width = difference.shape
    for y in range(height):
        for x in range(width):
            one = left[y, 2 * (x + margin) - shift]
            other = right[y, 2 * (x + margin) + shift]
            apart, together = one - other, one + other
            difference[y, x] = apart * apart
            # Written with sum and difference, so that exchanging the views does not change the last bit.
            energy[y, x] = (apart * apart + together * together) * np.float32(0.5)


def _windowed(plane: Plane) -> Plane:
    total = np.zeros_like(plane)
    for side, weight in WINDOWS:
        once = cv2.blur(plane, (side, side), borderType=cv2.BORDER_REFLECT)
        cv2.scaleAdd(once, weight, total, total)
    return total


def _vertices(costs: NDArray[np.float32], reach: int) -> Match:
    """Vertex and opening of the parabola through the least cost of each pixel and its neighbours."""
    middle = np.clip(_least(costs, reach), 1, len(costs) - 2)
    before, least, after = (np.take_along_axis(costs, (middle + step)[None], axis=0)[0] for step in (-1, 0, 1))
    opening = (before - least) + (after - least)
    is_open = opening > np.float32(1e-9)
    offset = np.divide((before - after) / 2, opening, out=np.zeros_like(opening), where=is_open)
    disparity = np.where(is_open, (middle - reach).astype(np.float32) + np.clip(offset, -1, 1), 0).astype(np.float32)
    return Match(disparity, np.where(is_open, opening, 0).astype(np.float32))


@compiled
def _least(costs: NDArray[np.float32], reach: int) -> NDArray[np.int64]:
    """Index of the least cost; of two equal ones the one nearer to zero, and zero between opposite ones."""
    height, width = costs.shape[1:]
    best = np.empty((height, width), np.int64)
    for y in range(height):
        for x in range(width):
            farther = reach
            nearer = reach
            for step in range(1, reach + 1):
                if costs[reach + step, y, x] < costs[farther, y, x]:
                    farther = reach + step
                if costs[reach - step, y, x] < costs[nearer, y, x]:
                    nearer = reach - step
            if costs[farther, y, x] == costs[nearer, y, x]:
                best[y, x] = reach
            else:
                best[y, x] = farther if costs[farther, y, x] < costs[nearer, y, x] else nearer
    return best
