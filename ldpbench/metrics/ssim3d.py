"""SSIM with a window that also reaches across the channels, as NAFNet's evaluation computes it by default."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

_C1 = 0.01**2
_C2 = 0.03**2


def gauss3d_ssim_map(
    pred: NDArray[np.float64], target: NDArray[np.float64], taps: Sequence[float]
) -> NDArray[np.float64]:
    """SSIM around every pixel, averaged over the channels.

    The window is the product of ``taps`` along rows, columns and channels; beyond the border the nearest value is
    repeated, so nothing is cropped. Population covariance.

    Args:
        pred: (H, W, C), white = 1.
        target: Same shape.
        taps: Weights of one axis, an odd number of them, adding up to 1.

    Returns:
        (H, W).
    """

    def smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
        for axis in range(3):
            values = correlate1d(values, np.asarray(taps), axis=axis, mode="nearest")
        return values

    mean_pred, mean_target = smooth(pred), smooth(target)
    product = mean_pred * mean_target
    squares = mean_pred**2 + mean_target**2
    top = (2 * product + _C1) * (2 * (smooth(pred * target) - product) + _C2)
    similarity = top / ((squares + _C1) * (smooth(pred**2 + target**2) - squares + _C2))
    return np.asarray(similarity.mean(axis=2), np.float64)
