"""Tiles as large as memory allows, and smaller ones when it runs out all the same."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ldpbench.core.errors import MethodError
from ldpbench.methods.memory import CROWDING, SCRATCH, free_bytes, is_out_of_memory, memory_of, release, taken_bytes
from ldpbench.methods.protocol import SizeRule
from ldpbench.methods.tiling import Call, Tiling, in_tiles

PROBE_PX = 256
"""Side of the made-up picture by which the need is measured."""
SHARE_OF_FREE = 0.7
"""Of what is free; the rest is for everybody else."""
STEPS = (1.0, 0.75, 0.5, 0.375, 0.25)
"""Sides that are tried one after the other when memory runs out, as shares of the first."""


@dataclass(frozen=True)
class AutoTiling:
    """Tiles whose size is chosen for each picture.

    Args:
        memory_bytes: What the process may take in all; None for what is free.
        overlap_px: As of ``Tiling``.
        shared: As of ``Tiling``.
        whole_only: Only look whether a whole picture fits: memory is said to run out where it does not.
    """

    memory_bytes: int | None = None
    overlap_px: int = 32
    shared: bool = True
    whole_only: bool = False

    @property
    def description(self) -> str:
        """For people and records; how much memory a machine has is no part of it, but what somebody allows is."""
        own = "" if self.shared else ", each with its own statistics"
        allowed = "memory allows" if self.memory_bytes is None else f"{self.memory_bytes / 1e6:g} MB allow"
        return f"tiles as large as {allowed}, overlap {self.overlap_px} px{own}"


@dataclass(frozen=True)
class Need:
    """Bytes per pixel of what a function sees."""

    working: float
    """While it works."""
    paused: float
    """Where it waits for a sum over the picture."""


class Tiler:
    """Shows a function whole pictures, tiles of one size, or tiles as large as memory allows.

    Args:
        tiling: None for whole pictures.
        size: Which sizes the function accepts.
        shared: Whether it has sums over the picture that tiles share.
    """

    def __init__(self, tiling: Tiling | AutoTiling | None, size: SizeRule, *, shared: bool) -> None:
        self._tiling, self._size, self._shared = tiling, size, shared
        self._need: Need | None = None
        self.used: Tiling | None = None
        """How the last picture was cut; None if it was seen whole."""

    @property
    def words(self) -> str | None:
        """``used`` for people."""
        if self.used is not None:
            return self.used.description
        return None if self._tiling is None else "the whole picture, which fits"

    def run(self, call: Call, inputs: Sequence[Tensor | None]) -> Tensor:
        """As ``in_tiles``.

        Raises:
            MethodError: If memory runs out, with the smallest tiles too where their size is free.
        """
        if not isinstance(self._tiling, AutoTiling):
            return self._attempt(call, inputs, self._tiling)
        first = inputs[0]
        assert first is not None
        for tiling in self._candidates(call, inputs, first, self._tiling):
            try:
                return self._attempt(call, inputs, tiling)
            except MethodError as error:
                if not is_out_of_memory(error.__cause__ or error):
                    raise
                release(first.device)
        raise MethodError("memory runs out even with the smallest tiles", hint="give it more with --memory")

    def _attempt(self, call: Call, inputs: Sequence[Tensor | None], tiling: Tiling | None) -> Tensor:
        self.used = tiling
        try:
            return in_tiles(call, inputs, tiling, multiple_of=self._size.multiple_of, shared=self._shared)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            seen = "a whole picture" if tiling is None else tiling.description
            raise MethodError(f"memory ran out for {seen}", hint="choose smaller tiles, or --tile auto") from error

    def _candidates(
        self, call: Call, inputs: Sequence[Tensor | None], first: Tensor, auto: AutoTiling
    ) -> Iterator[Tiling | None]:
        """Ways to see a picture, the best first."""
        height, width = first.shape[-2:]
        if self._need is None:
            self._need = measured_need(call, inputs, self._size)
        free = int(SHARE_OF_FREE * free_bytes(first.device))
        budget = free if auto.memory_bytes is None else auto.memory_bytes - taken_bytes(first.device)
        if self._need.working * height * width <= budget:
            yield None
        if auto.whole_only:
            raise MethodError("memory ran out for a whole picture: it would take more than there is")
        shared = auto.shared and self._shared
        side = largest_tile(self._need, height, width, budget, self._size, shared=shared, overlap_px=auto.overlap_px)
        if side is None and shared:  # the stopped tiles alone are too much, so each keeps its own statistics
            shared = False
            side = largest_tile(self._need, height, width, budget, self._size, shared=False, overlap_px=auto.overlap_px)
        smallest = smallest_tile(self._size, auto.overlap_px)
        for step in STEPS:
            cut = int(step * (side or smallest)) // self._size.multiple_of * self._size.multiple_of
            yield Tiling(max(cut, smallest), auto.overlap_px, shared)


def measured_need(call: Call, inputs: Sequence[Tensor | None], size: SizeRule) -> Need:
    """What a function takes per pixel, measured on a corner of a picture."""
    first = inputs[0]
    assert first is not None
    height, width = (min(size.padded(PROBE_PX), length) for length in first.shape[-2:])
    corner = [None if plane is None else plane[..., :height, :width].contiguous() for plane in inputs]
    with torch.inference_mode():
        working, paused = memory_of(lambda: call(*corner))
    given = sum(plane[..., :1, :1].numel() * plane.element_size() for plane in inputs if plane is not None)
    return Need(SCRATCH * working / (height * width) + given, CROWDING * paused / (height * width))


def smallest_tile(size: SizeRule, overlap_px: int) -> int:
    """The smallest side that a function accepts and that is larger than twice the overlap."""
    return size.padded(2 * overlap_px + 1)


def largest_tile(
    need: Need, height: int, width: int, budget: int, size: SizeRule, *, shared: bool, overlap_px: int
) -> int | None:
    """The largest side of a tile that fits into a budget of bytes; None if not even the smallest does.

    Args:
        need: Of the function.
        height: Of the picture, px.
        width: Of the picture, px.
        budget: Bytes.
        size: Which sides are accepted.
        shared: Whether stopped tiles stay in memory.
        overlap_px: Pixels that neighbours share.
    """
    smallest = smallest_tile(size, overlap_px)
    side = max(height, width) // size.multiple_of * size.multiple_of
    while side >= smallest:
        # Of stopped tiles every pixel is there, those of the overlaps twice and more.
        twice = (side / (side - overlap_px)) ** 2
        waiting = need.paused * height * width * twice if shared else 0.0
        if need.working * min(side, height) * min(side, width) + waiting <= budget:
            return side
        side -= size.multiple_of
    return None
