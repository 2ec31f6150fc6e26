"""The blur weighting loss (Eq. 12): what is left of the blur, counted where the picture was blurred."""

from torch import Tensor

from ldpbench.core.errors import UsageError
from ldpbench.training.losses.deviation import full_precision, squared_deviation

FLOOR_STD = 0.05
"""Per channel, white is 1: deviations of the views from the target below this are no blur worth dividing by.

A noisy phone picture at base sensitivity differs from as noisy a target by 0.0093, so noise alone stays far below it.
It is larger than that because of what a smaller one does: with 0.01, flat areas, whose blur cannot be seen, weigh up to
25 times as much, and a hundred steps of the total loss on `sample-train` took 0.6 dB of PSNR away; with 0.05, 0.04 dB.
"""


def blur_weighting(restored: Tensor, target: Tensor, left: Tensor, right: Tensor, probability: Tensor) -> Tensor:
    """Mean over pixels and pictures of ``M ||target - restored||^2 / ||target - (left + right)/2||^2``.

    Two things that the paper leaves open:

    - It prints no guard of the division. Here the denominator is at least ``C FLOOR_STD^2``. Everywhere else the
      quotient is exactly Eq. 12: 1 where nothing was gained over the mean of the views, 0 where everything was.
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
    floor = target.shape[1] * FLOOR_STD**2
    blur = squared_deviation(blurry, target).clamp(min=floor)
    return (full_precision(probability).detach() * error / blur).mean()
