"""A set's own map as an estimator: what a perfect one would give."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from ldpbench.blurmap.amount import map_of_amount
from ldpbench.blurmap.estimator import BlurMap, BlurMapEstimator, Image
from ldpbench.core.errors import UsageError
from ldpbench.data.sample import Sample


class TruthEstimator(BlurMapEstimator):
    """The amount of the sample's own blur map, whatever its unit; see the set's card.

    ``logits`` is the absolute value of the map. Pixels where it is unknown get the value of the nearest known one. The
    probability takes the unit for pixels; where it is another one, only the logits mean something.
    """

    id = "truth"

    def estimate(self, left: Image, right: Image) -> BlurMap:
        """Not possible: two views hold no truth.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            "the blur map 'truth' belongs to the scenes of a dataset, not to any two views",
            hint="choose --method disparity, or name a dataset that has blur maps",
        )

    def estimate_sample(self, sample: Sample) -> BlurMap:
        """The scene's own map.

        Raises:
            UsageError: If the scene has none, or nothing of it is known.
        """
        where = f"{sample.dataset}/{sample.split}/{sample.id}"
        if sample.blur_map is None:
            raise UsageError(f"{where} has no true blur map", hint="choose --method disparity, or another dataset")
        known = np.isfinite(sample.blur_map)
        if not known.any():
            raise UsageError(f"{where}: every pixel of its true blur map is unknown", hint="leave this scene out")
        return map_of_amount(np.abs(_filled(sample.blur_map, known)), symbol="map")


def truth_logits(blur_map: NDArray[np.float32]) -> NDArray[np.float32]:
    """The amount of a set's own map (H, W); unknown pixels get that of the nearest known one.

    Raises:
        UsageError: If nothing of it is known.
    """
    known = np.isfinite(blur_map)
    if not known.any():
        raise UsageError("every pixel of the true blur map is unknown", hint="leave this scene out")
    return np.abs(_filled(blur_map, known))


def _filled(plane: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.float32]:
    if known.all():
        return plane
    rows, columns = distance_transform_edt(~known, return_distances=False, return_indices=True)
    return np.asarray(plane[rows, columns], dtype=np.float32)
