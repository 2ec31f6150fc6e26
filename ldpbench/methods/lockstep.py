"""All tiles of a picture side by side, each stopping wherever it needs a sum over the whole picture.

Every tile is a greenlet: it hands in its part of a sum and stops; when all have, each gets the total and goes on. They
are greenlets and not threads because each thread would keep scratch memory of its own. What is alive in the stopped
tiles stays in memory: about what the whole picture would need between two blocks, and less than it would need in one.
"""

from collections.abc import Callable, Sequence

import torch
from greenlet import GreenletExit, getcurrent, greenlet
from torch import Tensor

from ldpbench.networks.statistics import sharing

Sums = tuple[Tensor, ...]


class _Tile:
    """One tile and its side of the exchange; it is the ``Share`` of what it computes."""

    def __init__(self, owned: tuple[slice, slice], size: tuple[int, int], call: Callable[[], None]) -> None:
        self._owned, self._size = owned, size
        self._greenlet = greenlet(call)

    def owned(self, height: int, width: int) -> tuple[slice, slice]:
        rows, columns = (
            slice(part.start * length // whole, part.stop * length // whole)
            for part, length, whole in zip(self._owned, (height, width), self._size, strict=True)
        )
        return rows, columns

    def summed(self, parts: Sums) -> Sums:
        parent = getcurrent().parent
        assert parent is not None, "only tiles have shares"
        totals: Sums = parent.switch(parts)
        return totals

    def advance(self, totals: Sums | None) -> Sums | None:
        """Let it work until it hands something in; None once it has ended."""
        with sharing(self):
            given: Sums | None = self._greenlet.switch() if totals is None else self._greenlet.switch(totals)
        return given

    def end(self) -> None:
        """End it, wherever it is, so that it lets go of its tensors."""
        if self._greenlet:
            self._greenlet.throw(GreenletExit)


def run_in_lockstep(
    calls: Sequence[Callable[[], None]], owned: Sequence[tuple[slice, slice]], sizes: Sequence[tuple[int, int]]
) -> None:
    """Compute the tiles of a picture so that all see the sums over the whole of it.

    Args:
        calls: One for each tile.
        owned: Rows and columns of each tile, counted in it, that it answers for: a partition of the picture.
        sizes: Height and width of each tile.

    Raises:
        RuntimeError: If the tiles do not ask for the same sums.
        Whatever a tile raises; the others are ended.
    """
    tiles = [_Tile(*given) for given in zip(owned, sizes, calls, strict=True)]
    totals: Sums | None = None
    try:
        while True:
            given = [tile.advance(totals) for tile in tiles]
            waiting = [parts for parts in given if parts is not None]
            if not waiting:
                return
            if len(waiting) < len(tiles) or len({len(parts) for parts in waiting}) > 1:
                raise RuntimeError("tiles of one picture asked for different sums over it")
            totals = tuple(torch.stack(parts).sum(0) for parts in zip(*waiting, strict=True))
    finally:
        for tile in tiles:
            tile.end()
