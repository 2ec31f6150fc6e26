"""Recipes and layouts: what a scene shows, and where in the picture and how far away each thing is."""

from dataclasses import dataclass
from typing import Literal

from ldpbench.core.seeding import derive_seed
from ldpbench.simulation.draws import Draws
from ldpbench.simulation.procedural.objects import OBJECTS, Part, Place
from ldpbench.simulation.procedural.palettes import PALETTES
from ldpbench.simulation.procedural.surface import Surface


@dataclass(frozen=True)
class Recipe:
    """What a scene is made of.

    Args:
        palette: Name of a colour scheme.
        view: ``floor``: objects stand on a plane that runs away from the viewer. ``wall``: they float in front of a
            plane that recedes to one side.
        ground: Pattern of the plane.
        ground_cell_m: Size of its cells in metres.
        wall: Pattern of the far background, where the plane ends.
        horizon: Height of the far background as a share of the picture; 0 for none. Floors only.
        near_m: Depth where the plane is nearest.
        far_m: Depth where it is farthest.
        objects: Names of objects, each drawn once.
        size_px: Height of an object at the middle of the inverse depths.
    """

    palette: str
    view: Literal["floor", "wall"]
    ground: str
    ground_cell_m: float
    wall: str
    horizon: float
    near_m: float
    far_m: float
    objects: tuple[str, ...]
    size_px: float


@dataclass(frozen=True)
class Backdrop:
    """The slanted plane: inverse depth is ``base + per_x x + per_y y``, kept within ``far`` and ``near`` (1/m)."""

    base: float
    per_x: float
    per_y: float
    far: float
    near: float
    view: Literal["floor", "wall"]
    ground: Surface
    wall: Surface


@dataclass(frozen=True)
class Item:
    """One object: its parts from back to front, all at one inverse depth (1/m)."""

    parts: tuple[Part, ...]
    inverse_depth: float


@dataclass(frozen=True)
class Layout:
    """A whole scene, items from far to near, for a square canvas of ``side`` pixels."""

    side: int
    backdrop: Backdrop
    items: tuple[Item, ...]


def lay_out(recipe: Recipe, seed: int, side: int) -> Layout:
    """Place a recipe's objects.

    Args:
        recipe: What to show.
        seed: Decides places, sizes, patterns and colours.
        side: Side of the canvas in pixels.
    """
    backdrop = _backdrop(recipe, seed, side)
    place = _on_floor if recipe.view == "floor" else _in_front_of_wall
    items = place(recipe, backdrop, seed, side)
    return Layout(side=side, backdrop=backdrop, items=tuple(sorted(items, key=lambda item: item.inverse_depth)))


def _backdrop(recipe: Recipe, seed: int, side: int) -> Backdrop:
    draws = Draws(derive_seed(seed, "backdrop"))
    palette = PALETTES[recipe.palette]
    far, near = 1.0 / recipe.far_m, 1.0 / recipe.near_m
    if recipe.view == "floor":
        start = recipe.horizon * side
        per_x, per_y = 0.0, (near - far) / (side - start)
        base = far - per_y * start
    else:
        per_x = draws.sign() * 0.8 * (near - far) / side
        per_y = 0.2 * (near - far) / side
        base = far if per_x > 0 else far - per_x * side
    ground = Surface(recipe.ground, *palette.ground, recipe.ground_cell_m, int(draws.raw(1)[0]))
    wall = Surface(recipe.wall, *palette.wall, 0.11 * side, int(draws.raw(1)[0]))
    return Backdrop(base, per_x, per_y, far, near, recipe.view, ground, wall)


def _on_floor(recipe: Recipe, backdrop: Backdrop, seed: int, side: int) -> list[Item]:
    """Objects stand in rows from the horizon to the viewer, columns shuffled, so that few hide one another."""
    draws = Draws(derive_seed(seed, "places"))
    count = len(recipe.objects)
    columns = draws.shuffled(range(count))
    middle = 0.5 * (backdrop.near + backdrop.far)
    items = []
    for row, (name, column_index) in enumerate(zip(draws.shuffled(recipe.objects), columns, strict=True)):
        depth_share = (row + draws.between(0.3, 0.8)) / count
        inverse_depth = backdrop.far + (0.06 + 0.86 * depth_share) * (backdrop.near - backdrop.far)
        foot = (inverse_depth - backdrop.base) / backdrop.per_y
        x = side * (0.1 + 0.8 * (column_index + draws.between(0.25, 0.75)) / count)
        # Twice as near is not drawn twice as large: a single object would fill the picture.
        size = recipe.size_px * (0.42 + 0.58 * inverse_depth / middle) * draws.between(0.85, 1.15)
        items.append(_item(name, Place(x, foot, size), inverse_depth, recipe, draws))
    return items


def _in_front_of_wall(recipe: Recipe, backdrop: Backdrop, seed: int, side: int) -> list[Item]:
    """Objects float at depths spread over the range, one in each cell of a shuffled grid."""
    draws = Draws(derive_seed(seed, "places"))
    count = len(recipe.objects)
    cells = draws.shuffled([(column, row) for row in range(3) for column in range(3)])[:count]
    items = []
    for rank, (name, (column, row)) in enumerate(zip(draws.shuffled(recipe.objects), cells, strict=True)):
        share = (rank + draws.between(0.1, 0.9)) / count
        inverse_depth = backdrop.far + share * (backdrop.near - backdrop.far)
        x = side * (0.08 + 0.28 * (column + draws.between(0.25, 0.75)))
        y = side * (0.08 + 0.28 * (row + draws.between(0.25, 0.75)))
        size = recipe.size_px * (0.7 + 0.5 * share) * draws.between(0.85, 1.15)
        items.append(_item(name, Place(x, y, size), inverse_depth, recipe, draws))
    return items


def _item(name: str, place: Place, inverse_depth: float, recipe: Recipe, draws: Draws) -> Item:
    return Item(tuple(OBJECTS[name](place, PALETTES[recipe.palette], draws)), inverse_depth)
