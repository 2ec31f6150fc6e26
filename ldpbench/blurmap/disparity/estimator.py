"""The blur map of an estimator that looks at nothing but the two views."""

from dataclasses import replace
from typing import Any

import numpy as np

from ldpbench.blurmap.amount import SHARP_UP_TO_PX, map_of_amount
from ldpbench.blurmap.disparity.match import MAX_DISPARITY_PX, signed_disparity
from ldpbench.blurmap.estimator import BlurMap, BlurMapEstimator, Image
from ldpbench.core.errors import UsageError

_LARGEST_PX = 64


class DisparityEstimator(BlurMapEstimator):
    """How far apart the two views see each point: ``logits`` is the amount of disparity in px of the picture.

    Args:
        max_px: Largest disparity that is looked for, on either side of focus, from 1 to 64 px.
        sharp_px: Largest disparity that counts as sharp, in px; there the probability is 0.5.
        signed: Whether the logits keep the sign of the disparity, positive behind the focus: for comparing with true
            disparity. Such logits do not grow with blur.

    Raises:
        UsageError: If an option is out of its range.
    """

    id = "disparity"

    def __init__(
        self, *, max_px: float = MAX_DISPARITY_PX, sharp_px: float = SHARP_UP_TO_PX, signed: bool = False
    ) -> None:
        if not 1 <= max_px <= _LARGEST_PX:
            raise UsageError(f"disparity: max_px: expected 1 to {_LARGEST_PX} px, found {max_px:g}")
        if not 0 < sharp_px <= max_px:
            raise UsageError(f"disparity: sharp_px: expected above 0 and at most {max_px:g} px, found {sharp_px:g}")
        self.max_px = float(max_px)
        self.sharp_px = float(sharp_px)
        self.signed = signed

    @property
    def options(self) -> dict[str, Any]:
        """The sizes, and the sign where it is kept."""
        return {"max_px": self.max_px, "sharp_px": self.sharp_px, **({"signed": True} if self.signed else {})}

    def estimate(self, left: Image, right: Image) -> BlurMap:
        """See ``BlurMapEstimator``."""
        disparity = signed_disparity(left, right, max_disparity_px=self.max_px).pixels
        found = map_of_amount(np.abs(disparity), sharp_up_to_px=self.sharp_px)
        return replace(found, logits=disparity) if self.signed else found
