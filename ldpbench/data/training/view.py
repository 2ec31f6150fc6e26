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

    Patch ``i`` of epoch ``e`` depends on the seed, ``i``, ``e`` and the crop alone. Values are those that methods get:
    divided by the scene's white level, and the mean of the two views where the set has no center. The blur map is in
    the set's own unit.

    Epoch and crop lie in shared memory: a change reaches worker processes that are running already.

    Args:
        samples: The split.
        index: Its patches.
        crop_px: Side of a random crop inside each patch; None for the whole patch. ``set_crop`` changes it.
        augmentation: ``dual-pixel``, ``field`` or ``none``.
        shuffle_channels: Permute the colour channels at random.
        seed: Decides crops, augmentation and order.
        cache_bytes: Decoded scenes that are kept in each process, at most; one scene is always kept.

    Raises:
        UsageError: If the crop is larger than a patch, the augmentation is unknown, or the index is of another split.
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
        if any(place.sample >= len(samples) for place in index.places):
            raise UsageError(
                f"the patch index names scene {max(place.sample for place in index.places)} of {len(samples)} scenes",
                hint="build the index of this very split",
            )
        self._places = index.places
        self._size = index.rule.size_px
        self._augment = policy(augmentation)
        self._shuffle_channels = shuffle_channels
        self._seed = seed
        self._cache = _SceneCache(samples, cache_bytes)
        epoch_and_crop = torch.zeros(2, dtype=torch.int64)
        self._shared: Tensor = epoch_and_crop.share_memory_()  # type: ignore[no-untyped-call]  # torch has none
        self.set_crop(crop_px)

    @property
    def epoch(self) -> int:
        """Which epoch ``view[i]`` is of."""
        return int(self._shared[0])

    def set_epoch(self, epoch: int) -> None:
        """Go on to another epoch."""
        self._shared[0] = epoch

    @property
    def crop_px(self) -> int:
        """Side of what ``view[i]`` gives."""
        return int(self._shared[1])

    def set_crop(self, crop_px: int | None) -> None:
        """Change the crop, as progressive training does.

        Raises:
            UsageError: If it is larger than a patch.
        """
        size = self._size if crop_px is None else crop_px
        if not 1 <= size <= self._size:
            raise UsageError(
                f"crop: expected 1 to {self._size} px, found {size}", hint="a crop lies inside a patch of the index"
            )
        self._shared[1] = size

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """The patch as contiguous float32 (C, H, W) tensors by name, without what the set does not have."""
        patch = self.get(index, self.epoch)
        names = ("left", "right", "center", "target", "blur_map")
        return {
            name: torch.from_numpy(value.copy())  # a patch may be a window into the cache, a tensor is the caller's
            for name in names
            if (value := getattr(patch, name)) is not None
        }

    def get(self, index: int, epoch: int) -> Patch:
        """One patch of one epoch. Its arrays may be windows into the cache: do not write to them.

        Raises:
            IndexError: If there is no such patch.
            UsageError: If the patch lies outside its picture: the index is of another split.
        """
        if not 0 <= index < len(self._places):
            raise IndexError(f"patch {index} of {len(self._places)}")
        rng = np.random.default_rng(derive_seed(self._seed, "patch", epoch, index))
        place = self._places[index]
        crop = self.crop_px
        top, left = (start + int(rng.integers(self._size - crop + 1)) for start in (place.top, place.left))
        patch = self._augment(_cut(self._cache.scene(place.sample), top, left, crop), rng)
        return shuffled_channels(patch, rng) if self._shuffle_channels else patch

    def scene_grouped_order(self, epoch: int, buffer_scenes: int = DEFAULT_BUFFER_SCENES) -> list[int]:
        """An order of all patches for one epoch that decodes every scene once in a process.

        Scenes come in random order; the patches of ``buffer_scenes`` scenes at a time are mixed. A larger buffer mixes
        better, a batch then holds more different scenes, and the cache must hold that many decoded scenes. A full
        shuffle mixes best and decodes a scene for nearly every patch. Worker processes share no cache: each decodes
        the scenes of its own batches.

        Raises:
            UsageError: If the buffer holds no scene.
        """
        if buffer_scenes < 1:
            raise UsageError(
                f"buffer: expected at least 1 scene, found {buffer_scenes}", hint="a larger buffer mixes better"
            )
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
    rows, columns = slice(top, top + size), slice(left, left + size)
    height, width = sample.left.shape[:2]
    if rows.stop > height or columns.stop > width:
        raise UsageError(
            f"{sample.dataset}/{sample.split}/{sample.id} is {width}x{height} px, and the patch index names rows up to "
            f"{rows.stop} and columns up to {columns.stop}",
            hint="build the index of this very split",
        )
    white = np.float32(sample.white_level)

    def window(picture: Image) -> Image:
        return picture[rows, columns].transpose(2, 0, 1)

    def scaled(planes: Image) -> Image:
        return planes if white == 1 else planes / white

    left_view, right_view = window(sample.left), window(sample.right)
    mean = (left_view + right_view) / np.float32(2) if sample.center is None else window(sample.center)
    return Patch(
        left=scaled(left_view),
        right=scaled(right_view),
        center=scaled(mean),
        target=None if sample.target is None else scaled(window(sample.target)),
        blur_map=None if sample.blur_map is None else sample.blur_map[None, rows, columns],
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
