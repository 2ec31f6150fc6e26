"""The blur weighting loss (Eq. 12): what is left of the blur, counted where the picture was blurred."""

from torch import Tensor

from ldpbench.core.errors import UsageError
from ldpbench.training.losses.deviation import full_precision, squared_deviation

NOISE_STD = 0.01
"""Per channel, white is 1: how far the mean of two sharp, noisy views lies from a noisy target.

A phone at base sensitivity (variance ``x/3000 + 0.001^2`` per view in linear light) has 0.0055 in the mean of its views
at mid-grey (x = 0.18), 0.0066 after sRGB coding, and 0.0093 between that mean and a target with as much noise.
"""


def blur_weighting(restored: Tensor, target: Tensor, left: Tensor, right: Tensor, probability: Tensor) -> Tensor:
    """Mean over pixels and pictures of ``M ||target - restored||^2 / ||target - (left + right)/2||^2``.

    Two things that the paper leaves open:

    - It prints no guard of the division. Here the denominator is at least ``C NOISE_STD^2``: below it the views differ
      from the target by noise and not by blur. Everywhere else the quotient is exactly Eq. 12: 1 where nothing was
      gained over the mean of the views, 0 where everything was.
    - M "with soft logits" can be read as the probability or as the unnormalised map. Here it is the probability in
      [0, 1]: unnormalised values can be negative, and a negative weight would reward errors.

    Args:
        restored: Floats (N, C, H, W), white is 1, not clamped.
        target: Floats of the same shape.
        left: Floats of the same shape; blurred.
        right: Floats of the same shape; blurred.
        probability: Floats (N, 1, H, W) in [0, 1]; large means blurred. Nothing flows back into it.

    Returns:
        A float32 scalar (float64 for float64), at least 0.

    Raises:
        UsageError: If the shapes do not fit.
    """
    error = squared_deviation(restored, target)
    if probability.shape != error.shape:
        raise UsageError(
            f"the blur weighting loss: expected a blur map {tuple(error.shape)}, found {tuple(probability.shape)}"
        )
    if left.shape != right.shape:
        raise UsageError(f"the views differ in shape: left {tuple(left.shape)}, right {tuple(right.shape)}")
    blurry = (full_precision(left) + full_precision(right)) / 2
    floor = target.shape[1] * NOISE_STD**2
    blur = squared_deviation(blurry, target).clamp(min=floor)
    return (full_precision(probability).detach() * error / blur).mean()
