"""Depth for a picture that has none: a slanted ground, steps and objects with random outlines, the same for a seed."""

import numpy as np
from numpy.typing import NDArray

from ldpbench.core.errors import UsageError
from ldpbench.simulation.draws import Draws

OBJECTS = (3, 8)
"""How many objects stand in front of the ground, at least and at most."""


def procedural_depth(
    height: int, width: int, seed: int, *, nearest_m: float = 0.5, farthest_m: float = 15.0
) -> NDArray[np.float64]:
    """A depth map.

    Args:
        height: Rows.
        width: Columns.
        seed: Decides everything.
        nearest_m: Smallest depth.
        farthest_m: Largest depth.

    Returns:
        Metres, float64 (height, width), within the two limits.

    Raises:
        UsageError: If the limits are not in order.
    """
    if not 0 < nearest_m < farthest_m < float("inf"):
        raise UsageError(f"depth: expected 0 < nearest < farthest, found {nearest_m} and {farthest_m}")
    draws = Draws(seed)
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    # Inverse depth, 0 at the far limit and 1 at the near one: what blur is proportional to.
    share = _ground(draws, y, x)
    count = OBJECTS[0] + draws.integer(OBJECTS[1] - OBJECTS[0] + 1)
    heights = sorted(draws.between(0.15, 1.0) for _ in range(count))
    for level in heights:  # nearer objects are laid over farther ones
        covered = _outline(draws, y, x)
        tilt = 0.1 * (draws.between(-1, 1) * y + draws.between(-1, 1) * x)
        share = np.where(covered, np.maximum(share, np.clip(level + tilt, 0, 1)), share)
    near, far = 1 / nearest_m, 1 / farthest_m
    return np.asarray(1 / (far + (near - far) * share), dtype=np.float64)


def _ground(draws: Draws, y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """A slanted plane, now and then with a step."""
    base, along, across = draws.between(0, 0.25), draws.between(0, 0.35), draws.between(-0.15, 0.15)
    share = base + along * (y + 1) / 2 + across * x
    if draws.integer(2):
        edge = draws.between(-0.6, 0.6)
        share = share + np.where(x > edge, draws.between(0.05, 0.25), 0.0)
    return np.clip(share, 0, 1)


def _outline(draws: Draws, y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.bool_]:
    """A blob: a circle whose radius swings with the angle."""
    centre_y, centre_x = draws.between(-0.9, 0.9), draws.between(-0.9, 0.9)
    size, stretch = draws.between(0.15, 0.55), draws.between(0.6, 1.6)
    dy, dx = (y - centre_y) * stretch, x - centre_x
    angle = np.arctan2(dy, dx)
    swing = sum(
        draws.between(0, 0.35 / lobes) * np.cos(lobes * angle + draws.between(0, 2 * np.pi)) for lobes in (2, 3, 5, 7)
    )
    return np.asarray(np.hypot(dy, dx) < size * (1 + swing), dtype=np.bool_)
