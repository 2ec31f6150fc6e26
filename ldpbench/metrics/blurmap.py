"""Blur-map classification: is a pixel sharp or blurred?

The truth of a pixel is its signed blur in pixels: it is sharp if the amount is at most one pixel, blurred otherwise
(Yang et al., CVPR 2024, section 4.3). The prediction is a probability of blur and says blurred from the threshold on.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ldpbench.core.errors import UsageError

SHARP_UP_TO_PX = 1.0
THRESHOLD = 0.5


@dataclass(frozen=True)
class BlurCounts:
    """Pixels by truth and prediction; ``positive`` means blurred."""

    true_positive: int
    true_negative: int
    false_positive: int
    false_negative: int

    @property
    def n(self) -> int:
        """Number of pixels."""
        return self.true_positive + self.true_negative + self.false_positive + self.false_negative

    @property
    def accuracy(self) -> float:
        """Share of pixels that are classified right; NaN without pixels."""
        return _ratio(self.true_positive + self.true_negative, self.n)

    @property
    def balanced_accuracy(self) -> float:
        """Mean of the accuracies of the two classes; NaN if one is absent."""
        blurred = _ratio(self.true_positive, self.true_positive + self.false_negative)
        sharp = _ratio(self.true_negative, self.true_negative + self.false_positive)
        return (blurred + sharp) / 2

    @property
    def iou(self) -> float:
        """Intersection over union of the blurred class; NaN if nothing is blurred and nothing was called so."""
        return _ratio(self.true_positive, self.n - self.true_negative)

    @property
    def majority(self) -> float:
        """Share of the larger true class: the accuracy of the better constant answer; NaN without pixels."""
        blurred = self.true_positive + self.false_negative
        return _ratio(max(blurred, self.n - blurred), self.n)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else np.nan


def count_blur(
    probability: NDArray[Any],
    blur_px: NDArray[Any],
    *,
    threshold: float = THRESHOLD,
    sharp_up_to_px: float = SHARP_UP_TO_PX,
) -> BlurCounts:
    """Classify and count the valid pixels.

    Args:
        probability: Predicted probability of blur, any shape; a value equal to the threshold means blurred.
        blur_px: True signed blur in pixels, same shape; a value of exactly ``sharp_up_to_px`` means sharp.
        threshold: Where the prediction turns to blurred.
        sharp_up_to_px: Largest amount of blur that counts as sharp.

    Raises:
        UsageError: If the shapes differ or a value is not finite.
    """
    if probability.shape != blur_px.shape:
        raise UsageError(
            f"prediction is {probability.shape}, target is {blur_px.shape}", hint="the shapes must be equal"
        )
    if not (np.isfinite(probability).all() and np.isfinite(blur_px).all()):
        raise UsageError("a blur map holds NaN or infinity", hint="leave out invalid pixels with a mask")
    truth = np.abs(blur_px) > sharp_up_to_px
    said = probability >= threshold
    return BlurCounts(
        true_positive=int((truth & said).sum()),
        true_negative=int((~truth & ~said).sum()),
        false_positive=int((~truth & said).sum()),
        false_negative=int((truth & ~said).sum()),
    )
