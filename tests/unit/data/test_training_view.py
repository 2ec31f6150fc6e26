"""The trainer's view of a split: the same patches in any order, epoch by epoch, for any number of workers."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from ldpbench.core.errors import UsageError
from ldpbench.data.sample import Sample
from ldpbench.data.training.patches import PatchIndex, PatchPlace, PatchRule, build_patch_index
from ldpbench.data.training.view import TrainingView
from ldpbench.methods.protocol import Deblurrer
from ldpbench.methods.runtime import restore_sample


def make_sample(name: str, height: int, width: int, channels: int = 3, seed: int = 0, **changes) -> Sample:
    rng = np.random.default_rng(seed)
    pictures = {
        role: rng.random((height, width, channels), dtype=np.float32) * np.float32(0.5)
        for role in ("left", "right", "center", "target")
    }
    fields = {"id": name, "dataset": "made-up", "split": "train", "bits": 16, "encoding": "srgb", "regions": {}}
    return Sample(**{**fields, **pictures, **changes})


class Counting(Sequence):
    """Samples that count how often each is decoded."""

    def __init__(self, samples: list[Sample]) -> None:
        self.samples = samples
        self.decoded: list[int] = []

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index):
        self.decoded.append(index)
        return self.samples[index]


RULE = PatchRule(size_px=64, stride_px=16, drop_share=0.5)


@pytest.fixture
def samples() -> Counting:
    return Counting([make_sample(name, 80, 96, seed=seed) for seed, name in enumerate("abc")])


@pytest.fixture
def index(samples) -> PatchIndex:
    built = build_patch_index(samples, RULE, "f")
    samples.decoded.clear()
    return built


@pytest.fixture
def view(samples, index) -> TrainingView:
    return TrainingView(samples, index, crop_px=32, seed=5)


def whole(sample: Sample, side: int = 64, **options) -> TrainingView:
    """A view of the one patch at the top left corner."""
    rule = PatchRule(size_px=side, sharpness="none")
    index = PatchIndex(rule=rule, fingerprint="f", places=(PatchPlace(sample=0, top=0, left=0),))
    return TrainingView([sample], index, augmentation="none", **options)


def test_a_whole_patch_is_the_window_of_the_scene(samples, index):
    plain = TrainingView(samples, index, augmentation="none")
    for number, place in enumerate(index.places):
        item = plain[number]
        for role in ("left", "right", "center", "target"):
            window = getattr(samples[place.sample], role)[place.top : place.top + 64, place.left : place.left + 64]
            np.testing.assert_array_equal(item[role].numpy(), window.transpose(2, 0, 1))


def test_a_crop_is_the_same_window_of_every_picture_and_stays_inside_the_patch(samples, index):
    """The picture's values are its coordinates, so a crop says where it came from."""
    rows, columns = np.mgrid[:80, :96].astype(np.float32) / 128
    ramp = np.stack([rows, columns, rows], axis=-1)
    scenes = [make_sample("a", 80, 96, **dict.fromkeys(("left", "right", "center", "target"), ramp))] * 3
    cropped = TrainingView(scenes, index, crop_px=32, augmentation="none", seed=1)
    offsets = set()
    for epoch in range(40):
        item, place = cropped.get(0, epoch), index.places[0]
        top, left = (int(item.left[channel, 0, 0] * 128) for channel in (0, 1))
        offsets.add((top - place.top, left - place.left))
        assert np.array_equal(item.left, item.target)
        assert item.left.shape == (3, 32, 32)
    assert all(0 <= offset <= 32 for pair in offsets for offset in pair)
    assert len(offsets) > 30


def test_a_patch_depends_on_seed_number_epoch_and_crop_alone(samples, index, view):
    first = view[3]["left"]
    view[7], view.get(3, 9)
    assert torch.equal(view[3]["left"], first)
    assert torch.equal(TrainingView(samples, index, crop_px=32, seed=5)[3]["left"], first)
    assert not torch.equal(TrainingView(samples, index, crop_px=32, seed=6)[3]["left"], first)
    view.set_epoch(1)
    assert view.epoch == 1
    assert not torch.equal(view[3]["left"], first)
    view.set_epoch(0)
    assert torch.equal(view[3]["left"], first)


def test_tensors_are_contiguous_float32_and_the_callers_own(view):
    first = {name: tensor.clone() for name, tensor in view[0].items()}
    for tensor in view[0].values():
        assert (tensor.dtype, tensor.shape, tensor.is_contiguous()) == (torch.float32, (3, 32, 32), True)
        tensor.zero_()
    assert all(torch.equal(view[0][name], tensor) for name, tensor in first.items())
    sample = make_sample("a", 64, 64, channels=1, blur_map=np.ones((64, 64), np.float32))
    entire = whole(sample)
    for tensor in entire[0].values():
        tensor.fill_(7)
    assert float(entire[0]["left"].max()) < 1
    assert float(entire[0]["blur_map"].max()) == 1


def test_any_number_of_workers_sees_the_same(view):
    order = view.scene_grouped_order(epoch=0)
    alone, two = (
        torch.cat([batch["right"] for batch in DataLoader(view, batch_size=4, sampler=order, num_workers=workers)])
        for workers in (0, 2)
    )
    assert torch.equal(alone, two)
    assert len(alone) == len(view)


def test_workers_that_run_already_follow_epoch_and_crop(view):
    loader = DataLoader(view, batch_size=len(view), num_workers=1, persistent_workers=True)
    for epoch, crop in [(0, 32), (1, 32), (2, 48)]:
        view.set_epoch(epoch)
        view.set_crop(crop)
        (batch,) = loader
        assert torch.equal(batch["left"], torch.stack([view[number]["left"] for number in range(len(view))]))
        assert batch["left"].shape[-1] == crop


def test_a_grouped_order_decodes_every_scene_once(samples, view):
    order = view.scene_grouped_order(epoch=0, buffer_scenes=2)
    assert sorted(order) == list(range(len(view)))
    assert order == view.scene_grouped_order(epoch=0, buffer_scenes=2)
    assert order != view.scene_grouped_order(epoch=1, buffer_scenes=2)
    for number in order:
        view.get(number, 0)
    assert sorted(samples.decoded) == [0, 1, 2]


def test_a_buffer_holds_the_scenes_it_says(index, view):
    each = len(index.places) // 3
    for buffer, scenes_in_turn in [(1, [1, 1, 1]), (2, [2, 1]), (3, [3]), (9, [3])]:
        order, start = view.scene_grouped_order(epoch=4, buffer_scenes=buffer), 0
        for count in scenes_in_turn:
            part = order[start : start + count * each]
            assert len({index.places[number].sample for number in part}) == count
            start += count * each
        assert start == len(order)
    mixed = [index.places[number].sample for number in view.scene_grouped_order(epoch=4, buffer_scenes=3)]
    assert sum(one != other for one, other in pairwise(mixed)) > 2, "patches are mixed in a buffer"
    with pytest.raises(UsageError, match="at least 1 scene, found 0"):
        view.scene_grouped_order(epoch=0, buffer_scenes=0)


def test_the_cache_is_bounded_and_drops_what_was_used_longest_ago(samples, index):
    one_scene = 4 * 80 * 96 * 3 * 4
    numbers = [next(n for n, place in enumerate(index.places) if place.sample == scene) for scene in (0, 1, 0, 2, 0, 1)]
    for limit, decoded in [(1, [0, 1, 0, 2, 0, 1]), (2 * one_scene, [0, 1, 2, 1]), (3 * one_scene, [0, 1, 2])]:
        samples.decoded.clear()
        view = TrainingView(samples, index, cache_bytes=limit)
        for number in numbers:
            view.get(number, 0)
        assert samples.decoded == decoded


class Watching(Deblurrer):
    """A method that remembers what it was given."""

    inputs = ("left", "right", "center", "blur_map")

    def restore(self, *, left, right, center, blur_map):
        self.seen = {"left": left[0], "right": right[0], "center": center[0], "blur_map": blur_map[0]}
        return center


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("center", [True, False])
def test_training_sees_what_methods_see(channels, center):
    """White level, missing center, axes and types are those of the runtime."""
    blur = np.random.default_rng(1).normal(size=(64, 64)).astype(np.float32)
    blur[0, 0] = np.nan
    changes = {} if center else {"center": None}
    sample = make_sample("a", 64, 64, channels=channels, white_level=0.5652, blur_map=blur, **changes)
    method = Watching()
    restore_sample(method, sample)
    item = whole(sample)[0]
    for role, seen in method.seen.items():
        np.testing.assert_array_equal(item[role].numpy(), seen.numpy())
    np.testing.assert_array_equal(item["target"].numpy()[0], sample.target[..., 0] / np.float32(0.5652))


def test_a_set_without_target_and_blur_map_gives_views_alone():
    item = whole(make_sample("a", 64, 64, target=None))[0]
    assert sorted(item) == ["center", "left", "right"]


def test_colours_are_shuffled_on_demand(samples, index):
    plain = TrainingView(samples, index, augmentation="none")
    shuffling = TrainingView(samples, index, augmentation="none", shuffle_channels=True)
    orders = set()
    for number in range(len(plain)):
        one, other = plain[number], shuffling[number]
        order = tuple(next(c for c in range(3) if torch.equal(one["left"][c], plane)) for plane in other["left"])
        orders.add(order)
        assert torch.equal(other["target"], one["target"][list(order)])
    assert len(orders) > 2


@pytest.mark.parametrize("crop", [0, -1, 65])
def test_a_crop_that_is_not_inside_a_patch_is_refused(samples, index, view, crop):
    for refused in (lambda: view.set_crop(crop), lambda: TrainingView(samples, index, crop_px=crop)):
        with pytest.raises(UsageError, match=f"crop: expected 1 to 64 px, found {crop}"):
            refused()
    assert view.crop_px == 32
    view.set_crop(None)
    assert view[0]["left"].shape == (3, 64, 64)


def test_an_index_of_another_split_is_refused(samples, index):
    with pytest.raises(UsageError, match="the patch index names scene 2 of 2 scenes"):
        TrainingView(samples[:2], index)
    smaller = [make_sample("small", 70, 70)] * 3
    with pytest.raises(
        UsageError,
        match="made-up/train/small is 70x70 px, and the patch index names rows up to 64 and columns up to 80",
    ):
        view = TrainingView(smaller, index)
        for number in range(len(view)):
            view.get(number, 0)


def test_there_is_no_patch_behind_the_last(view):
    for number in (-1, len(view)):
        with pytest.raises(IndexError, match=f"patch {number} of {len(view)}"):
            view[number]
