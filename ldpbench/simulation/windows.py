"""Windows of pictures that go on beyond the border, mirrored without repeating the edge (reflect-101)."""

import torch
from torch import Tensor


def mirrored_index(index: Tensor, size: int) -> Tensor:
    """Positions on an endless line as positions in 0 .. size - 1, however far outside they are."""
    if size == 1:
        return torch.zeros_like(index)
    wrapped = index.remainder(2 * (size - 1))
    return torch.minimum(wrapped, 2 * (size - 1) - wrapped)


def mirrored_window(planes: Tensor, rows: slice, columns: slice, margin: int) -> Tensor:
    """A window (..., h, w) with a margin all around, (..., h + 2 margin, w + 2 margin)."""
    y, x = (
        mirrored_index(torch.arange(part.start - margin, part.stop + margin, device=planes.device), size)
        for part, size in zip((rows, columns), planes.shape[-2:], strict=True)
    )
    return planes.index_select(-2, y).index_select(-1, x)


def extent(inside: Tensor, margin: int = 0) -> tuple[slice, slice]:
    """Rows and columns that hold the true pixels of any picture of a batch, grown by a margin within the picture.

    Args:
        inside: bool (N, H, W), somewhere true.
        margin: In pixels.
    """
    anywhere = inside.any(dim=0)
    found = []
    for line, size in zip((anywhere.any(dim=1), anywhere.any(dim=0)), anywhere.shape, strict=True):
        where = line.nonzero().flatten()
        found.append(slice(max(int(where[0]) - margin, 0), min(int(where[-1]) + 1 + margin, size)))
    return found[0], found[1]
