"""From two views to signed disparity and how sure it is."""

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ldpbench.blurmap.disparity.refine import refine
from ldpbench.blurmap.disparity.search import search
from ldpbench.blurmap.disparity.smoother import EdgeAwareSmoother
from ldpbench.blurmap.disparity.views import Image, check_views, prepare_views

Plane = NDArray[np.float32]

MAX_DISPARITY_PX = 16.0
EDGE_TOLERANCE = 0.02
"""Step between neighbouring working pixels that counts as an outline, in mean brightnesses of the pair."""
REACH = 1 / 24
"""Decay length of the smoothing where the picture is flat, as a share of the picture's side."""


class Disparity(NamedTuple):
    """What the views say about blur, on the ordinary picture."""

    pixels: Plane
    """Signed disparity in picture px, float32 (H, W): how much farther right a point lies in the right view than in the
    left one. Positive behind the focus, negative before it."""
    confidence: Plane
    """Float32 (H, W) in [0, 1]: 0 where a pixel has nothing of its own to match and was filled from others."""


def signed_disparity(left: Image, right: Image, *, max_disparity_px: float = MAX_DISPARITY_PX) -> Disparity:
    """Disparity of every pixel, from the two views alone.

    Args:
        left: float32 (H, W, C), C = 1 or 3, at least 0; sRGB codes or linear light.
        right: Of the same shape.
        max_disparity_px: Largest disparity that is looked for, on either side, in picture px.

    Raises:
        UsageError: If the views do not fit each other, are smaller than 16 px a side, or hold NaN or infinity.
    """
    check_views(left, right)
    views = prepare_views(left, right)
    largest = max(math.ceil(max_disparity_px / views.scale), 1)
    found = search(views.left, views.right, views.noise, largest)
    reach_px = REACH * math.sqrt(views.guide.size)
    smoother = EdgeAwareSmoother(views.guide, tolerance=EDGE_TOLERANCE, reach_px=reach_px)
    first = smoother.fill(np.asarray(cv2.medianBlur(found.disparity, 5), np.float32), found.curvature)
    disparity, confidence = refine(first, views.left, views.right, views.noise, smoother)
    size = left.shape[1::-1]
    if disparity.shape[::-1] != size:
        disparity, confidence = (np.asarray(cv2.resize(plane, size), np.float32) for plane in (disparity, confidence))
    return Disparity(disparity * np.float32(views.scale), confidence)
