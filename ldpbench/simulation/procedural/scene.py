"""From a layout to pixels: a sharp 8-bit picture and its depth, the same on every machine."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ldpbench.simulation.procedural.layout import Backdrop, Layout, Recipe, lay_out
from ldpbench.simulation.procedural.objects import Part
from ldpbench.simulation.procedural.shapes import Ellipse
from ldpbench.simulation.procedural.surface import Picture, grain, paint, paint_object
from ldpbench.simulation.procedural.textures import Plane

_SAMPLES = 3
"""Samples a pixel along each axis; a pixel is the mean of 3 x 3."""
DEPTH_LIMITS_MM = (500, 15000)


class ProceduralScene(NamedTuple):
    """A sharp picture, uint8 (H, W, 3), and its depth in millimetres, uint16 (H, W)."""

    sharp: NDArray[np.uint8]
    depth_mm: NDArray[np.uint16]


def draw_scene(recipe: Recipe, seed: int, side: int) -> ProceduralScene:
    """Draw a recipe on a square canvas.

    Args:
        recipe: What to show.
        seed: Decides everything the recipe leaves open.
        side: Side of the canvas in pixels.
    """
    layout = lay_out(recipe, seed, side)
    return ProceduralScene(_sharp(layout), _depth_mm(layout))


def _sharp(layout: Layout) -> NDArray[np.uint8]:
    x, y = _grid(layout.side * _SAMPLES, _SAMPLES)
    canvas = _painted_backdrop(layout.backdrop, layout.side, x, y)
    for item in layout.items:
        for part in item.parts:
            rows, columns = _window(part, layout.side * _SAMPLES)
            _paint_part(part, canvas[rows, columns], x[rows, columns], y[rows, columns])
    np.clip(canvas, 0.0, 255.0, out=canvas)
    total = np.zeros((layout.side, layout.side, 3))
    for i in range(_SAMPLES):
        for j in range(_SAMPLES):
            total += canvas[i::_SAMPLES, j::_SAMPLES]
    return np.floor(total / (_SAMPLES * _SAMPLES) + 0.5).astype(np.uint8)


def _depth_mm(layout: Layout) -> NDArray[np.uint16]:
    """Depth at the pixels' centres; an object covers a pixel if it covers its centre."""
    x, y = _grid(layout.side, 1)
    inverse = _plane(layout.backdrop, x, y)
    for item in layout.items:
        for part in item.parts:
            if part.surface is not None:
                inverse[part.outline.covers(x, y)] = item.inverse_depth
    return np.clip(np.floor(1000.0 / inverse + 0.5), *DEPTH_LIMITS_MM).astype(np.uint16)


def _grid(side: int, per_pixel: int) -> tuple[Plane, Plane]:
    """Coordinates of the samples in pixels, float64 (side, side) each."""
    axis = (np.arange(side, dtype=np.float64) + 0.5) / per_pixel
    return np.broadcast_to(axis, (side, side)), np.broadcast_to(axis[:, None], (side, side))


def _plane(backdrop: Backdrop, x: Plane, y: Plane) -> Plane:
    return np.clip(backdrop.base + backdrop.per_x * x + backdrop.per_y * y, backdrop.far, backdrop.near)


def _painted_backdrop(backdrop: Backdrop, side: int, x: Plane, y: Plane) -> Picture:
    """The plane in perspective, the far background beyond it, and a pool of light in the middle."""
    inverse = _plane(backdrop, x, y)
    right, down = x - 0.5 * side, y - 0.5 * side
    # The field of view is such that at 1 m a metre is as long as the picture.
    across = right / (inverse * side)
    along = 1.0 / inverse if backdrop.view == "floor" else down / (inverse * side)
    slope = max(abs(backdrop.per_x), abs(backdrop.per_y))
    step_m = np.maximum(slope / (inverse * inverse), 1.0 / (inverse * side))
    fade = np.clip(1.3 - 1.3 * step_m / backdrop.ground.cell, 0.0, 1.0)
    picture = paint(backdrop.ground, across, along, fade)
    beyond = backdrop.base + backdrop.per_x * x + backdrop.per_y * y < backdrop.far
    if beyond.any():
        # A plain copy of the rows that hold some of it, because patterns are the costly part.
        rows = slice(0, int(beyond.any(axis=1).sum()))
        wall = paint(backdrop.wall, right[rows], down[rows])
        picture[rows] = np.where(beyond[rows][..., None], wall, picture[rows])
    centred = (right * right + down * down) / (side * side)
    light = (1.08 - 0.42 * centred) * grain(x, y, backdrop.ground.seed, 0.16)
    return picture * light[..., None]


def _window(part: Part, samples: int) -> tuple[slice, slice]:
    """The samples that a part can touch."""
    left, top, right, bottom = (edge * _SAMPLES for edge in part.outline.box)
    rows = slice(max(0, int(top) - 1), max(0, min(samples, int(bottom) + 2)))
    columns = slice(max(0, int(left) - 1), max(0, min(samples, int(right) + 2)))
    return rows, columns


def _paint_part(part: Part, canvas: Picture, x: Plane, y: Plane) -> None:
    """Paint into the window ``canvas``, in place."""
    if not canvas.size:
        return
    if part.surface is None:
        assert isinstance(part.outline, Ellipse)
        middle = np.maximum(part.outline.depth_inside(x, y), 0.0)
        canvas *= (1.0 - part.shadow * middle)[..., None]
        return
    covered = part.outline.covers(x, y)
    left, top, right, bottom = part.outline.box
    centre_x, centre_y = 0.5 * (left + right), 0.5 * (top + bottom)
    local_x, local_y = x[covered] - centre_x, y[covered] - centre_y
    canvas[covered] = paint_object(part.surface, local_x, local_y, 0.5 * (right - left), 0.5 * (bottom - top))
