"""A map as a picture for the eye."""

import cv2
import numpy as np
from numpy.typing import NDArray


def colours(logits: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Blue where the map is smallest, red where it is largest (Turbo); all blue for a constant map.

    Args:
        logits: float32 (H, W), finite.

    Returns:
        RGB codes, uint8 (H, W, 3).
    """
    low, high = float(logits.min()), float(logits.max())
    share = (logits - low) / (high - low) if high > low else np.zeros_like(logits)
    codes = np.rint(share * 255).astype(np.uint8)
    return np.ascontiguousarray(cv2.applyColorMap(codes, cv2.COLORMAP_TURBO)[:, :, ::-1], dtype=np.uint8)
