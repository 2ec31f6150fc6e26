"""Which parts of a scene are worth a close look: chosen from the pictures alone, so that no method is favoured."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from ldpbench.site.pages import Crop

_SHARE = 6
"""A box is as wide as this part of the picture."""
_LOST, _KEPT = 3, 1
"""Boxes where the blur took most, and where the scene is in focus."""
Picture = NDArray[np.uint8]


def crop_boxes(blurry: Picture, target: Picture) -> tuple[Crop, ...]:
    """Boxes that do not overlap: three where blur took most detail, and the richest one that it left alone.

    Args:
        blurry: uint8 (H, W) or (H, W, 3).
        target: The sharp picture, same shape.
    """
    height, width = target.shape[:2]
    side = max(8, width // _SHARE)
    box_height = min(height, max(8, side * 3 // 4))
    if target.shape != blurry.shape or side > width:
        return ()
    lost = _mean_in_boxes(np.abs(_grey(target) - _grey(blurry)), side, box_height)
    detail = _mean_in_boxes(np.abs(_grey(target) - cv2.GaussianBlur(_grey(target), (0, 0), 2)), side, box_height)
    # In focus: much to see, and little of it lost.
    kept = detail - 2 * lost
    places = [*_peaks(lost, _LOST, side, box_height), *_peaks(kept, _KEPT, side, box_height)]
    chosen: list[tuple[int, int]] = []
    for x, y in places:
        if all(abs(x - other) >= side or abs(y - row) >= box_height for other, row in chosen):
            chosen.append((x, y))
    names = "ABCDEFGH"
    return tuple(
        Crop(name=names[number], x_px=x, y_px=y, width_px=side, height_px=box_height)
        for number, (x, y) in enumerate(chosen)
    )


def _grey(picture: Picture) -> NDArray[np.float32]:
    values = picture.astype(np.float32)
    return np.asarray(values.mean(axis=2) if values.ndim == 3 else values, dtype=np.float32)


def _mean_in_boxes(values: NDArray[np.float32], width: int, height: int) -> NDArray[np.float64]:
    """Mean over every box that lies inside, by its upper left corner."""
    sums = cv2.integral(values.astype(np.float64))
    whole = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    return np.asarray(whole / (width * height))


def _peaks(score: NDArray[np.float64], count: int, width: int, height: int) -> Iterator[tuple[int, int]]:
    """Upper left corners of the best boxes that do not overlap one another; of equals the first."""
    left = score.copy()
    for _ in range(count):
        if not np.isfinite(left).any():
            return
        y, x = np.unravel_index(int(np.argmax(left)), left.shape)
        yield int(x), int(y)
        left[max(0, y - height + 1) : y + height, max(0, x - width + 1) : x + width] = -np.inf
