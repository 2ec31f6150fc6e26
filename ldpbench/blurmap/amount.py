"""From an amount of blur in pixels to the probability that a pixel is blurred."""

import numpy as np
from numpy.typing import NDArray

from ldpbench.blurmap.estimator import BlurMap

SHARP_UP_TO_PX = 1.0
"""The field's border: a pixel with at most this much blur counts as sharp (Yang et al., CVPR 2024, section 4.3)."""
_JUST_SHARP = np.nextafter(np.float32(0.5), np.float32(0))


def map_of_amount(amount: NDArray[np.float32], *, sharp_up_to_px: float = SHARP_UP_TO_PX, symbol: str = "d") -> BlurMap:
    """A map whose logits are the amount itself, and whose probability is a sigmoid around the border.

    Args:
        amount: float32 (H, W), at least 0, in px.
        sharp_up_to_px: The largest amount that is sharp. There the probability is just below 0.5, so that the threshold
            0.5 says the same as ``amount <= sharp_up_to_px``.
        symbol: What the amount is called in the name of the function.
    """
    border = np.float32(sharp_up_to_px)
    probability = (1 / (1 + np.exp(border - amount))).astype(np.float32)
    probability = np.where(amount <= border, np.minimum(probability, _JUST_SHARP), probability)
    return BlurMap(probability=probability, logits=amount, normalisation=f"sigmoid(|{symbol}| - {sharp_up_to_px:g} px)")
