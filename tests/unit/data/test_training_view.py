"""Patches, augmentation and the trainer's view of a split."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch.utils.data import DataLoader

from ldpbench.core.errors import MissingPrerequisiteError, UsageError
from ldpbench.data.prepared import open_prepared
from ldpbench.data.sample import Sample
from ldpbench.data.training import patches
from ldpbench.data.training.augment import Patch, mirrored, mirrored_bare, policy, quarter_turn, upside_down
from ldpbench.data.training.patches import (
    PatchIndex,
    PatchRule,
    build_patch_index,
    load_patch_index,
    sobel_sharpness,
    window_starts,
)
from ldpbench.data.training.view import TrainingView
from ldpbench.simulation.psf import psf_preset
from ldpbench.simulation.render import render_views


class Recording:
    """A progress that remembers warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def track(self, items, *, label, total=None):
        return items

    def warn(self, message: str) -> None:
        self.warnings.append(message)


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


def test_the_fields_numbers_of_windows():
    """28 windows of which 20 stay, so 7000 of 350 pictures; 12 for validation at 1 % overlap."""
    grid = [len(window_starts(length, 512, 204)) for length in (1120, 1680)]
    assert grid == [4, 7]
    assert 350 * (28 - int(0.3 * 28)) == 7000
    assert [len(window_starts(length, 512, 506)) for length in (1120, 1680)] == [3, 4]
    assert window_starts(1680, 512, 204)[-2:] == [1020, 1168]
    assert window_starts(512, 512, 204) == [0]


def test_a_picture_of_the_fields_size_keeps_the_20_sharpest_windows():
    sample = make_sample("a", 1120, 1680)
    flat = sample.target.copy()
    flat[:560, :840] = 0.25  # the windows over it are the least sharp ones
    index = build_patch_index([make_sample("a", 1120, 1680, target=flat)], PatchRule(), "f")
    assert len(index.places) == 20
    dropped = {(top, left) for top in window_starts(1120, 512, 204) for left in window_starts(1680, 512, 204)} - {
        (place.top, place.left) for place in index.places
    }
    assert {(0, 0), (0, 204)} <= dropped
    assert [(place.top, place.left) for place in index.places] == sorted(
        (place.top, place.left) for place in index.places
    )


def test_sharpness_agrees_with_an_independent_computation():
    rng = np.random.default_rng(3)
    windows = [
        ndimage.gaussian_filter(rng.random((48, 48, 3)), (sigma, sigma, 0)).astype(np.float32)
        for sigma in (0.5, 2.0, 1.0, 3.0)
    ]
    expected = np.ones(len(windows))
    for size in (3, 7, 11, 15):
        binomial = np.array([1.0])
        for _ in range(size - 1):
            binomial = np.convolve(binomial, [1, 1])
        derivative = np.array([-1.0, 0.0, 1.0])
        for _ in range(size - 3):
            derivative = np.convolve(derivative, [1, 1])
        energies = []
        for window in windows:
            grey = window @ np.array([0.299, 0.587, 0.114])
            across = ndimage.correlate1d(
                ndimage.correlate1d(grey, derivative, 1, mode="mirror"), binomial, 0, mode="mirror"
            )
            down = ndimage.correlate1d(
                ndimage.correlate1d(grey, derivative, 0, mode="mirror"), binomial, 1, mode="mirror"
            )
            energies.append(np.hypot(across, down).sum())
        energies = np.array(energies)
        expected *= (energies - energies.min()) / (energies.max() - energies.min())
    np.testing.assert_allclose(sobel_sharpness(windows), expected, rtol=1e-5, atol=1e-9)


def test_flat_pictures_do_not_give_nan_and_ties_drop_the_later_windows():
    flat = make_sample("a", 64, 64, target=np.full((64, 64, 3), 0.5, np.float32))
    index = build_patch_index([flat], PatchRule(size_px=32, stride_px=16, drop_share=0.5), "f")
    assert [(place.top, place.left) for place in index.places] == [(0, 0), (0, 16), (0, 32), (16, 0), (16, 16)]


def test_what_cannot_be_cut_is_named():
    with pytest.raises(UsageError, match=r"made-up/train/a is 40x30 px, expected at least 512x512"):
        build_patch_index([make_sample("a", 30, 40)], PatchRule(), "f")
    bare = make_sample("a", 40, 40, target=None)
    rule = PatchRule(size_px=32, stride_px=8)
    with pytest.raises(UsageError, match="has no target"):
        build_patch_index([bare], rule, "f")
    assert len(build_patch_index([bare], rule.model_copy(update={"sharpness": "none"}), "f").places) == 4


def test_the_index_is_built_once_and_again_when_it_is_damaged(home_with_sample, monkeypatch):
    prepared = open_prepared(home_with_sample, "sample")
    rule = PatchRule(size_px=128, stride_px=64)
    first = load_patch_index(prepared, "test", rule)
    assert len(first.places) == 6 * (9 - 2)
    calls = []
    build = patches.build_patch_index
    monkeypatch.setattr(patches, "build_patch_index", lambda *args: calls.append(1) or build(*args))
    assert load_patch_index(prepared, "test", rule) == first
    assert calls == []
    path = next(home_with_sample.datasets.rglob(".patches/sample/test-*.json"))
    path.write_text("{")
    progress = Recording()
    assert load_patch_index(prepared, "test", rule, progress) == first
    assert calls == [1]
    assert "damaged" in progress.warnings[0]
    load_patch_index(prepared, "test", rule.model_copy(update={"drop_share": 0.0}))
    assert calls == [1, 1]
    with pytest.raises(UsageError, match="no split"):
        load_patch_index(prepared, "tset", rule)
    with pytest.raises(MissingPrerequisiteError):
        open_prepared(home_with_sample, "pixeldp")


def rendered(sharp: np.ndarray, coc: np.ndarray) -> Patch:
    """What a camera sees of a scene."""
    views = render_views(torch.from_numpy(sharp)[None], torch.from_numpy(coc)[None], psf_preset("realistic"))
    left, right, center = (view[0].numpy().astype(np.float32) for view in views)
    return Patch(
        left=left, right=right, center=center, target=sharp.astype(np.float32), blur_map=coc.astype(np.float32)
    )


def equal(one: Patch, other: Patch) -> bool:
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("left", "right", "center", "target", "blur_map")
    )


def test_a_mirrored_pair_with_exchanged_views_is_a_rendering_of_the_mirrored_scene():
    rng = np.random.default_rng(0)
    sharp = rng.integers(0, 256, (3, 40, 48), dtype=np.uint8)
    coc = np.kron(rng.integers(-5, 6, (5, 6)), np.ones((8, 8), np.int64))
    seen = rendered(sharp, coc)
    assert equal(mirrored(seen), rendered(sharp[..., ::-1].copy(), coc[..., ::-1].copy()))
    assert equal(upside_down(seen), rendered(sharp[:, ::-1].copy(), coc[::-1].copy()))


def test_a_bare_mirror_turns_near_into_far():
    rng = np.random.default_rng(1)
    sharp = rng.integers(0, 256, (3, 40, 48), dtype=np.uint8)
    coc = np.full((40, 48), 4)
    bare = mirrored_bare(rendered(sharp, coc))
    other_side = rendered(sharp[..., ::-1].copy(), -coc)
    assert np.array_equal(bare.left, other_side.left)
    assert np.array_equal(bare.right, other_side.right)
    assert not np.array_equal(bare.blur_map, other_side.blur_map), "its blur map then tells the wrong side"


def test_policies():
    patch = rendered(np.random.default_rng(2).integers(0, 256, (3, 16, 16), dtype=np.uint8), np.full((16, 16), 3))
    seen = {name: set() for name in ("dual-pixel", "field", "none")}
    for name, outcomes in seen.items():
        for seed in range(60):
            changed = policy(name)(patch, np.random.default_rng(seed))
            outcomes.add((changed.left.tobytes(), changed.right.tobytes()))
    assert {name: len(outcomes) for name, outcomes in seen.items()} == {"dual-pixel": 4, "field": 8, "none": 1}
    turned = quarter_turn(patch, 1)
    assert (turned.left.tobytes(), turned.right.tobytes()) in seen["field"] - seen["dual-pixel"]
    with pytest.raises(UsageError, match="no augmentation is called 'flip'"):
        policy("flip")


@pytest.fixture
def view() -> TrainingView:
    samples = Counting([make_sample(name, 80, 96, seed=seed) for seed, name in enumerate("abc")])
    index = build_patch_index(samples, PatchRule(size_px=64, stride_px=16, drop_share=0.5), "f")
    samples.decoded.clear()
    return TrainingView(samples, index, crop_px=32, seed=5)


def test_a_patch_depends_on_seed_number_and_epoch_alone(view):
    first = view[3]["left"].clone()
    view[7], view.get(3, 9)
    assert torch.equal(view[3]["left"], first)
    view.set_epoch(1)
    assert not torch.equal(view[3]["left"], first)
    assert view[3]["left"].shape == (3, 32, 32)
    assert view[3]["left"].is_contiguous()


def test_any_number_of_workers_sees_the_same(view):
    alone, two = (
        torch.cat([batch["right"] for batch in DataLoader(view, batch_size=4, num_workers=workers)])
        for workers in (0, 2)
    )
    assert torch.equal(alone, two)
    assert len(alone) == len(view)


def test_a_grouped_order_decodes_every_scene_once(view):
    order = view.scene_grouped_order(epoch=0, buffer_scenes=2)
    assert sorted(order) == list(range(len(view)))
    assert order != view.scene_grouped_order(epoch=1, buffer_scenes=2)
    for number in order:
        view.get(number, 0)
    assert sorted(view._samples.decoded) == [0, 1, 2]


def test_the_cache_is_bounded():
    samples = Counting([make_sample(name, 64, 64, seed=seed) for seed, name in enumerate("ab")])
    index = build_patch_index(samples, PatchRule(size_px=64, stride_px=64, sharpness="none"), "f")
    samples.decoded.clear()
    small = TrainingView(samples, index, cache_bytes=1)
    for number in (0, 1, 0, 0):
        small.get(number, 0)
    assert samples.decoded == [0, 1, 0]


def test_grey_sets_without_targets_and_with_a_white_level_work():
    blur = np.arange(64 * 64, dtype=np.float32).reshape(64, 64)
    sample = make_sample("a", 64, 64, channels=1, center=None, target=None, white_level=0.5, blur_map=blur)
    index = PatchIndex(
        rule=PatchRule(size_px=64, sharpness="none"), fingerprint="f", places=({"sample": 0, "top": 0, "left": 0},)
    )
    item = TrainingView([sample], index, augmentation="none")[0]
    assert sorted(item) == ["blur_map", "left", "right"]
    np.testing.assert_array_equal(item["left"][0].numpy(), sample.left[..., 0] / np.float32(0.5))
    np.testing.assert_array_equal(item["blur_map"].numpy(), blur)


def test_colours_are_shuffled_alike(view):
    shuffling = TrainingView(
        view._samples,
        PatchIndex(rule=PatchRule(size_px=64), fingerprint="f", places=view._places),
        augmentation="none",
        shuffle_channels=True,
    )
    plain = TrainingView(
        view._samples, PatchIndex(rule=PatchRule(size_px=64), fingerprint="f", places=view._places), augmentation="none"
    )
    orders = set()
    for number in range(len(plain)):
        one, other = plain[number], shuffling[number]
        order = tuple(next(c for c in range(3) if torch.equal(one["left"][c], plane)) for plane in other["left"])
        orders.add(order)
        assert torch.equal(other["target"], one["target"][list(order)])
    assert len(orders) > 2


def test_a_crop_larger_than_a_patch_is_refused(view):
    with pytest.raises(UsageError, match="crop: expected 1 to 64 px, found 65"):
        view.set_crop(65)
    view.set_crop(None)
    assert view[0]["left"].shape == (3, 64, 64)
