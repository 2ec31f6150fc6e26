"""The recursive edge-preserving filter of the domain transform (Gastal and Oliveira, SIGGRAPH 2011)."""

import numpy as np
from numpy.typing import NDArray

from ldpbench.metrics.jit import compiled

Planes = NDArray[np.float64]

ITERATIONS = 5


def recursive_filter(picture: Planes, guide: Planes, *, spatial_px: float, tonal: float) -> Planes:
    """Smooth a picture, but not across the edges of another one.

    Args:
        picture: float64 (H, W, C).
        guide: float64 (H, W, D), in [0, 1].
        spatial_px: Standard deviation in px where the guide is flat.
        tonal: Standard deviation in units of the guide, summed over its channels.

    Returns:
        float64 (H, W, C).
    """
    across, down = (_warped_steps(guide, axis, spatial_px / tonal) for axis in (1, 0))
    down = np.ascontiguousarray(down.T)
    filtered = np.array(picture, dtype=np.float64, order="C")
    for step in range(1, ITERATIONS + 1):
        # The passes' deviations halve each time; together they have the wanted variance.
        deviation = spatial_px * np.sqrt(3.0) * 2.0 ** (ITERATIONS - step) / np.sqrt(4.0**ITERATIONS - 1)
        decay = -np.sqrt(2.0) / deviation  # logarithm of what is left after one step
        _sweep(filtered, np.exp(decay * across))
        turned = np.ascontiguousarray(filtered.swapaxes(0, 1))
        _sweep(turned, np.exp(decay * down))
        filtered = np.ascontiguousarray(turned.swapaxes(0, 1))
    return filtered


def _warped_steps(guide: Planes, axis: int, scale: float) -> Planes:
    """Distance (H, W) of each pixel from the one before it, on the axis that the guide's edges stretch."""
    change = np.abs(np.diff(guide, axis=axis, prepend=guide.take([0], axis=axis))).sum(axis=2)
    return np.asarray(1 + scale * change, dtype=np.float64)


@compiled
def _sweep(planes: Planes, kept: Planes) -> None:
    """Filter every row in place, forwards and back; ``kept`` is what passes from the pixel before."""
    height, width, channels = planes.shape
    for row in range(height):
        for column in range(1, width):
            for channel in range(channels):
                here = planes[row, column, channel]
                planes[row, column, channel] = here + kept[row, column] * (planes[row, column - 1, channel] - here)
        for column in range(width - 2, -1, -1):
            for channel in range(channels):
                here = planes[row, column, channel]
                planes[row, column, channel] = here + kept[row, column + 1] * (planes[row, column + 1, channel] - here)
