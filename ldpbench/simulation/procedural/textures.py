"""Patterns: functions of two coordinates, in cells, and a seed, with values in [0, 1].

Only + - * / floor, sqrt and comparisons of float64 and integers occur. IEEE arithmetic fixes the result of each to the
last bit, so a pattern is the same on every machine. Sines are replaced by arcs of parabolas for the same reason.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ldpbench.core.seeding import derive_seed
from ldpbench.metrics.jit import compiled_exactly
from ldpbench.simulation.draws import Draws

Plane = NDArray[np.float64]
Texture = Callable[[Plane, Plane, int], Plane]

_LATTICE = 64
"""Random lattices repeat after this many cells."""
_OCTAVES = 6


def wave(x: Plane) -> Plane:
    """A sine-like wave of period 1 between 0 and 1, made of parabolas."""
    phase = x - np.floor(x)
    half = np.where(phase < 0.5, phase, phase - 0.5)
    arc = 8.0 * half * (0.5 - half)
    return 0.5 + np.where(phase < 0.5, arc, -arc)


def fractal(u: Plane, v: Plane, seed: int) -> Plane:
    """1/f noise: octaves of smooth value noise, each twice as fine and half as strong, stretched about one half."""
    total = np.zeros_like(u)
    weight = 0.5
    for octave in range(_OCTAVES):
        total += weight * _value_noise(u, v, derive_seed(seed, "octave", octave))
        u, v = 2.0 * u + 0.37, 2.0 * v + 0.71
        weight *= 0.5
    return np.clip(0.5 + 1.8 * (total - 0.5), 0.0, 1.0)


def checker(u: Plane, v: Plane, seed: int) -> Plane:
    """Squares of one cell."""
    del seed
    return np.asarray((np.floor(u) + np.floor(v)) % 2.0)


def gingham(u: Plane, v: Plane, seed: int) -> Plane:
    """Woven stripes: light where neither runs, dark where both cross."""
    del seed
    return 0.5 * (np.floor(u) % 2.0) + 0.5 * (np.floor(v) % 2.0)


def stripes(u: Plane, v: Plane, seed: int) -> Plane:
    """Hard-edged stripes across u."""
    del v, seed
    return np.asarray(np.floor(u) % 2.0)


def grating(u: Plane, v: Plane, seed: int) -> Plane:
    """A soft grating across u."""
    del v, seed
    return wave(u)


def dots(u: Plane, v: Plane, seed: int) -> Plane:
    """Round dots in staggered rows."""
    del seed
    row = np.floor(v)
    shifted = u + 0.5 * (row % 2.0)
    du, dv = shifted - np.floor(shifted) - 0.5, v - row - 0.5
    return (du * du + dv * dv < 0.09).astype(np.float64)


def stars(u: Plane, v: Plane, seed: int) -> Plane:
    """Small dots of random size and brightness, at most one a cell, on a faint cloud."""
    column, row = np.floor(u), np.floor(v)
    place_u, place_v, size, glow = (
        _lattice(derive_seed(seed, name), column, row) for name in ("u", "v", "size", "glow")
    )
    du, dv = u - column - 0.2 - 0.6 * place_u, v - row - 0.2 - 0.6 * place_v
    radius = 0.03 + 0.13 * size * size
    lit = (du * du + dv * dv < radius * radius) & (glow > 0.25)
    return np.maximum(np.where(lit, 0.4 + 0.6 * glow, 0.0), 0.35 * fractal(u * 0.3, v * 0.3, seed))


def bricks(u: Plane, v: Plane, seed: int) -> Plane:
    """Bricks twice as long as high, each of its own shade, with joints of value 0."""
    row = np.floor(v)
    along = 0.5 * u + 0.5 * (row % 2.0)
    column = np.floor(along)
    joint = (along - column < 0.05) | (v - row < 0.1)
    shade = 0.55 + 0.45 * _lattice(seed, column, row)
    return np.where(joint, 0.0, shade * (0.85 + 0.15 * fractal(u * 2.0, v * 2.0, seed)))


def tiles(u: Plane, v: Plane, seed: int) -> Plane:
    """A checkerboard of veined stone with thin joints."""
    column, row = np.floor(u), np.floor(v)
    joint = (u - column < 0.04) | (v - row < 0.04)
    dark = (column + row) % 2.0
    vein = wave(0.8 * u + 1.1 * v + 2.5 * fractal(u * 0.9, v * 0.9, seed))
    stone = np.where(dark > 0.5, 0.12 + 0.22 * vein, 0.72 + 0.28 * vein)
    return np.where(joint, 0.45, stone)


def wood(u: Plane, v: Plane, seed: int) -> Plane:
    """Planks along v, four cells wide, with a grain that winds about knots."""
    plank = np.floor(u * 0.25)
    offset = 11.0 * _lattice(seed, plank, np.zeros_like(plank))
    bend = fractal(u * 0.35 + offset, v * 0.09 + offset, seed)
    rings = wave(1.1 * u + 5.0 * bend)
    fibre = fractal(u * 3.0, v * 0.25 + offset, derive_seed(seed, "fibre"))
    tone = _lattice(derive_seed(seed, "tone"), plank, plank)
    value = 0.25 + 0.3 * rings + 0.3 * fibre + 0.2 * tone
    return np.where(u * 0.25 - plank < 0.02, 0.0, np.clip(value, 0.0, 1.0))


def marble(u: Plane, v: Plane, seed: int) -> Plane:
    """Veins: a wave bent by noise."""
    return wave(u + 0.6 * v + 3.0 * fractal(u * 0.6, v * 0.6, seed))


def bands(u: Plane, v: Plane, seed: int) -> Plane:
    """Bands across v, ragged by noise, as on a gas planet."""
    ragged = v + 0.5 * fractal(u * 0.4, v, seed)
    return 0.6 * wave(ragged) + 0.4 * wave(2.7 * ragged + 0.3)


def grass(u: Plane, v: Plane, seed: int) -> Plane:
    """Patches of light and shade under fine blades."""
    blades = fractal(u * 4.0, v * 1.5, derive_seed(seed, "blades"))
    return np.clip(0.55 * fractal(u * 0.4, v * 0.4, seed) + 0.75 * blades - 0.15, 0.0, 1.0)


def glyphs(u: Plane, v: Plane, seed: int) -> Plane:
    """Lines of made-up writing: 1 on the strokes, 0 on the paper. A letter is one cell wide, a line 1.7 cells high."""
    line = np.floor(v / 1.7)
    column = np.floor(u)
    x, y = u - column, v - 1.7 * line - 0.2
    letter = np.floor(_lattice(seed, column, line) * 4096.0).astype(np.int64)
    ink = np.zeros(u.shape, dtype=np.bool_)
    for bit, (x0, y0, x1, y1) in enumerate(_STROKES):
        ink |= (((letter >> bit) & 1) == 1) & _near_segment(x, y, x0, y0, x1, y1)
    ring = (x - 0.5) * (x - 0.5) + (y - 0.75) * (y - 0.75)
    ink |= ((letter >> 10) == 3) & (ring > 0.05) & (ring < 0.15)
    is_space = _lattice(derive_seed(seed, "space"), column, line) < 0.17
    return (ink & ~is_space).astype(np.float64)


_STROKES = (
    (0.22, 0.2, 0.22, 1.1),
    (0.22, 0.2, 0.78, 0.2),
    (0.78, 0.2, 0.78, 0.65),
    (0.22, 0.65, 0.78, 0.65),
    (0.22, 1.1, 0.78, 1.1),
    (0.78, 0.65, 0.78, 1.1),
    (0.22, 0.2, 0.78, 1.1),
    (0.5, 0.2, 0.5, 1.1),
)
"""The strokes that letters are made of, as segments of a cell (x0, y0, x1, y1)."""


def _near_segment(x: Plane, y: Plane, x0: float, y0: float, x1: float, y1: float) -> NDArray[np.bool_]:
    dx, dy = x1 - x0, y1 - y0
    along = np.clip(((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy), 0.0, 1.0)
    rx, ry = x - x0 - along * dx, y - y0 - along * dy
    return np.asarray(rx * rx + ry * ry < 0.0064)


def _lattice(seed: int, column: Plane, row: Plane) -> Plane:
    """A random number in [0, 1) for each whole cell."""
    table = Draws(seed).units(_LATTICE * _LATTICE)
    x, y = column.astype(np.int64) % _LATTICE, row.astype(np.int64) % _LATTICE
    return np.asarray(table[y * _LATTICE + x])


def _value_noise(u: Plane, v: Plane, seed: int) -> Plane:
    """Random numbers at whole coordinates, joined by smooth steps."""
    table = Draws(seed).units(_LATTICE * _LATTICE)
    return _joined(np.ascontiguousarray(u).ravel(), np.ascontiguousarray(v).ravel(), table).reshape(u.shape)


@compiled_exactly
def _joined(u: Plane, v: Plane, table: Plane) -> Plane:
    """Between the four numbers around each point; scene sets spend most of their time here."""
    joined = np.empty_like(u)
    for index in range(u.size):
        column, row = np.floor(u[index]), np.floor(v[index])
        x, y = u[index] - column, v[index] - row
        x, y = x * x * (3.0 - 2.0 * x), y * y * (3.0 - 2.0 * y)
        left, top = np.int64(column) % _LATTICE, np.int64(row) % _LATTICE
        right, bottom = (left + 1) % _LATTICE, (top + 1) % _LATTICE * _LATTICE
        top *= _LATTICE
        upper = table[top + left] + x * (table[top + right] - table[top + left])
        lower = table[bottom + left] + x * (table[bottom + right] - table[bottom + left])
        joined[index] = upper + y * (lower - upper)
    return joined


TEXTURES: Mapping[str, Texture] = MappingProxyType(
    {
        texture.__name__: texture
        for texture in (
            fractal, checker, gingham, stripes, grating, dots, stars, bricks, tiles, wood, marble, bands, grass, glyphs,
        )
    }
)  # fmt: skip
