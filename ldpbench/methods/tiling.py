"""Whole pictures in overlapping tiles, for methods and machines that cannot hold them at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ldpbench.core.errors import UsageError


@dataclass(frozen=True)
class Tiling:
    """How a picture is cut.

    Args:
        size_px: Side of a tile.
        overlap_px: Pixels that neighbours share; across them one fades into the other.

    Raises:
        UsageError: If a tile is not larger than twice its overlap.
    """

    size_px: int
    overlap_px: int = 32

    def __post_init__(self) -> None:
        if self.overlap_px < 0 or self.size_px <= 2 * self.overlap_px:
            raise UsageError(
                f"tiles: expected more than twice the overlap of {self.overlap_px} px, found {self.size_px} px",
                hint="choose larger tiles",
            )

    def starts(self, length: int) -> list[int]:
        """Where tiles begin along an axis: evenly, the last one flush with the border."""
        if length <= self.size_px:
            return [0]
        count = -(-(length - self.overlap_px) // (self.size_px - self.overlap_px))
        last = length - self.size_px
        return [round(last * number / (count - 1)) for number in range(count)]


def in_tiles(call: Callable[..., Tensor], inputs: Sequence[Tensor | None], tiling: Tiling | None) -> Tensor:
    """Call a function on tiles and blend what it gives; weights rise linearly across the overlap.

    Args:
        call: From tensors (N, C, h, w) to one (N, C', h, w).
        inputs: Tensors (N, C, H, W) of one size, or None; the first one is a tensor.
        tiling: None for one call with everything.

    Returns:
        (N, C', H, W).
    """
    first = inputs[0]
    assert first is not None
    height, width = first.shape[-2:]
    if tiling is None or (height <= tiling.size_px and width <= tiling.size_px):
        return call(*inputs)
    total: Tensor | None = None
    weight = first.new_zeros(1, 1, height, width)
    for top in tiling.starts(height):
        rows = slice(top, min(top + tiling.size_px, height))
        for left in tiling.starts(width):
            columns = slice(left, min(left + tiling.size_px, width))
            given = [None if plane is None else plane[..., rows, columns].contiguous() for plane in inputs]
            made = call(*given)
            ramp = _ramp(rows, height, tiling, made)[:, None] * _ramp(columns, width, tiling, made)
            if total is None:
                total = made.new_zeros(*made.shape[:2], height, width)
            total[..., rows, columns] += made * ramp
            weight[..., rows, columns] += ramp
    assert total is not None
    return total / weight


def _ramp(part: slice, length: int, tiling: Tiling, like: Tensor) -> Tensor:
    """Weights along one axis: they rise from a side that has a neighbour, and are 1 elsewhere."""
    size = part.stop - part.start
    place = torch.arange(1, size + 1, device=like.device, dtype=like.dtype) / (tiling.overlap_px + 1)
    ones = torch.ones_like(place)
    rise = torch.minimum(place, ones) if part.start > 0 else ones
    fall = torch.minimum(place.flip(0), ones) if part.stop < length else ones
    return rise * fall


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
