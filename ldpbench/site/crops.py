"""Which parts of a scene are worth a close look: chosen from the pictures alone, so that no method is favoured."""

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from ldpbench.site.pages import Crop

_SHARE = 6
"""A box is this part of the picture in width and in height, so that it fills the frame of the whole."""
_SMALLEST_PX = 8
_DETAIL_SIGMA_PX = 2.0
_LOST = ("most detail lost", 3)
_KEPT = ("most detail left", 1)
"""Why a box is shown, and how many such boxes there are."""
Picture = NDArray[np.uint8]


def crop_boxes(blurry: Picture, target: Picture) -> tuple[Crop, ...]:
    """Boxes that do not overlap: three where blur took most detail, and the richest one that it left alone.

    Args:
        blurry: uint8 (H, W) or (H, W, 3).
        target: The sharp picture, same shape.
    """
    height, width = target.shape[:2]
    box = (max(_SMALLEST_PX, round(width / _SHARE)), max(_SMALLEST_PX, round(height / _SHARE)))
    if target.shape != blurry.shape or box[0] > width or box[1] > height:
        return ()
    there, left = (_mean_in_boxes(_detail(picture), box) for picture in (target, blurry))
    lost = there - left
    crops: list[Crop] = []
    for score, (why, count) in ((lost, _LOST), (left, _KEPT)):
        for crop in crops:
            _cover(score, crop.x_px, crop.y_px, box)
        crops += [
            Crop(name=chr(ord("A") + len(crops) + number), why=why, x_px=x, y_px=y, width_px=box[0], height_px=box[1])
            for number, (x, y) in enumerate(_peaks(score, count, box))
        ]
    return tuple(crops)


def _detail(picture: Picture) -> NDArray[np.float32]:
    """What a slight blur takes away: fine structure, whatever the brightness."""
    values = picture.astype(np.float32)
    grey = np.asarray(values.mean(axis=2) if values.ndim == 3 else values, dtype=np.float32)
    return np.asarray(np.abs(grey - cv2.GaussianBlur(grey, (0, 0), _DETAIL_SIGMA_PX)), dtype=np.float32)


def _mean_in_boxes(values: NDArray[np.float32], box: tuple[int, int]) -> NDArray[np.float64]:
    """Mean over every box that lies inside, by its upper left corner."""
    width, height = box
    sums = cv2.integral(values.astype(np.float64))
    whole = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    return np.asarray(whole / (width * height))


def _peaks(score: NDArray[np.float64], count: int, box: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Upper left corners of the best boxes that do not overlap one another; of equals the first."""
    for _ in range(count):
        y, x = (int(place) for place in np.unravel_index(np.argmax(score), score.shape))
        if not np.isfinite(score[y, x]):
            return
        yield x, y
        _cover(score, x, y, box)


def _cover(score: NDArray[np.float64], x: int, y: int, box: tuple[int, int]) -> None:
    """Take every box that would overlap this one out of the choice."""
    width, height = box
    score[max(0, y - height + 1) : y + height, max(0, x - width + 1) : x + width] = -np.inf
