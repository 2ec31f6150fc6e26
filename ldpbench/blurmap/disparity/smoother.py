"""Edge-aware smoothing along rows and columns, which also fills what nobody measured.

One pass solves, for each row and then for each column, the weighted least-squares problem
``sum (u - f)^2 + strength * sum a (u - u_next)^2`` by elimination: linear time, any reach. A few passes with falling
strength come close to the two-dimensional solution. Source: "Fast Global Image Smoothing Based on Weighted Least
Squares", Min et al., IEEE TIP 2014, section III.
"""

import numpy as np
from numpy.typing import NDArray

from ldpbench.metrics.jit import compiled

Plane = NDArray[np.float32]

PASSES = 3
_ATTENUATION = 4.0
"""By how much the strength falls from pass to pass."""


class EdgeAwareSmoother:
    """A smoother for planes of one size, steered by one guide.

    Args:
        guide: float32 (H, W): the picture whose outlines are kept.
        tolerance: Step of the guide between neighbours at which their bond falls to 1/e.
        reach_px: How far smoothing goes where the guide is flat: the decay length of all
            passes together.
    """

    def __init__(self, guide: Plane, *, tolerance: float, reach_px: float) -> None:
        self._across = _bonds(np.diff(guide, axis=1), tolerance)
        self._down = _bonds(np.diff(guide, axis=0), tolerance)
        shares = [_ATTENUATION ** (PASSES - 1 - turn) for turn in range(PASSES)]
        self._strengths = [reach_px**2 * share / sum(shares) for share in shares]

    def smooth(self, *planes: Plane) -> tuple[Plane, ...]:
        """Each plane smoothed; a constant stays what it is and the sum over a plane is kept."""
        stack = np.stack(planes, axis=-1)
        for strength in self._strengths:
            _solve_rows(stack, self._across, np.float32(strength))
            _solve_columns(stack, self._down, np.float32(strength))
        return tuple(np.ascontiguousarray(stack[..., index]) for index in range(len(planes)))

    def fill(self, values: Plane, weights: Plane) -> Plane:
        """Weighted mean of what was measured around each pixel; 0 where nothing was measured anywhere.

        Args:
            values: float32 (H, W); what has no weight is not looked at.
            weights: float32 (H, W), at least 0.
        """
        weighted, total = self.smooth(values * weights, weights)
        return np.divide(weighted, total, out=np.zeros_like(weighted), where=total > np.float32(1e-30))


def _bonds(steps: Plane, tolerance: float) -> Plane:
    """How much neighbours belong together, in (0, 1]."""
    return np.asarray(np.maximum(np.exp(np.abs(steps) * np.float32(-1 / tolerance)), np.float32(1e-4)), np.float32)


@compiled
def _solve_rows(stack: NDArray[np.float32], bonds: Plane, strength: np.float32) -> None:
    """Solve each row of (H, W, K) in place by Thomas' algorithm; ``bonds`` is (H, W - 1)."""
    height, width, count = stack.shape
    upper = np.empty(width, np.float32)
    one = np.float32(1)
    for y in range(height):
        before = np.float32(0)
        factor = np.float32(0)
        for x in range(width):
            after = strength * bonds[y, x] if x < width - 1 else np.float32(0)
            pivot = one / (one + before + after - before * factor)
            for k in range(count):
                carried = before * stack[y, x - 1, k] if x > 0 else np.float32(0)
                stack[y, x, k] = (stack[y, x, k] + carried) * pivot
            factor = after * pivot
            upper[x] = factor
            before = after
        for x in range(width - 2, -1, -1):
            for k in range(count):
                stack[y, x, k] += upper[x] * stack[y, x + 1, k]


@compiled
def _solve_columns(stack: NDArray[np.float32], bonds: Plane, strength: np.float32) -> None:
    """Solve each column of (H, W, K) in place, all columns of a row at a time; ``bonds`` is (H - 1, W)."""
    height, width, count = stack.shape
    upper = np.zeros((height, width), np.float32)
    one = np.float32(1)
    for y in range(height):
        for x in range(width):
            before = strength * bonds[y - 1, x] if y > 0 else np.float32(0)
            after = strength * bonds[y, x] if y < height - 1 else np.float32(0)
            factor = upper[y - 1, x] if y > 0 else np.float32(0)
            pivot = one / (one + before + after - before * factor)
            for k in range(count):
                carried = before * stack[y - 1, x, k] if y > 0 else np.float32(0)
                stack[y, x, k] = (stack[y, x, k] + carried) * pivot
            upper[y, x] = after * pivot
    for y in range(height - 2, -1, -1):
        for x in range(width):
            for k in range(count):
                stack[y, x, k] += upper[y, x] * stack[y + 1, x, k]
