"""The estimator that calls everything sharp: what a network does without a blur map."""

import numpy as np

from ldpbench.blurmap.estimator import BlurMap, BlurMapEstimator, Image
from ldpbench.core.errors import UsageError


class ZerosEstimator(BlurMapEstimator):
    """Zero logits and zero probability everywhere."""

    id = "zeros"

    def estimate(self, left: Image, right: Image) -> BlurMap:
        """See ``BlurMapEstimator``."""
        if left.ndim != 3 or left.shape != right.shape:
            raise UsageError(f"expected two (H, W, C) views of one shape, found {left.shape} and {right.shape}")
        nothing = np.zeros(left.shape[:2], np.float32)
        return BlurMap(probability=nothing, logits=nothing.copy(), normalisation="none: everything is sharp")
