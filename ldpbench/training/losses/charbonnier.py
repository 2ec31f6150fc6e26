"""The Charbonnier loss (Eq. 11): a distance that is smooth at zero."""

import torch
from torch import Tensor

from ldpbench.training.losses.deviation import squared_deviation

EPSILON = 1e-4
"""As printed under Eq. 11; the loss of a perfect restoration."""


def charbonnier(restored: Tensor, target: Tensor, epsilon: float = EPSILON) -> Tensor:
    """Mean over pixels and pictures of ``sqrt(||target - restored||^2 + epsilon^2)``.

    The norm is of a pixel's colour, so the channels are summed under the root: Eq. 11 has one value per (i, j), and
    Eq. 14 divides by the number of pixels. The usual alternative, a root per channel and a mean over channels, gives
    about 1/sqrt(3) of it for grey errors, and would change what the other two weights mean.

    Args:
        restored: Floats (N, C, H, W), white is 1, not clamped.
        target: Floats of the same shape.
        epsilon: Where the distance turns from linear to quadratic.

    Returns:
        A float32 scalar (float64 for float64), at least ``epsilon``.

    Raises:
        UsageError: If the shapes differ.
    """
    return torch.sqrt(squared_deviation(restored, target) + epsilon**2).mean()
