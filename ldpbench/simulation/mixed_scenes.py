"""Sharp scenes with depth for training: photographs, prints and patterns as surfaces at drawn depths."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ldpbench.simulation.draws import Draws
from ldpbench.simulation.procedural.shapes import Ellipse, Outline, Polygon
from ldpbench.simulation.procedural.surface import Colour, Surface, paint
from ldpbench.simulation.procedural.textures import TEXTURES

Picture = NDArray[np.uint8]
NEAREST_M, FARTHEST_M = 0.4, 8.0
_OVERSAMPLED = 2
"""Drawn at twice the size and averaged down, so that outlines and photographs are as sharp as pixels allow."""
_SMALLEST_CROP_PX = 320
_FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class MixedScene(NamedTuple):
    """A sharp picture, uint8 (H, W, 3), and its depth in metres, float64 (H, W)."""

    sharp: Picture
    depth_m: NDArray[np.float64]


def draw_mixed_scene(photos: Sequence[Picture], seed: int, side: int) -> MixedScene:
    """A slanted photograph with objects in front of it, each at a depth of its own.

    Args:
        photos: uint8 (H, W, 3), at least 320 pixels on either side.
        seed: Decides everything.
        side: Side of the square canvas in pixels.
    """
    draws = Draws(seed)
    large = side * _OVERSAMPLED
    canvas = _photo(photos, draws, large, large)
    axis = (np.arange(side, dtype=np.float64) + 0.5) / side
    x, y = np.meshgrid(axis, axis)
    near, far = 1 / draws.between(NEAREST_M, 1.2), 1 / draws.between(2.0, FARTHEST_M)
    inverse = _slanted(x, y, far, draws.between(far, 0.5 * (near + far)), draws)
    for inverse_depth in sorted(draws.between(far, near) for _ in range(3 + draws.integer(7))):
        outline = _outline(draws, side)
        covered = outline.covers(x * side, y * side)
        if not covered.any():
            continue
        _paint_object(canvas, outline, photos, draws)
        other = min(near, max(far, inverse_depth * draws.between(0.85, 1.15))) if draws.units(1)[0] < 0.4 else None
        plane = inverse_depth if other is None else _slanted(x, y, inverse_depth, other, draws)[covered]
        # What stands behind something drawn before stays behind it: the nearer one is seen.
        inverse[covered] = np.maximum(inverse[covered], plane)
    sharp = cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA)
    return MixedScene(np.asarray(sharp, dtype=np.uint8), 1 / np.clip(inverse, far, near))


def _slanted(
    x: NDArray[np.float64], y: NDArray[np.float64], one: float, other: float, draws: Draws
) -> NDArray[np.float64]:
    """A plane that goes from one inverse depth to the other across the canvas, in a drawn direction."""
    across = draws.between(-1, 1)
    along = draws.sign() * (1 - abs(across))
    ramp = across * (x - 0.5) + along * (y - 0.5) + 0.5
    return one + (other - one) * np.clip(ramp, 0, 1)


def _photo(photos: Sequence[Picture], draws: Draws, height: int, width: int) -> Picture:
    """A drawn part of a drawn photograph, turned over or not, in the wanted size."""
    photo = photos[draws.integer(len(photos))]
    longest = min(photo.shape[:2])
    crop = _SMALLEST_CROP_PX + draws.integer(longest - _SMALLEST_CROP_PX + 1)
    rows, columns = round(crop * min(1, height / width)), round(crop * min(1, width / height))
    top, left = draws.integer(photo.shape[0] - rows + 1), draws.integer(photo.shape[1] - columns + 1)
    part = photo[top : top + rows, left : left + columns]
    part = part[:, ::-1] if draws.sign() > 0 else part
    return np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def _outline(draws: Draws, side: int) -> Outline:
    """An ellipse, a convex polygon or a narrow bar, in pixels of the canvas."""
    x, y = draws.between(0, side), draws.between(0, side)
    long, short = draws.between(0.08, 0.3) * side, draws.between(0.05, 0.2) * side
    kind = draws.choice(("ellipse", "polygon", "polygon", "bar"))
    if kind == "ellipse":
        return Ellipse(x, y, long, short)
    if kind == "bar":
        long, short = 0.5 * side, draws.between(0.012, 0.05) * side
    angles = sorted(draws.units(4 if kind == "bar" else 3 + draws.integer(4)) * 2 * np.pi)
    if kind == "bar":
        angles = [0.05, np.pi - 0.05, np.pi + 0.05, 2 * np.pi - 0.05]
    turn = draws.between(0, np.pi)
    corners = [(long * np.cos(angle), short * np.sin(angle)) for angle in angles]
    return Polygon(
        tuple(
            (float(x + np.cos(turn) * u - np.sin(turn) * v), float(y + np.sin(turn) * u + np.cos(turn) * v))
            for u, v in corners
        )
    )


def _paint_object(canvas: Picture, outline: Outline, photos: Sequence[Picture], draws: Draws) -> None:
    """Cover what the outline covers, in place, on the oversampled canvas."""
    large = canvas.shape[0]
    left, top, right, bottom = (round(edge * _OVERSAMPLED) for edge in outline.box)
    rows, columns = slice(max(0, top), min(large, bottom + 1)), slice(max(0, left), min(large, right + 1))
    height, width = rows.stop - rows.start, columns.stop - columns.start
    if height < 2 or width < 2:
        return
    x, y = np.meshgrid(
        (np.arange(columns.start, columns.stop) + 0.5) / _OVERSAMPLED,
        (np.arange(rows.start, rows.stop) + 0.5) / _OVERSAMPLED,
    )
    covered = outline.covers(x, y)
    kind = draws.choice(("photo", "photo", "print", "pattern"))
    if kind == "photo":
        look = _photo(photos, draws, height, width)
    elif kind == "print":
        look = _print(draws, height, width)
    else:
        look = _pattern(draws, x, y)
    light = draws.between(0.6, 1.1)
    lit = np.clip(look.astype(np.float32) * light, 0, 255).astype(np.uint8)
    canvas[rows, columns][covered] = lit[covered]


def _colour(draws: Draws) -> Colour:
    red, green, blue = (draws.integer(256) for _ in range(3))
    return red, green, blue


def _pattern(draws: Draws, x: NDArray[np.float64], y: NDArray[np.float64]) -> Picture:
    surface = Surface(
        texture=draws.choice(sorted(TEXTURES)),
        low=_colour(draws),
        high=_colour(draws),
        cell=draws.between(4, 30),
        seed=draws.integer(2**31),
        slope=draws.between(-1, 1),
    )
    return np.clip(paint(surface, x, y), 0, 255).astype(np.uint8)


def _print(draws: Draws, height: int, width: int) -> Picture:
    """Lines of letters and bars on a plain ground, as on packages and papers."""
    page = np.empty((height, width, 3), np.uint8)
    ground = _colour(draws)
    page[:] = ground
    ink = tuple(255 - value if abs(value - 128) > 40 else 0 for value in ground)
    y = 0
    while y < height:
        scale = draws.between(0.4, 1.6)
        step = round(26 * scale)
        text = "".join(draws.choice(_LETTERS) for _ in range(2 + draws.integer(18)))
        if draws.integer(6) == 0:
            cv2.rectangle(page, (round(draws.between(0, width / 2)), y + step // 2), (width, y + step), ink, -1)
        else:
            place = (round(draws.between(-10, width / 3)), y + step)
            cv2.putText(page, text, place, draws.choice(_FONTS), scale, ink, 1 + draws.integer(3), cv2.LINE_AA)
        y += step + draws.integer(12)
    return page
