"""The things that stand, lie or float in a scene, each made of a few polygons and ellipses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ldpbench.simulation.draws import Draws
from ldpbench.simulation.procedural.palettes import Palette
from ldpbench.simulation.procedural.shapes import Ellipse, Outline, Point, Polygon, rectangle
from ldpbench.simulation.procedural.surface import Colour, Form, Surface


@dataclass(frozen=True)
class Part:
    """One painted outline. ``shadow`` darkens what lies below instead of covering it, most in the middle."""

    outline: Outline
    surface: Surface | None
    shadow: float = 0.0


@dataclass(frozen=True)
class Place:
    """Where an object goes: the middle of its foot (or of itself, if it floats) and its size, in pixels."""

    x: float
    y: float
    size: float


Builder = Callable[[Place, Palette, Draws], list[Part]]

_PATTERNS = ("stripes", "checker", "dots", "gingham", "grating", "marble", "fractal")


def ball(place: Place, palette: Palette, draws: Draws) -> list[Part]:
    """A patterned ball on the ground."""
    radius = 0.5 * place.size
    low, high = _two_colours(palette, draws)
    pattern = draws.choice(("stripes", "checker", "dots", "bands", "marble"))
    surface = _surface(draws, pattern, low, high, radius * draws.between(0.28, 0.5), form="ball", turned=True)
    return [
        _contact_shadow(place, 1.1 * radius),
        Part(Ellipse(place.x, place.y - 0.96 * radius, radius, radius), surface),
    ]


def crate(place: Place, palette: Palette, draws: Draws) -> list[Part]:
    """A box seen from slightly above and to one side: front, side and lid."""
    half, height, lean = 0.42 * place.size, draws.between(0.6, 1.0) * place.size, 0.26 * place.size
    side = draws.sign()
    low, high = _two_colours(palette, draws)
    front = _surface(draws, draws.choice((*_PATTERNS, "bricks")), low, high, place.size * draws.between(0.1, 0.2))
    left, right, top = place.x - half, place.x + half, place.y - height
    edge = right if side > 0 else left
    flank: tuple[Point, ...] = (
        (edge, top),
        (edge + side * lean, top - 0.5 * lean),
        (edge + side * lean, place.y - 0.5 * lean),
        (edge, place.y),
    )
    lid = ((left, top), (left + side * lean, top - 0.5 * lean), (right + side * lean, top - 0.5 * lean), (right, top))
    return [
        _contact_shadow(place, 0.75 * place.size),
        Part(Polygon(flank if side > 0 else flank[::-1]), _tinted(front, 0.66)),
        Part(Polygon(lid), _tinted(front, 1.12)),
        Part(rectangle(left, top, right, place.y), front),
    ]


def cone(place: Place, palette: Palette, draws: Draws) -> list[Part]:
    """A striped party hat: the left side is lit, the right one is not."""
    half, height = 0.36 * place.size, 1.1 * place.size
    low, high = _two_colours(palette, draws)
    lit = _surface(
        draws,
        draws.choice(("stripes", "dots", "gingham")),
        low,
        high,
        place.size * draws.between(0.1, 0.17),
        turned=True,
    )
    tip: Point = (place.x, place.y - height)
    sag: Point = (place.x + 0.12 * half, place.y + 0.08 * half)
    return [
        _contact_shadow(place, 0.5 * place.size),
        Part(Polygon((tip, sag, (place.x - half, place.y))), lit),
        Part(Polygon((tip, (place.x + half, place.y), sag)), _tinted(lit, 0.72)),
    ]


def column(place: Place, palette: Palette, draws: Draws) -> list[Part]:
    """An upright tube with a lid."""
    half, height = 0.27 * place.size, draws.between(1.0, 1.45) * place.size
    low, high = _two_colours(palette, draws)
    pattern = draws.choice(("gingham", "dots", "marble", "bands", "glyphs"))
    if pattern == "glyphs":
        low, high = palette.paper, palette.ink
    body = _surface(draws, pattern, low, high, place.size * draws.between(0.12, 0.2), form="tube")
    lid = _surface(draws, "fractal", low, palette.paper, 0.2 * place.size)
    top = place.y - height
    return [
        _contact_shadow(place, 1.5 * half),
        Part(Ellipse(place.x, place.y, half, 0.3 * half), body),
        Part(rectangle(place.x - half, top, place.x + half, place.y), body),
        Part(Ellipse(place.x, top, half, 0.3 * half), lid),
    ]


def card(place: Place, palette: Palette, draws: Draws) -> list[Part]:
    """A sheet of writing, a little askew, with a coloured heading."""
    half, height = 0.4 * place.size, 1.12 * place.size
    tilt = draws.between(-0.12, 0.12) * place.size
    page = _surface(draws, "glyphs", palette.paper, palette.ink, place.size * draws.between(0.055, 0.085))
    heading = _surface(draws, "glyphs", draws.choice(palette.accents), palette.paper, 0.16 * place.size)
    middle = place.y - 0.5 * height

    def corners(top: float, bottom: float) -> Polygon:
        """The part of the sheet between two heights, leaning sideways like the whole."""
        lean_top, lean_bottom = (tilt * (middle - edge) / height for edge in (top, bottom))
        return Polygon(
            (
                (place.x - half + lean_top, top),
                (place.x + half + lean_top, top),
                (place.x + half + lean_bottom, bottom),
                (place.x - half + lean_bottom, bottom),
            )
        )

    top = place.y - height
    return [
        _contact_shadow(place, 0.55 * place.size),
        Part(corners(top, place.y), page),
        Part(corners(top, top + 0.27 * place.size), heading),
    ]


def books(place: Place, palette: Palette, draws: Draws) -> list[Part]:
    """A pile of books: spines with titles and bands of pages between them."""
    parts = [_contact_shadow(place, 0.75 * place.size)]
    bottom = place.y
    for colour in draws.shuffled(palette.accents)[: 3 + draws.integer(3)]:
        thickness = draws.between(0.15, 0.25) * place.size
        half, shift = draws.between(0.48, 0.66) * place.size, draws.between(-0.08, 0.08) * place.size
        left, right = place.x + shift - half, place.x + shift + half
        spine = _surface(draws, "glyphs", colour, palette.paper, thickness * 0.62)
        pages = _surface(draws, "stripes", (190, 178, 150), palette.paper, 0.02 * place.size + 0.6, slope=1.0)
        top = bottom - thickness
        parts.append(Part(rectangle(left, top, right, bottom), spine))
        parts.append(
            Part(rectangle(right - 0.2 * half, top + 0.14 * thickness, right, bottom - 0.14 * thickness), pages)
        )
        bottom = top
    return parts


def tree(place: Place, palette: Palette, draws: Draws) -> list[Part]:
    """A fir of three tiers on a trunk."""
    leaves = _surface(draws, "grass", (26, 74, 48), (120, 176, 84), 0.28 * place.size)
    trunk = _surface(draws, "wood", (66, 44, 30), (140, 98, 62), 0.06 * place.size)
    half = 0.07 * place.size
    parts = [
        _contact_shadow(place, 0.45 * place.size),
        Part(rectangle(place.x - half, place.y - 0.3 * place.size, place.x + half, place.y), trunk),
    ]
    for tier in range(3):
        bottom, width = place.y - (0.2 + 0.36 * tier) * place.size, (0.44 - 0.09 * tier) * place.size
        tip: Point = (place.x, bottom - 0.58 * place.size)
        parts.append(
            Part(
                Polygon((tip, (place.x + width, bottom), (place.x - width, bottom))), _tinted(leaves, 0.86 + 0.1 * tier)
            )
        )
    return parts


def house(place: Place, palette: Palette, draws: Draws) -> list[Part]:
    """A front with roof, door and windows."""
    half, height = 0.5 * place.size, 0.78 * place.size
    wall_colour, roof_colour = _two_colours(palette, draws)
    dark = (int(wall_colour[0] * 0.62), int(wall_colour[1] * 0.62), int(wall_colour[2] * 0.62))
    front = _surface(draws, draws.choice(("bricks", "stripes", "fractal")), dark, wall_colour, 0.085 * place.size)
    roof = _surface(draws, "bricks", palette.ink, roof_colour, 0.07 * place.size)
    glass = _surface(draws, "gingham", palette.paper, palette.ink, 0.1 * place.size)
    door = _surface(draws, "wood", palette.ink, draws.choice(palette.accents), 0.04 * place.size)
    top = place.y - height
    parts = [
        _contact_shadow(place, 0.75 * place.size),
        Part(rectangle(place.x - half, top, place.x + half, place.y), front),
        Part(
            Polygon(((place.x, top - 0.45 * place.size), (place.x + 1.15 * half, top), (place.x - 1.15 * half, top))),
            roof,
        ),
        Part(
            rectangle(place.x - 0.11 * place.size, place.y - 0.36 * place.size, place.x + 0.11 * place.size, place.y),
            door,
        ),
    ]
    for side in (-0.3, 0.3):
        x, y = place.x + side * place.size, top + 0.24 * place.size
        parts.append(
            Part(
                rectangle(x - 0.1 * place.size, y - 0.11 * place.size, x + 0.1 * place.size, y + 0.11 * place.size),
                glass,
            )
        )
    return parts


def balloon(place: Place, palette: Palette, draws: Draws) -> list[Part]:
    """A balloon on a string; it floats above its foot."""
    half = 0.42 * place.size
    low, high = _two_colours(palette, draws)
    skin = _surface(draws, draws.choice(("stripes", "gingham", "bands", "dots")), low, high, half * 0.36, form="ball")
    string = _surface(draws, "fractal", palette.ink, palette.ink, place.size)
    middle = place.y - 1.5 * place.size
    knot, width = middle + 1.18 * half, max(0.7, 0.012 * place.size)
    return [
        _contact_shadow(place, 0.25 * place.size),
        Part(rectangle(place.x - width, knot, place.x + width, place.y), string),
        Part(
            Polygon(
                (
                    (place.x, knot - 0.1 * half),
                    (place.x + 0.14 * half, knot + 0.12 * half),
                    (place.x - 0.14 * half, knot + 0.12 * half),
                )
            ),
            _surface(draws, "fractal", low, high, half),
        ),
        Part(Ellipse(place.x, middle, half, 1.16 * half), skin),
    ]


def lollipop(place: Place, palette: Palette, draws: Draws) -> list[Part]:
    """A patterned disc on a stick."""
    radius, stick = 0.36 * place.size, max(0.8, 0.035 * place.size)
    low, high = _two_colours(palette, draws)
    disc = _surface(draws, draws.choice(("stripes", "checker", "dots", "marble")), low, high, radius * 0.3, turned=True)
    pole = _surface(draws, "stripes", palette.paper, draws.choice(palette.accents), 0.06 * place.size, slope=0.6)
    middle = place.y - 0.95 * place.size
    return [
        _contact_shadow(place, 0.3 * place.size),
        Part(rectangle(place.x - stick, middle, place.x + stick, place.y), pole),
        Part(Ellipse(place.x, middle, radius, radius), _tinted(disc, 0.7)),
        Part(Ellipse(place.x, middle, 0.92 * radius, 0.92 * radius), disc),
    ]


def disc(place: Place, palette: Palette, draws: Draws) -> list[Part]:
    """A paper disc that floats and throws a soft shadow on what lies behind."""
    half, squash = 0.5 * place.size, draws.between(0.7, 1.0)
    low, high = _two_colours(palette, draws)
    surface = _surface(draws, draws.choice(_PATTERNS), low, high, place.size * draws.between(0.1, 0.18), turned=True)
    return [
        Part(Ellipse(place.x + 0.1 * half, place.y + 0.2 * half, 1.25 * half, 1.25 * half * squash), None, shadow=0.5),
        Part(Ellipse(place.x, place.y, half, half * squash), surface),
    ]


def tag(place: Place, palette: Palette, draws: Draws) -> list[Part]:
    """A paper polygon of three to six corners that floats; some bear writing."""
    corners = _ring_of_points(place, draws, draws.choice((3, 4, 4, 5, 6)))
    low, high = _two_colours(palette, draws)
    if draws.integer(3) == 0:
        surface = _surface(
            draws, "glyphs", palette.paper, palette.ink, place.size * draws.between(0.07, 0.11), turned=True
        )
    else:
        surface = _surface(
            draws, draws.choice(_PATTERNS), low, high, place.size * draws.between(0.1, 0.18), turned=True
        )
    half = 0.62 * place.size
    return [
        Part(Ellipse(place.x + 0.1 * half, place.y + 0.2 * half, 1.2 * half, 1.2 * half), None, shadow=0.5),
        Part(Polygon(corners), surface),
    ]


def planet(place: Place, palette: Palette, draws: Draws) -> list[Part]:
    """A banded or clouded ball that floats, some behind a ring."""
    radius = 0.5 * place.size
    low, high = _two_colours(palette, draws)
    surface = _surface(
        draws, draws.choice(("bands", "fractal", "marble")), low, high, 0.35 * place.size, form="ball", turned=True
    )
    globe = Part(Ellipse(place.x, place.y, radius, radius), surface)
    if draws.integer(2) == 0:
        return [globe]
    ring = _surface(draws, "stripes", palette.ink, draws.choice(palette.accents), 0.05 * place.size)
    return [Part(Ellipse(place.x, place.y, 1.55 * radius, 0.36 * radius), ring), globe]


OBJECTS: Mapping[str, Builder] = MappingProxyType(
    {
        builder.__name__: builder
        for builder in (ball, crate, cone, column, card, books, tree, house, balloon, lollipop, disc, tag, planet)
    }
)

_DIRECTIONS: tuple[Point, ...] = (
    (1.0, 0.0), (0.8, 0.6), (0.6, 0.8), (0.0, 1.0), (-0.6, 0.8), (-0.8, 0.6),
    (-1.0, 0.0), (-0.8, -0.6), (-0.6, -0.8), (0.0, -1.0), (0.6, -0.8), (0.8, -0.6),
)  # fmt: skip
"""Twelve points of the unit circle with rational coordinates, clockwise as seen on the screen."""


def _ring_of_points(place: Place, draws: Draws, count: int) -> tuple[Point, ...]:
    """Corners of a convex polygon about the place: every other few of the twelve directions."""
    first = draws.integer(12)
    reach = 0.62 * place.size
    chosen = (_DIRECTIONS[(first + (12 * index) // count) % 12] for index in range(count))
    return tuple((place.x + reach * dx, place.y + reach * dy) for dx, dy in chosen)


def _surface(
    draws: Draws,
    texture: str,
    low: Colour,
    high: Colour,
    cell: float,
    *,
    form: Form = "flat",
    slope: float = 0.0,
    turned: bool = False,
) -> Surface:
    return Surface(
        texture=texture,
        low=low,
        high=high,
        cell=max(cell, 1.5),
        seed=int(draws.raw(1)[0]),
        slope=draws.between(-0.6, 0.6) if turned else slope,
        form=form,
    )


def _tinted(surface: Surface, brightness: float) -> Surface:
    return Surface(**{**vars(surface), "brightness": brightness})


def _two_colours(palette: Palette, draws: Draws) -> tuple[Colour, Colour]:
    """An accent and something that stands out against it."""
    first, second = draws.shuffled((*palette.accents, palette.paper))[:2]
    return first, second


def _contact_shadow(place: Place, half_width: float) -> Part:
    """The soft shadow on the ground below an object; the light comes from the left."""
    outline = Ellipse(place.x + 0.25 * half_width, place.y, 1.15 * half_width, 0.34 * half_width)
    return Part(outline, None, shadow=0.55)
