"""Sums over the whole picture, for networks that see it in tiles.

Channel attention weighs channels by means over all positions, transposed attention by products summed over all of them.
A tile alone would take its own, and every pixel would come out different. So such modules ask for their sums here.
Alone they get what they computed; of tiles in lockstep each hands in the sum over the part that it owns, and gets the
total.
"""

import contextlib
import threading
from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor, nn


class Share(Protocol):
    """One tile among those of a picture."""

    def owned(self, height: int, width: int) -> tuple[slice, slice]:
        """Rows and columns of a map of so many positions that this tile answers for, and no other tile does."""
        ...

    def summed(self, parts: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The totals over all tiles of what each hands in."""
        ...


class OverPicture(nn.Module):
    """Base of modules whose result depends on sums over all positions of the picture."""


class _Current(threading.local):
    share: Share | None = None


_CURRENT = _Current()


def current_share() -> Share | None:
    """The tile that this thread computes; None where it sees whole pictures."""
    return _CURRENT.share


@contextlib.contextmanager
def sharing(share: Share) -> Iterator[None]:
    """Compute a tile in this thread."""
    _CURRENT.share = share
    try:
        yield
    finally:
        _CURRENT.share = None


def picture_mean(x: Tensor) -> Tensor:
    """The mean over all positions of the picture, (N, C, H, W) to (N, C, 1, 1)."""
    share = current_share()
    if share is None:
        return x.mean((-2, -1), keepdim=True)
    rows, columns = share.owned(*x.shape[-2:])
    own = x[..., rows, columns]
    # Totals of millions of values lose digits in float32, and in 16 bits they overflow.
    parts = (own.sum((-2, -1), keepdim=True, dtype=torch.float64), x.new_tensor(own[0, 0].numel(), dtype=torch.float64))
    total, count = share.summed(parts)
    return (total / count).to(x.dtype)


def owned_positions(height: int, width: int, device: torch.device) -> Tensor | None:
    """1 for the positions that this tile answers for and 0 for the others, (H, W); None for whole pictures."""
    share = current_share()
    if share is None:
        return None
    mask = torch.zeros(height, width, device=device)
    mask[share.owned(height, width)] = 1
    return mask


def picture_sums(*parts: Tensor) -> tuple[Tensor, ...]:
    """Totals over the picture of sums that were taken over owned positions; the sums themselves for whole pictures."""
    share = current_share()
    return parts if share is None else share.summed(parts)


def has_picture_statistics(network: nn.Module) -> bool:
    """Whether tiles of a picture would differ from the picture unless they share their sums."""
    return any(isinstance(module, OverPicture) for module in network.modules())
