"""Which crop of which scene a step sees: a pure function of seed and step.

Nothing is remembered between steps, so a run that was stopped anywhere goes on exactly where it was, and any number
of processes share a batch without talking.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ldpbench.core.errors import UsageError
from ldpbench.core.seeding import derive_seed
from ldpbench.data.training.patches import PatchPlace


@dataclass(frozen=True)
class Draw:
    """One crop."""

    scene: int
    top: int
    left: int
    size_px: int
    mirrored: bool
    """Left and right exchanged in the scene: the pictures are mirrored and the views change places."""
    upside_down: bool


class Sampler:
    """Draws crops from the patches of a split, every patch once an epoch, in an order of the epoch's own.

    Args:
        places: The patches.
        patch_px: Their side.
        seed: Decides order, crops and flips.
        augment: Whether crops are mirrored and turned upside down.

    Raises:
        UsageError: If there is no patch.
    """

    def __init__(self, places: Sequence[PatchPlace], patch_px: int, *, seed: int, augment: bool) -> None:
        if not places:
            raise UsageError("there is no patch to train on", hint="choose a smaller patch size")
        self._places = places
        self._patch_px = patch_px
        self._seed = seed
        self._augment = augment
        self._order = lru_cache(maxsize=2)(self._order_of)

    def draws(self, step: int, batch: int, crop_px: int) -> list[Draw]:
        """The global batch of a step.

        Args:
            step: From 0.
            batch: Patches of a step; the same in every step of a run.
            crop_px: Side of the crops, at most that of a patch.
        """
        return [self._draw(step * batch + number, crop_px) for number in range(batch)]

    def epoch(self, step: int, batch: int) -> float:
        """How often the patches have been seen before a step."""
        return step * batch / len(self._places)

    def _draw(self, position: int, crop_px: int) -> Draw:
        epoch, index = divmod(position, len(self._places))
        place = self._places[self._order(epoch)[index]]
        rng = np.random.default_rng(derive_seed(self._seed, "crop", position))
        top, left = (start + int(rng.integers(self._patch_px - crop_px + 1)) for start in (place.top, place.left))
        flips = rng.integers(2, size=2) if self._augment else (0, 0)
        return Draw(place.sample, top, left, crop_px, bool(flips[0]), bool(flips[1]))

    def _order_of(self, epoch: int) -> list[int]:
        rng = np.random.default_rng(derive_seed(self._seed, "order", epoch))
        return [int(number) for number in rng.permutation(len(self._places))]
