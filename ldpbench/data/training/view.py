"""A split as a trainer sees it: patches by number and epoch, the same for any number of workers."""

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ldpbench.core.errors import UsageError
from ldpbench.core.seeding import derive_seed
from ldpbench.data.sample import Image, Sample
from ldpbench.data.training.augment import Patch, policy, shuffled_channels
from ldpbench.data.training.patches import PatchIndex

DEFAULT_CACHE_BYTES = 1_000_000_000
DEFAULT_BUFFER_SCENES = 8


class TrainingView(Dataset[dict[str, Tensor]]):
    """Patches of a split, cropped and augmented.

    Patch ``i`` of epoch ``e`` depends on the seed, ``i`` and ``e`` alone. Values are those that methods get: divided by
    the scene's white level.

    Args:
        samples: The split.
        index: Its patches.
        crop_px: Side of a random crop inside each patch; None for the whole patch. May be changed between epochs.
        augmentation: ``dual-pixel``, ``field`` or ``none``.
        shuffle_channels: Permute the colour channels at random.
        seed: Decides crops, augmentation and order.
        cache_bytes: Decoded scenes that are kept, at most.

    Raises:
        UsageError: If the crop is larger than a patch or the augmentation is unknown.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        index: PatchIndex,
        *,
        crop_px: int | None = None,
        augmentation: str = "dual-pixel",
        shuffle_channels: bool = False,
        seed: int = 0,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
    ) -> None:
        self._samples = samples
        self._places = index.places
        self._size = index.rule.size_px
        self._augment = policy(augmentation)
        self._shuffle_channels = shuffle_channels
        self._seed = seed
        self._cache = _SceneCache(samples, cache_bytes)
        self._epoch = 0
        self.crop_px = self._size
        self.set_crop(crop_px)

    def set_crop(self, crop_px: int | None) -> None:
        """Change the crop, as progressive training does.

        Raises:
            UsageError: If it is larger than a patch.
        """
        size = crop_px or self._size
        if not 1 <= size <= self._size:
            raise UsageError(f"crop: expected 1 to {self._size} px, found {size}")
        self.crop_px = size

    def set_epoch(self, epoch: int) -> None:
        """Which epoch ``view[i]`` is of."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """The patch as contiguous float32 tensors by name, without what the set does not have."""
        patch = self.get(index, self._epoch)
        names = ("left", "right", "center", "target", "blur_map")
        return {
            name: torch.from_numpy(np.ascontiguousarray(value))
            for name in names
            if (value := getattr(patch, name)) is not None
        }

    def get(self, index: int, epoch: int) -> Patch:
        """One patch of one epoch.

        Raises:
            IndexError: If there is no such patch.
        """
        if not 0 <= index < len(self._places):
            raise IndexError(f"patch {index} of {len(self._places)}")
        rng = np.random.default_rng(derive_seed(self._seed, "patch", epoch, index))
        place = self._places[index]
        slack = self._size - self.crop_px
        top, left = (start + int(rng.integers(slack + 1)) for start in (place.top, place.left))
        patch = self._augment(_cut(self._cache.scene(place.sample), top, left, self.crop_px), rng)
        return shuffled_channels(patch, rng) if self._shuffle_channels else patch

    def scene_grouped_order(self, epoch: int, buffer_scenes: int = DEFAULT_BUFFER_SCENES) -> list[int]:
        """An order of all patches for one epoch that decodes every scene once.

        Scenes come in random order; the patches of ``buffer_scenes`` scenes at a time are mixed. A larger buffer mixes
        better and needs that many decoded scenes in the cache.
        """
        rng = np.random.default_rng(derive_seed(self._seed, "order", epoch))
        by_scene: dict[int, list[int]] = {}
        for number, place in enumerate(self._places):
            by_scene.setdefault(place.sample, []).append(number)
        scenes = rng.permutation(list(by_scene))
        order: list[int] = []
        for start in range(0, len(scenes), buffer_scenes):
            pool = [number for scene in scenes[start : start + buffer_scenes] for number in by_scene[int(scene)]]
            order += rng.permutation(pool).tolist()
        return order


def _cut(sample: Sample, top: int, left: int, size: int) -> Patch:
    window = (slice(top, top + size), slice(left, left + size))

    def planes(picture: Image | None) -> Image | None:
        if picture is None:
            return None
        divided = picture[window] / np.float32(sample.white_level) if sample.white_level != 1.0 else picture[window]
        return divided.transpose(2, 0, 1)

    left_view, right_view = planes(sample.left), planes(sample.right)
    assert left_view is not None, "every sample has both views"
    assert right_view is not None, "every sample has both views"
    return Patch(
        left=left_view,
        right=right_view,
        center=planes(sample.center),
        target=planes(sample.target),
        blur_map=None if sample.blur_map is None else sample.blur_map[window],
    )


class _SceneCache:
    """The scenes that were decoded last, up to a number of bytes; always at least one."""

    def __init__(self, samples: Sequence[Sample], limit: int) -> None:
        self._samples = samples
        self._limit = limit
        self._scenes: OrderedDict[int, Sample] = OrderedDict()
        self._bytes = 0

    def scene(self, position: int) -> Sample:
        if position in self._scenes:
            self._scenes.move_to_end(position)
            return self._scenes[position]
        sample = self._samples[position]
        self._scenes[position] = sample
        self._bytes += _bytes_of(sample)
        while self._bytes > self._limit and len(self._scenes) > 1:
            _, oldest = self._scenes.popitem(last=False)
            self._bytes -= _bytes_of(oldest)
        return sample


def _bytes_of(sample: Sample) -> int:
    planes = (
        sample.left,
        sample.right,
        sample.center,
        sample.target,
        sample.blur_map,
        sample.disparity,
        sample.depth_m,
    )
    return sum(plane.nbytes for plane in planes if plane is not None)
