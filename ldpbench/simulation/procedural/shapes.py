"""Outlines: which points of the picture an object covers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ldpbench.simulation.procedural.textures import Plane

Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""


@dataclass(frozen=True)
class Ellipse:
    """An upright ellipse: centre and half axes in pixels."""

    x: float
    y: float
    half_width: float
    half_height: float

    @property
    def box(self) -> Box:
        """The smallest upright rectangle around it."""
        return (
            self.x - self.half_width,
            self.y - self.half_height,
            self.x + self.half_width,
            self.y + self.half_height,
        )

    def covers(self, x: Plane, y: Plane) -> NDArray[np.bool_]:
        """Whether points lie inside."""
        return np.asarray(self.depth_inside(x, y) > 0.0)

    def depth_inside(self, x: Plane, y: Plane) -> Plane:
        """1 in the middle, 0 on the outline, negative outside."""
        dx, dy = (x - self.x) / self.half_width, (y - self.y) / self.half_height
        return 1.0 - (dx * dx + dy * dy)


@dataclass(frozen=True)
class Polygon:
    """A convex polygon; its corners in pixels, clockwise as seen on the screen."""

    corners: tuple[Point, ...]

    @property
    def box(self) -> Box:
        """The smallest upright rectangle around it."""
        xs, ys = zip(*self.corners, strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    def covers(self, x: Plane, y: Plane) -> NDArray[np.bool_]:
        """Whether points lie inside."""
        inside = np.ones(x.shape, dtype=np.bool_)
        for (x0, y0), (x1, y1) in zip(self.corners, (*self.corners[1:], self.corners[0]), strict=True):
            inside &= (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) >= 0.0
        return inside


Outline = Ellipse | Polygon


def rectangle(left: float, top: float, right: float, bottom: float) -> Polygon:
    """An upright rectangle."""
    return Polygon(((left, top), (right, top), (right, bottom), (left, bottom)))
