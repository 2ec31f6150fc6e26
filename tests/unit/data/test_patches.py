"""Which windows are cut and kept: the field's counts, its sharpness, and the index on disk."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import ndimage

from ldpbench.core.errors import MissingPrerequisiteError, UsageError
from ldpbench.data.prepared import open_prepared
from ldpbench.data.sample import Sample
from ldpbench.data.training import patches
from ldpbench.data.training.patches import (
    VALIDATION_RULE,
    PatchIndex,
    PatchRule,
    build_patch_index,
    load_patch_index,
    scene_places,
    sobel_sharpness,
    window_starts,
)


class Recording:
    """A progress that remembers what it was told."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.tracked: list[tuple[str, int | None]] = []

    def track(self, items, *, label, total=None):
        self.tracked.append((label, total))
        return items

    def warn(self, message: str) -> None:
        self.warnings.append(message)


def scene(target: np.ndarray | None, height: int = 64, width: int = 64, name: str = "a") -> Sample:
    """A scene of which only the target matters."""
    grey = np.full((height, width, 3), 0.5, np.float32) if target is None else np.full_like(target, 0.5)
    return Sample(
        id=name, dataset="made-up", split="train", left=grey, right=grey, target=target,
        bits=16, encoding="srgb", regions={},
    )  # fmt: skip


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((height, width, channels), dtype=np.float32)


def corners(index: PatchIndex) -> list[tuple[int, int]]:
    return [(place.top, place.left) for place in index.places]


def test_the_fields_numbers_of_windows():
    """28 windows of which 20 stay, so 7000 of 350 pictures; 12 for validation at 1 % overlap, so 888 of 74."""
    flat = scene(np.full((1120, 1680, 3), 0.5, np.float32))
    every = scene_places(flat, 0, PatchRule(drop_share=0))
    assert len(every) == 28
    assert [window_starts(1120, 512, 204), window_starts(1680, 512, 204)] == [
        [0, 204, 408, 608],
        [0, 204, 408, 612, 816, 1020, 1168],
    ]
    assert 350 * (len(every) - int(PatchRule().drop_share * len(every))) == 7000
    assert 74 * len(scene_places(flat, 0, VALIDATION_RULE)) == 888


def test_a_picture_of_the_fields_size_keeps_the_20_sharpest_windows():
    target = noise(1120, 1680)
    target[:560, :840] = 0.25  # the windows over it are the least sharp ones
    kept = corners(build_patch_index([scene(target)], PatchRule(), "f"))
    assert len(kept) == 20
    every = {(top, left) for top in window_starts(1120, 512, 204) for left in window_starts(1680, 512, 204)}
    assert {(0, 0), (0, 204)} <= every - set(kept)
    assert kept == sorted(kept)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_windows_lie_inside_and_reach_both_borders(data):
    size = data.draw(st.integers(1, 40))
    length = data.draw(st.integers(size, 200))
    stride = data.draw(st.integers(1, 60))
    starts = window_starts(length, size, stride)
    assert starts[0] == 0
    assert starts[-1] + size == length
    steps = np.diff(starts)
    assert all(0 < step <= stride for step in steps)
    assert all(step == stride for step in steps[:-1])


def reference_sharpness(windows: Sequence[np.ndarray]) -> np.ndarray:
    """The same in NumPy and SciPy: binomial smoothing one way, its derivative the other way."""
    product = np.ones(len(windows))
    for size in (3, 7, 11, 15):
        smooth, derivative = np.array([1.0]), np.array([-1.0, 0.0, 1.0])
        for _ in range(size - 1):
            smooth = np.convolve(smooth, [1, 1])
        for _ in range(size - 3):
            derivative = np.convolve(derivative, [1, 1])
        energy = []
        for window in windows:
            grey = window.astype(np.float64) @ (np.array([0.299, 0.587, 0.114]) if window.shape[2] == 3 else np.ones(1))
            gradients = [
                ndimage.correlate1d(
                    ndimage.correlate1d(grey, derivative, along, mode="mirror"), smooth, 1 - along, mode="mirror"
                )
                for along in (0, 1)
            ]
            energy.append(np.hypot(*gradients).sum())
        product *= (np.array(energy) - min(energy)) / (max(energy) - min(energy))
    return product


@pytest.mark.parametrize("channels", [1, 3])
def test_sharpness_agrees_with_an_independent_computation(channels):
    windows = [
        ndimage.gaussian_filter(noise(48, 48, channels, seed=seed), (sigma, sigma, 0))
        for seed, sigma in enumerate((0.5, 2.0, 1.0, 3.0))
    ]
    np.testing.assert_allclose(sobel_sharpness(windows), reference_sharpness(windows), rtol=1e-5, atol=1e-9)


def test_the_kept_windows_are_those_of_the_independent_computation():
    blurred = ndimage.gaussian_filter(noise(200, 260), (1, 1, 0))
    target = noise(200, 260, seed=1) * np.linspace(0, 0.8, 260, dtype=np.float32)[:, None] + 0.2 * blurred
    rule = PatchRule(size_px=64, stride_px=26)
    every = [(top, left) for top in window_starts(200, 64, 26) for left in window_starts(260, 64, 26)]
    sharpness = reference_sharpness([target[top : top + 64, left : left + 64] for top, left in every])
    dropped = np.argsort(sharpness)[: int(0.3 * len(every))]
    expected = [corner for number, corner in enumerate(every) if number not in dropped]
    assert corners(build_patch_index([scene(target)], rule, "f")) == expected


def test_red_and_blue_are_weighted_as_the_eye_does():
    """Green counts most and blue least: the same texture is sharper in green than in red than in blue."""
    texture, windows = noise(32, 32, 1), []
    for channel in range(3):
        windows.append(np.full((32, 32, 3), 0.5, np.float32))
        windows[-1][..., channel] = texture[..., 0]
    red, green, blue = sobel_sharpness(windows)
    assert (green, blue) == (1, 0)
    assert red == pytest.approx(((0.299 - 0.114) / (0.587 - 0.114)) ** 4, rel=1e-4)


def test_flat_pictures_do_not_give_nan_and_ties_drop_the_later_windows():
    flat = scene(np.full((64, 64, 3), 0.5, np.float32))
    index = build_patch_index([flat], PatchRule(size_px=32, stride_px=16, drop_share=0.5), "f")
    assert corners(index) == [(0, 0), (0, 16), (0, 32), (16, 0), (16, 16)]
    assert sobel_sharpness([np.zeros((32, 32, 3), np.float32)] * 3).tolist() == [0, 0, 0]


def test_a_small_picture_is_named_or_skipped_and_counted():
    scenes = [scene(noise(64, 64), name="large"), scene(noise(30, 40), name="small")]
    rule = PatchRule(size_px=32, stride_px=32, drop_share=0)
    with pytest.raises(UsageError, match=r"made-up/train/small is 40x30 px, expected at least 32x32"):
        build_patch_index(scenes, rule, "f")
    skipping = rule.model_copy(update={"small_pictures": "skip"})
    progress = Recording()
    index = build_patch_index(scenes, skipping, "f", progress)
    assert (len(index.places), index.skipped) == (4, 1)
    assert progress.warnings == ["1 of 2 pictures are smaller than a patch and are left out"]
    assert progress.tracked == [("indexing patches", 2)]
    with pytest.raises(UsageError, match="1 pictures, 1 of them smaller than 32x32 px, give no patch"):
        build_patch_index(scenes[1:], skipping, "f")


def test_a_set_without_targets_needs_the_rule_none():
    rule = PatchRule(size_px=32, stride_px=32)
    with pytest.raises(UsageError, match="made-up/train/a has no target, the all-in-focus picture") as caught:
        build_patch_index([scene(None)], rule, "f")
    assert "`none`" in caught.value.hint
    assert len(build_patch_index([scene(None)], rule.model_copy(update={"sharpness": "none"}), "f").places) == 4


@pytest.mark.parametrize("change", [{"size_px": 0}, {"stride_px": 0}, {"drop_share": 1.0}, {"sharpness": "laplace"}])
def test_a_rule_that_makes_no_sense_is_refused(change):
    with pytest.raises(ValidationError):
        PatchRule(**change)


def test_one_scene_is_in_memory_at_a_time():
    class Streaming(Sequence):
        alive = worst = 0

        def __len__(self) -> int:
            return 4

        def __getitem__(self, index):
            if index >= len(self):
                raise IndexError(index)
            Streaming.alive += 1
            Streaming.worst = max(Streaming.worst, Streaming.alive)
            return Tracked(scene(noise(32, 32, seed=index)))

    class Tracked:
        def __init__(self, sample: Sample) -> None:
            self._sample = sample

        def __getattr__(self, name):
            return getattr(self._sample, name)

        def __del__(self) -> None:
            Streaming.alive -= 1

    build_patch_index(Streaming(), PatchRule(size_px=16, stride_px=16), "f")
    assert (Streaming.worst, Streaming.alive) == (1, 0)


@pytest.fixture
def built(monkeypatch) -> list[int]:
    """Grows by one with every index that is built."""
    calls: list[int] = []
    build = patches.build_patch_index
    monkeypatch.setattr(patches, "build_patch_index", lambda *args: calls.append(1) or build(*args))
    return calls


RULE = PatchRule(size_px=128, stride_px=64)


def test_the_index_is_built_once(home_with_sample, built):
    prepared = open_prepared(home_with_sample, "sample")
    first = load_patch_index(prepared, "test", RULE)
    assert len(first.places) == 6 * (9 - 2)
    assert first.fingerprint == prepared.info.splits["test"].fingerprint
    assert load_patch_index(prepared, "test", RULE) == first
    assert built == [1]
    load_patch_index(prepared, "test", RULE.model_copy(update={"drop_share": 0.0}))
    assert built == [1, 1], "another rule has an index of its own"


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "{",
        lambda text: "",
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"top":64', '"top":65', 1),
        lambda text: text.replace('"drop_share":0.3', '"drop_share":0.2', 1),
    ],
)
def test_a_damaged_index_is_built_again_with_a_warning(home_with_sample, built, damage):
    prepared = open_prepared(home_with_sample, "sample")
    first = load_patch_index(prepared, "test", RULE)
    path = next(home_with_sample.datasets.rglob(".patches/sample/test-*.json"))
    whole = path.read_text()
    path.write_text(damage(whole))
    progress = Recording()
    assert load_patch_index(prepared, "test", RULE, progress) == first
    assert len(built) == 2
    assert [("damaged" in warning, str(path) in warning) for warning in progress.warnings] == [(True, True)]
    assert path.read_text() == whole


def test_other_content_has_another_index(home_with_sample, built):
    prepared = open_prepared(home_with_sample, "sample")
    first = load_patch_index(prepared, "test", RULE)
    part = prepared.info.splits["test"].model_copy(update={"fingerprint": "0" * 64})
    prepared.info = prepared.info.model_copy(update={"splits": {**prepared.info.splits, "test": part}})
    second = load_patch_index(prepared, "test", RULE)
    assert built == [1, 1]
    assert (second.fingerprint, second.places) == ("0" * 64, first.places)


def test_what_is_not_there_is_refused_by_name(home_with_sample):
    with pytest.raises(UsageError, match="no split of sample is called 'tset'"):
        load_patch_index(open_prepared(home_with_sample, "sample"), "tset", RULE)
    with pytest.raises(MissingPrerequisiteError):
        open_prepared(home_with_sample, "pixeldp")
