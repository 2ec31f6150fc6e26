"""Colour schemes: what is picked together looks well together."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ldpbench.simulation.procedural.surface import Colour


@dataclass(frozen=True)
class Palette:
    """The colours of one scene, each pair from dark to light.

    Args:
        wall: The far background.
        ground: The slanted plane.
        paper: Light colour of cards and pages.
        ink: Dark colour of writing and outlines.
        accents: Colours of the objects.
    """

    wall: tuple[Colour, Colour]
    ground: tuple[Colour, Colour]
    paper: Colour
    ink: Colour
    accents: tuple[Colour, ...]


def _hex(text: str) -> Colour:
    return int(text[0:2], 16), int(text[2:4], 16), int(text[4:6], 16)


def _palette(wall: str, ground: str, paper: str, ink: str, accents: str) -> Palette:
    """Read a palette from hexadecimal colours."""
    wall_dark, wall_light = map(_hex, wall.split())
    ground_dark, ground_light = map(_hex, ground.split())
    return Palette(
        wall=(wall_dark, wall_light),
        ground=(ground_dark, ground_light),
        paper=_hex(paper),
        ink=_hex(ink),
        accents=tuple(map(_hex, accents.split())),
    )


PALETTES: Mapping[str, Palette] = MappingProxyType(
    {
        "picnic": _palette(
            "9cc7dd e6f3f7", "c8443c f4ece0", "fbf5e6", "3a2b2b", "f2b134 3f8f5b e2725b 2f6690 f7e1a0 8d5a97"
        ),
        "library": _palette(
            "5b6d5b 8da08a", "6e4528 b98352", "f6ead0", "33241c", "8c2f39 1f5673 d9a441 4f772d c9653b 5b4b8a"
        ),
        "meadow": _palette(
            "5aa5d8 f2f8fb", "3f7d3a b5cf6b", "fffaf0", "5c3d2e", "d1495b edae49 e9724c 7b4fa3 2a6f97 f4f1de"
        ),
        "hall": _palette(
            "96523c dda887", "3d4f63 ece5d8", "f4efe6", "2d2a32", "e0a458 c44536 197278 f1dca7 5f7fa3 a3b18a"
        ),
        "carnival": _palette(
            "26547c 4f86b5", "1f4e79 86b9d6", "fff8e7", "16324f", "ef476f ffd166 06d6a0 f78c6b 9d4edd fefae0"
        ),
        "harbour": _palette(
            "8fb8cf f5e6d0", "7a6a5d d8c8b0", "fdf6ec", "2f3e46", "e76f51 2a9d8f e9c46a 264653 f4a261 a8dadc"
        ),
        "orbit": _palette(
            "150f2e e8e4ff", "1a1440 ded6ff", "f3efff", "1b1335", "ff7b54 ffb26b 4cc9f0 b5179e 80ed99 ffd56b"
        ),
        "kitchen": _palette(
            "c9d6c3 f4f1e4", "4d7ea8 f1f4f7", "fdfaf1", "38405f", "e07a5f f2cc8f 81b29a 9d8189 d9594c 6d8ea0"
        ),
    }
)
