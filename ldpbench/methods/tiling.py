"""Whole pictures in overlapping tiles, for methods and machines that cannot hold them at once."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ldpbench.core.errors import UsageError
from ldpbench.methods.lockstep import run_in_lockstep

Call = Callable[..., Tensor]
"""From tensors (N, C, h, w) to one (N, C', h, w)."""


@dataclass(frozen=True)
class Tiling:
    """How a picture is cut.

    Args:
        size_px: Side of a tile.
        overlap_px: Pixels that neighbours share; across them one fades into the other.
        shared: Whether tiles share their sums over the picture, where a network has such sums.

    Raises:
        UsageError: If a tile is not larger than twice its overlap.
    """

    size_px: int
    overlap_px: int = 32
    shared: bool = True

    def __post_init__(self) -> None:
        if self.overlap_px < 0 or self.size_px <= 2 * self.overlap_px:
            raise UsageError(
                f"tiles: expected more than twice the overlap of {self.overlap_px} px, found {self.size_px} px",
                hint="choose larger tiles",
            )

    @property
    def description(self) -> str:
        """For people and records."""
        own = "" if self.shared else ", each with its own statistics"
        return f"tiles of {self.size_px} px, overlap {self.overlap_px} px{own}"

    def starts(self, length: int, multiple_of: int = 1) -> list[int]:
        """Where tiles begin along an axis: evenly, the last one flush with the border.

        Args:
            length: Of the axis, px.
            multiple_of: Tiles begin at multiples of this, so that what a network makes small falls on one grid.
        """
        if length <= self.size_px:
            return [0]
        count = -(-(length - self.overlap_px) // (self.size_px - self.overlap_px))
        last = length - self.size_px
        places = [last * number / (count - 1) for number in range(count)]
        return [last if place == last else int(place // multiple_of) * multiple_of for place in places]


@dataclass(frozen=True)
class _Axis:
    """One tile along one axis."""

    part: slice
    """Of the picture."""
    owned: slice
    """Of the tile: up to the middle of each overlap."""
    has_before: bool
    has_after: bool

    def ramp(self, tiling: Tiling, like: Tensor) -> Tensor:
        """Weights: they rise from a side that has a neighbour, and are 1 elsewhere."""
        place = torch.arange(1, self.part.stop - self.part.start + 1, device=like.device, dtype=like.dtype)
        place = place / (tiling.overlap_px + 1)
        ones = torch.ones_like(place)
        rise = torch.minimum(place, ones) if self.has_before else ones
        fall = torch.minimum(place.flip(0), ones) if self.has_after else ones
        return rise * fall


def _axes(length: int, tiling: Tiling, multiple_of: int) -> list[_Axis]:
    starts = tiling.starts(length, multiple_of)
    stops = [min(start + tiling.size_px, length) for start in starts]
    middles = [(start + stop) // 2 // multiple_of * multiple_of for start, stop in zip(starts[1:], stops, strict=False)]
    edges = [0, *middles, length]
    return [
        _Axis(
            slice(start, stop),
            slice(edges[place] - start, edges[place + 1] - start),
            has_before=place > 0,
            has_after=place < len(starts) - 1,
        )
        for place, (start, stop) in enumerate(zip(starts, stops, strict=True))
    ]


def in_tiles(
    call: Call, inputs: Sequence[Tensor | None], tiling: Tiling | None, *, multiple_of: int = 1, shared: bool = False
) -> Tensor:
    """Call a function on tiles and blend what it gives; weights rise linearly across the overlap.

    Args:
        call: What sees the tiles.
        inputs: Tensors (N, C, H, W) of one size, or None; the first one is a tensor.
        tiling: None for one call with everything.
        multiple_of: Of the sizes that the function accepts.
        shared: Whether the function has sums over the picture that tiles share.

    Returns:
        (N, C', H, W).
    """
    first = inputs[0]
    assert first is not None
    height, width = first.shape[-2:]
    if tiling is None or (height <= tiling.size_px and width <= tiling.size_px):
        return call(*inputs)
    tiles = [
        (down, across) for down in _axes(height, tiling, multiple_of) for across in _axes(width, tiling, multiple_of)
    ]
    total: Tensor | None = None
    weight = first.new_zeros(1, 1, height, width)

    def compute(down: _Axis, across: _Axis) -> None:
        nonlocal total
        box = (..., down.part, across.part)
        made = call(*(None if plane is None else plane[box].contiguous() for plane in inputs))
        ramp = down.ramp(tiling, made)[:, None] * across.ramp(tiling, made)
        if total is None:
            total = made.new_zeros(*made.shape[:2], height, width)
        total[box] += made * ramp
        weight[box] += ramp

    if shared and tiling.shared:
        run_in_lockstep(
            [functools.partial(compute, *tile) for tile in tiles],
            [(down.owned, across.owned) for down, across in tiles],
            [(down.part.stop - down.part.start, across.part.stop - across.part.start) for down, across in tiles],
        )
    else:
        for tile in tiles:
            compute(*tile)
    assert total is not None
    return total / weight


def in_windows(call: Callable[..., Tensor], inputs: Sequence[Tensor | None], side_px: int) -> Tensor:
    """Call a function on windows side by side; the last ones are flush with the border and give only what is left.

    This is how the authors of DeepRFT test: no overlap, no blending.

    Args:
        call: From tensors (N, C, h, w) to one (N, C', h, w).
        inputs: Tensors (N, C, H, W) of one size, or None; the first one is a tensor.
        side_px: Side of a window; of a shorter picture, its side.

    Returns:
        (N, C', H, W).
    """
    first = inputs[0]
    assert first is not None
    height, width = first.shape[-2:]
    high, wide = min(side_px, height), min(side_px, width)
    whole: Tensor | None = None
    for top, rows in _windows(height, side_px):
        for left, columns in _windows(width, side_px):
            box = (..., slice(rows.stop - high, rows.stop), slice(columns.stop - wide, columns.stop))
            made = call(*(None if plane is None else plane[box].contiguous() for plane in inputs))
            if whole is None:
                whole = made.new_empty(*made.shape[:2], height, width)
            whole[..., rows, columns] = made[..., top:, left:]
    assert whole is not None
    return whole


def _windows(length: int, side: int) -> list[tuple[int, slice]]:
    """For each window along an axis: how much of it is covered already, and which pixels it gives."""
    if length <= side:
        return [(0, slice(0, length))]
    given = [(0, slice(start, start + side)) for start in range(0, length - side + 1, side)]
    rest = length % side
    return [*given, (side - rest, slice(length - rest, length))] if rest else given
