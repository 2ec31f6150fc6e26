"""How far apart two pictures are at every pixel: what both pixel losses are made of."""

import torch
from torch import Tensor

from ldpbench.core.errors import UsageError


def full_precision(values: Tensor) -> Tensor:
    """Half-precision floats as float32; float32 and float64 as they are.

    A squared difference of two bfloat16 values of 8 bits each has hardly a digit left, so losses never run in it.
    """
    return values if values.dtype in (torch.float32, torch.float64) else values.float()


def squared_deviation(first: Tensor, second: Tensor) -> Tensor:
    """``||first - second||^2`` at every pixel: the sum over the channels, as the paper's norm of a colour.

    Args:
        first: Floats (N, C, H, W).
        second: Floats of the same shape.

    Returns:
        float32 (float64 for float64) of shape (N, 1, H, W).

    Raises:
        UsageError: If the shapes differ, which would broadcast without a word.
    """
    if first.shape != second.shape or first.ndim != 4:
        raise UsageError(
            f"a loss: expected two pictures of one shape (N, C, H, W), found {tuple(first.shape)} and "
            f"{tuple(second.shape)}"
        )
    difference = full_precision(first) - full_precision(second)
    return (difference * difference).sum(dim=1, keepdim=True)
