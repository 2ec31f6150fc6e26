"""Attention that a blur map steers: Softmax(Q K^T / beta + O) V (Yang et al., CVPR 2024, Eq. 9).

O gives every position its own q x q kernel of additive logits for the positions around it and is zero everywhere else
(Eq. 10). It is never written out: the scores of some positions are made at a time, as many as fit a budget, so memory
grows with the number of positions and not with its square. On CUDA FlexAttention does the same inside its kernel.

Shapes: B pictures, h heads, n = H W positions in row order, d channels of a head.
"""

import math
from functools import lru_cache
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ldpbench.core.errors import UsageError

Implementation = Literal["auto", "dense", "rows", "flex"]

SCORE_BYTES = 64 << 20
"""Scores that may be held at a time, per call; those of one position in any case."""


def blur_prior_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    kernels: Tensor | None,
    grid: tuple[int, int],
    *,
    valid: Tensor | None = None,
    implementation: Implementation = "auto",
) -> Tensor:
    """Softmax(Q K^T / sqrt(d) + O) V over all positions of a grid.

    Args:
        q: Floats (B, h, n, d).
        k: The same shape.
        v: The same shape.
        kernels: Floats (B, n, q*q), the additive logits around each position in row order of the kernel, alike for all
            heads; what would lie outside the grid is left out. None for O = 0.
        grid: (H, W), with n = H W.
        valid: bool (B, n): positions that may be attended to; None for all.
        implementation: ``dense`` holds all scores; ``rows`` some rows of them at a time; ``flex`` is FlexAttention.
            ``auto`` takes ``flex`` on CUDA where it can and else ``rows``, which is ``dense`` where all fit.

    Returns:
        (B, h, n, d), of q's dtype. Scores and softmax are float32 (float64 for float64).

    Raises:
        UsageError: If the implementation cannot do that.
    """
    if implementation == "flex" or (implementation == "auto" and _flex_can(q, valid)):
        return _flex(q, k, v, kernels, grid)
    count = at_once = q.shape[2]
    if implementation in ("auto", "rows"):
        bytes_of_position = 4 * q.shape[0] * q.shape[1] * count
        at_once = max(1, min(count, SCORE_BYTES // bytes_of_position))
    parts = []
    for start in range(0, count, at_once):
        given = (q, k, v, kernels, grid, valid, start, min(start + at_once, count))
        if at_once < count and torch.is_grad_enabled():
            # The scores of these positions are made again in the backward pass instead of being kept.
            parts.append(checkpoint(_some_positions, *given, use_reentrant=False))
        else:
            parts.append(_some_positions(*given))
    return parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)


def _some_positions(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    kernels: Tensor | None,
    grid: tuple[int, int],
    valid: Tensor | None,
    start: int,
    stop: int,
) -> Tensor:
    """The result for the positions from ``start`` up to ``stop``."""
    scores = q[:, :, start:stop] @ k.transpose(-2, -1)
    scores = (scores if scores.dtype == torch.float64 else scores.float()) * q.shape[-1] ** -0.5
    if kernels is not None:
        where, inside = _neighbours(grid, _side(kernels), start, stop, q.device)
        added = (kernels[:, start:stop].to(scores.dtype) * inside)[:, None].expand(-1, scores.shape[1], -1, -1)
        scores = scores.scatter_add(-1, where.expand_as(added), added)
    if valid is not None:
        scores = scores.masked_fill(~valid[:, None, None], -torch.inf)
    attended: Tensor = (scores.softmax(-1).to(v.dtype) @ v).to(q.dtype)
    return attended


def _side(kernels: Tensor) -> int:
    side = math.isqrt(kernels.shape[-1])
    if side * side != kernels.shape[-1] or side % 2 == 0:
        raise UsageError(f"blur kernels: expected q*q values with q odd, found {kernels.shape[-1]}")
    return side


def _neighbours(grid: tuple[int, int], side: int, start: int, stop: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """The positions around each of some positions, (stop - start, q*q), and which of them lie on the grid."""
    reach = side // 2
    around = torch.arange(-reach, reach + 1, device=device)
    rows, columns = (torch.arange(length, device=device) for length in grid)
    row = rows[:, None].expand(grid).flatten()[start:stop, None, None] + around[:, None]
    column = columns.expand(grid).flatten()[start:stop, None, None] + around
    inside = (row >= 0) & (row < grid[0]) & (column >= 0) & (column < grid[1])
    index = row.clamp(0, grid[0] - 1) * grid[1] + column.clamp(0, grid[1] - 1)
    return index.flatten(1), inside.flatten(1)


def padded(kernels: Tensor, grid: tuple[int, int]) -> Tensor:
    """O of Eq. 10 written out, (B, n, n): for small grids and for tests.

    Args:
        kernels: (B, n, q*q).
        grid: (H, W).
    """
    where, inside = _neighbours(grid, _side(kernels), 0, grid[0] * grid[1], kernels.device)
    empty = kernels.new_zeros(len(kernels), grid[0] * grid[1], grid[0] * grid[1])
    return empty.scatter_add(-1, where.expand_as(kernels), kernels * inside)


def _flex_can(q: Tensor, valid: Tensor | None) -> bool:
    size = q.shape[-1]
    return q.is_cuda and valid is None and size >= 16 and size & (size - 1) == 0


@lru_cache(maxsize=1)
def _compiled_flex() -> Any:
    from torch.nn.attention.flex_attention import flex_attention

    return torch.compile(flex_attention, dynamic=True)


def _flex(q: Tensor, k: Tensor, v: Tensor, kernels: Tensor | None, grid: tuple[int, int]) -> Tensor:
    from torch.nn.attention.flex_attention import flex_attention

    # Without compilation it holds all scores; good enough to check the formula on a CPU.
    attend = _compiled_flex() if q.is_cuda else flex_attention
    change = None if kernels is None else score_change(kernels, grid)
    attended: Tensor = attend(q, k, v, score_mod=change).to(q.dtype)
    return attended


def score_change(kernels: Tensor, grid: tuple[int, int]) -> Any:
    """What FlexAttention does to each score: add the kernel of the query where the key lies in it."""
    side = _side(kernels)
    reach = side // 2
    flat = kernels.float()

    def change(score: Tensor, picture: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        del head
        down = key // grid[1] - query // grid[1]
        right = key % grid[1] - query % grid[1]
        inside = (down.abs() <= reach) & (right.abs() <= reach)
        place = (down.clamp(-reach, reach) + reach) * side + right.clamp(-reach, reach) + reach
        return torch.where(inside, score + flat[picture, query, place], score)

    return change
