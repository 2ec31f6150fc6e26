"""Sub-pixel disparity from gradients, averaged within outlines.

Around an estimate d the views, moved by half of it each, differ by the gradient times what is missing of d (Lucas and
Kanade 1981, along rows only). Numerator and denominator of that quotient are averaged by the edge-aware smoother, so a
measurement reaches as far as the picture is of one piece and has the weight of its own contrast.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from ldpbench.blurmap.disparity.smoother import EdgeAwareSmoother
from ldpbench.blurmap.disparity.views import equalised
from ldpbench.metrics.jit import compiled

Plane = NDArray[np.float32]

ROUNDS = 2
WINDOW_PX = 5
LARGEST_STEP_PX = np.float32(1)
NOISE_SHARE = np.float32(0.25)
"""Squared slope over squared difference of the views where there is nothing but noise."""
SATURATION = np.float32(0.1)
"""Squared slope over squared difference at which a pixel's own measurement has half of the largest weight. Without this
an outline, where two blurs meet and nothing fits, would outvote the surfaces on both sides."""


def refine(
    disparity: Plane, left: Plane, right: Plane, noise: float, smoother: EdgeAwareSmoother
) -> tuple[Plane, Plane]:
    """Improve an estimate.

    Args:
        disparity: In working px, float32 (h, w).
        left: The left view.
        right: The right view.
        noise: Standard deviation of the noise of each.
        smoother: For planes of that size.

    Returns:
        The disparity, and how sure each pixel's own measurement is, in [0, 1].
    """
    confidence = np.zeros_like(disparity)
    floor = np.float32(noise * noise + 1e-7)
    for _ in range(ROUNDS):
        half = disparity * np.float32(0.5)
        (one, slope_one), (other, slope_other) = _moved(left, -half), _moved(right, half)
        slope = (slope_one + slope_other) * np.float32(0.5)
        one, other = equalised(one, other)
        apart = one - other
        product, power, rest = (_windowed(plane) for plane in (apart * slope, slope * slope, apart * apart))
        step = np.clip(product / (power + np.float32(1e-12)), -LARGEST_STEP_PX, LARGEST_STEP_PX)
        quality = np.maximum(power - NOISE_SHARE * rest - floor, 0) / (rest + floor)
        confidence = quality / (quality + SATURATION)
        # What a window found belongs to the pixels in it that hold the contrast, not to the flat ones beside them: an
        # outline moves with the surface in front, and would carry that surface's disparity a window's half too far.
        own = slope * slope
        disparity = smoother.fill(disparity + step, confidence * own / (own + power + np.float32(1e-12)))
    return disparity, confidence


def _windowed(plane: Plane) -> Plane:
    return np.asarray(cv2.blur(plane, (WINDOW_PX, WINDOW_PX), borderType=cv2.BORDER_REFLECT))


@compiled
def _moved(view: Plane, half: Plane) -> tuple[Plane, Plane]:
    """A view read ``half`` to the right of each pixel, and its slope there; 0 where a view ends.

    One call a view: the compiler may order sums as it likes, but alike in both calls, so that exchanging the views
    negates the result to the last bit.
    """
    height, width = view.shape
    values = np.zeros((height, width), np.float32)
    slopes = np.zeros((height, width), np.float32)
    for y in range(height):
        for x in range(width):
            if abs(half[y, x]) <= min(x, width - 1 - x):  # then the other view has a value too
                values[y, x], slopes[y, x] = _sampled(view[y], np.float32(x) + half[y, x])
    return values, slopes


@compiled
def _sampled(row: NDArray[np.float32], x: np.float32) -> tuple[np.float32, np.float32]:
    """Value and slope between the pixels of a row, of the cubic B-spline that has the pixels as coefficients.

    It smooths a little, the same at every place. A spline that goes through the pixels would damp and delay fine detail
    by where it falls between them, and that reads as disparity.
    """
    last = row.size - 1
    start = min(int(x), last - 1)
    t = x - np.float32(start)
    u = np.float32(1) - t
    a, b, c, d = row[max(start - 1, 0)], row[start], row[start + 1], row[min(start + 2, last)]
    sixth = np.float32(1 / 6)
    inner = np.float32(4) - np.float32(6) * t * t + np.float32(3) * t * t * t
    outer = np.float32(4) - np.float32(6) * u * u + np.float32(3) * u * u * u
    value = sixth * (u * u * u * a + inner * b + outer * c + t * t * t * d)
    slope = np.float32(0.5) * (t * t * d - u * u * a + (np.float32(3) * t - np.float32(4)) * t * b)
    slope -= np.float32(0.5) * (np.float32(3) * u - np.float32(4)) * u * c
    return value, slope
