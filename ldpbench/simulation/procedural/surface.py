"""What an object looks like: a pattern between two colours, some grain, and how light falls on it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ldpbench.core.seeding import derive_seed
from ldpbench.simulation.procedural.textures import TEXTURES, Plane, fractal

Colour = tuple[int, int, int]
Picture = NDArray[np.float64]
Form = Literal["flat", "ball", "tube"]

_LIGHT = (-0.48, -0.6, 0.64)
"""Towards the light, a unit vector: from the upper left, in front of the scene."""
_GRAIN_PX = 5.0
"""Size of the coarsest grain; there is detail down to single pixels on every surface."""


@dataclass(frozen=True)
class Surface:
    """The look of one object.

    Args:
        texture: Name of a pattern in ``TEXTURES``.
        low: Colour of the pattern's 0, RGB codes from 0 to 255.
        high: Colour of the pattern's 1.
        cell: Size of a cell of the pattern, in the unit of the coordinates given to ``paint``.
        seed: Seed of the pattern.
        slope: Tangent of half the angle by which the pattern is turned.
        form: How light falls: evenly, as on a ball, or as on an upright tube.
        brightness: Factor on everything.
    """

    texture: str
    low: Colour
    high: Colour
    cell: float
    seed: int
    slope: float = 0.0
    form: Form = "flat"
    brightness: float = 1.0


def paint(surface: Surface, x: Plane, y: Plane, fade: Plane | None = None) -> Picture:
    """Colours of a flat surface at coordinates relative to its centre.

    Args:
        surface: The look.
        x: Coordinates, any shape; the grain takes their unit for a pixel.
        y: Same shape.
        fade: How much of the pattern is left, in [0, 1]; patterns finer than a pixel fade to their mean.

    Returns:
        float64 (..., 3), codes, not yet clipped.
    """
    u, v = _turned(x / surface.cell, y / surface.cell, surface.slope)
    value = TEXTURES[surface.texture](u, v, surface.seed)
    if fade is not None:
        value = 0.5 + (value - 0.5) * fade
    return _blend(surface, value)


def paint_object(surface: Surface, x: Plane, y: Plane, half_width: float, half_height: float) -> Picture:
    """Colours of an object at pixel coordinates relative to its centre; float64 (..., 3), codes, not yet clipped.

    Balls and tubes bend the pattern and shade it by the angle to the light.
    """
    if surface.form == "flat":
        colours = paint(surface, x, y)
        return colours * grain(x, y, surface.seed)[..., None]
    across = np.clip(x / half_width, -1.0, 1.0)
    down = np.clip(y / half_height, -1.0, 1.0) if surface.form == "ball" else np.zeros_like(x)
    front = np.sqrt(np.maximum(1.0 - across * across - down * down, 0.0))
    bulge = 1.0 / (0.5 + 0.5 * front)
    colours = paint(surface, x * bulge, y * bulge if surface.form == "ball" else y)
    lambert = np.maximum(across * _LIGHT[0] + down * _LIGHT[1] + front * _LIGHT[2], 0.0)
    gloss = lambert * lambert
    gloss *= gloss * gloss
    gloss *= gloss
    shade = (0.5 + 0.62 * lambert) * grain(x, y, surface.seed)
    return np.asarray(colours * shade[..., None] + 80.0 * (gloss * gloss)[..., None])


def grain(x: Plane, y: Plane, seed: int, strength: float = 0.22) -> Plane:
    """A factor about 1 that gives every surface fine detail."""
    noise = fractal(x / _GRAIN_PX, y / _GRAIN_PX, derive_seed(seed, "grain"))
    return 1.0 + strength * (noise - 0.5)


def _turned(u: Plane, v: Plane, slope: float) -> tuple[Plane, Plane]:
    """Rotate by twice the angle whose tangent is ``slope``: sine and cosine without calling either."""
    norm = 1.0 + slope * slope
    cos, sin = (1.0 - slope * slope) / norm, 2.0 * slope / norm
    return cos * u + sin * v, cos * v - sin * u


def _blend(surface: Surface, value: Plane) -> Picture:
    low, high = np.array(surface.low, dtype=np.float64), np.array(surface.high, dtype=np.float64)
    return (low + (high - low) * value[..., None]) * surface.brightness
