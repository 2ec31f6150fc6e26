"""The recipes of the embedded scenes."""

from collections.abc import Mapping
from types import MappingProxyType

from ldpbench.simulation.procedural.layout import Recipe

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "picnic": Recipe(
            "picnic", "floor", "gingham", 0.16, "grating", 0.0, 0.5, 3.5,
            ("ball", "crate", "cone", "column", "ball", "cone", "books"), 62,
        ),
        "library": Recipe(
            "library", "floor", "wood", 0.05, "fractal", 0.0, 0.55, 3.0,
            ("card", "books", "column", "card", "crate", "card", "books"), 70,
        ),
        "meadow": Recipe(
            "meadow", "floor", "grass", 0.5, "fractal", 0.2, 0.8, 15.0,
            ("tree", "house", "balloon", "lollipop", "tree", "balloon", "tree", "house"), 62,
        ),
        "hall": Recipe(
            "hall", "floor", "tiles", 0.45, "bricks", 0.16, 0.6, 8.0,
            ("column", "ball", "column", "crate", "column", "ball", "card"), 66,
        ),
        "carnival": Recipe(
            "carnival", "wall", "dots", 0.12, "dots", 0.0, 0.5, 4.0,
            ("disc", "tag", "disc", "tag", "disc", "tag", "tag", "disc", "tag"), 72,
        ),
        "harbour": Recipe(
            "harbour", "floor", "bricks", 0.12, "fractal", 0.18, 0.7, 12.0,
            ("house", "house", "column", "lollipop", "house", "balloon", "crate"), 64,
        ),
        "orbit": Recipe(
            "orbit", "wall", "stars", 0.14, "stars", 0.0, 0.5, 9.0,
            ("planet", "planet", "disc", "planet", "planet", "tag", "planet", "planet"), 70,
        ),
        "kitchen": Recipe(
            "kitchen", "floor", "checker", 0.14, "gingham", 0.12, 0.5, 4.5,
            ("column", "ball", "card", "crate", "lollipop", "cone", "column"), 64,
        ),
    }
)  # fmt: skip
