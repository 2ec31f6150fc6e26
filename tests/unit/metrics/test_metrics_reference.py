"""The engine against scikit-image on drawn shapes, and properties that hold for every pair."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_recipes import noise_pair, to_codes
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from ldpbench.metrics import fused
from ldpbench.metrics.engine import score

BASIC = ["psnr", "ssim", "mae", "mse", "rmse"]
SSIMS = ["ssim", "ssim-popcov", "ssim-matlab", "ssim-gauss", "ssim-gauss3d"]

shapes = st.tuples(st.integers(7, 34), st.integers(7, 34), st.sampled_from([None, 1, 2, 3, 4])).map(
    lambda drawn: drawn[:2] if drawn[2] is None else drawn
)
seeds = st.integers(0, 2**31)
kinds = st.sampled_from(["float64", "float32", "uint8", "uint16"])
quickly = settings(max_examples=25, deadline=None)


def drawn_pair(shape: tuple[int, ...], seed: int, kind: str) -> tuple[NDArray[Any], NDArray[Any]]:
    pair = noise_pair(shape, seed)
    if kind.startswith("uint"):
        return to_codes(pair[0], int(kind[4:])), to_codes(pair[1], int(kind[4:]))
    return pair[0].astype(kind), pair[1].astype(kind)


def unit(picture: NDArray[Any]) -> NDArray[np.float64]:
    white = np.iinfo(picture.dtype).max if picture.dtype.kind == "u" else 1
    return picture.astype(np.float64) / white


def peer_ssim(pred: NDArray[Any], target: NDArray[Any], **options: Any) -> float:
    axis = -1 if pred.ndim == 3 else None
    return float(structural_similarity(unit(target), unit(pred), data_range=1.0, channel_axis=axis, **options))


@quickly
@given(shape=shapes, seed=seeds, kind=kinds)
def test_equals_scikit_image(shape: tuple[int, ...], seed: int, kind: str) -> None:
    pred, target = drawn_pair(shape, seed, kind)
    found = score(pred, target, [*BASIC, "ssim-popcov", "ssim-matlab", "ssim-gauss"])
    error = unit(pred) - unit(target)
    assert found["psnr"] == pytest.approx(peak_signal_noise_ratio(unit(target), unit(pred), data_range=1.0), abs=1e-9)
    assert found["mae"] == pytest.approx(np.abs(error).mean(), abs=1e-13)
    assert found["mse"] == pytest.approx(np.square(error).mean(), abs=1e-13)
    assert found["ssim"] == pytest.approx(peer_ssim(pred, target), abs=1e-9)
    assert found["ssim-popcov"] == pytest.approx(peer_ssim(pred, target, use_sample_covariance=False), abs=1e-9)
    gauss = {"gaussian_weights": True, "sigma": 1.5}
    if min(shape[:2]) < 11:
        assert math.isnan(found["ssim-matlab"])
        assert math.isnan(found["ssim-gauss"])
    else:
        matlab = peer_ssim(pred, target, use_sample_covariance=False, **gauss)
        assert found["ssim-matlab"] == pytest.approx(matlab, abs=1e-9)
        assert found["ssim-gauss"] == pytest.approx(peer_ssim(pred, target, **gauss), abs=1e-9)


@pytest.mark.parametrize("height", [fused._BAND_ROWS + extra for extra in (5, 6, 7, 8)] + [700])
def test_tall_pictures_do_not_drift(height: int) -> None:
    pred, target = noise_pair((height, 9, 3), height, strength=0.01)
    flat = 0.999 + 0.001 * target
    for one, other in ((pred, target), (flat, flat[::-1])):
        assert score(one, other, ["ssim"])["ssim"] == pytest.approx(peer_ssim(one, other), abs=1e-9)


@quickly
@given(shape=shapes, seed=seeds, kind=kinds)
def test_symmetric_in_prediction_and_target(shape: tuple[int, ...], seed: int, kind: str) -> None:
    pred, target = drawn_pair(shape, seed, kind)
    metrics = [*BASIC, *SSIMS]
    forward, backward = score(pred, target, metrics), score(target, pred, metrics)
    assert forward == pytest.approx(backward, abs=1e-12, nan_ok=True)


@quickly
@given(shape=shapes, seed=seeds, turn=st.integers(0, 3), flip=st.booleans())
def test_does_not_depend_on_orientation(shape: tuple[int, ...], seed: int, turn: int, flip: bool) -> None:
    pred, target = noise_pair(shape, seed)
    metrics = [*BASIC, *SSIMS]

    def turned(picture: NDArray[Any]) -> NDArray[Any]:
        rotated = np.rot90(picture, turn)
        return rotated[:, ::-1] if flip else rotated

    assert score(turned(pred), turned(target), metrics) == pytest.approx(
        score(pred, target, metrics), abs=1e-10, nan_ok=True
    )


@quickly
@given(shape=shapes, seed=seeds)
def test_channel_order_matters_only_on_luma(shape: tuple[int, ...], seed: int) -> None:
    shape = (*shape[:2], 3)
    pred, target = noise_pair(shape, seed)
    found, swapped = (score(*pair, [*BASIC, *SSIMS]) for pair in ((pred, target), (pred[..., ::-1], target[..., ::-1])))
    assert swapped == pytest.approx(found, abs=1e-10, nan_ok=True)
    assert score(pred, target, ["psnr-y"]) != score(pred[..., ::-1], target[..., ::-1], ["psnr-y"])


@quickly
@given(shape=shapes, seed=seeds, share=st.floats(0.05, 0.95))
def test_scaling_the_error_shifts_psnr(shape: tuple[int, ...], seed: int, share: float) -> None:
    pred, target = noise_pair(shape, seed)
    closer = target + share * (pred - target)
    found, nearer = (score(picture, target, BASIC) for picture in (pred, closer))
    assert nearer["psnr"] == pytest.approx(found["psnr"] - 20 * math.log10(share), abs=1e-8)
    assert nearer["mae"] == pytest.approx(share * found["mae"], rel=1e-9)
    assert nearer["rmse"] == pytest.approx(10 ** (-nearer["psnr"] / 20), rel=1e-12)
    assert nearer["ssim"] > found["ssim"]


@quickly
@given(shape=shapes, seed=seeds, kind=kinds)
def test_a_full_mask_equals_no_mask(shape: tuple[int, ...], seed: int, kind: str) -> None:
    pred, target = drawn_pair(shape, seed, kind)
    metrics = [*BASIC, *SSIMS, "rel-l2", "psnr-u8", "psnr-u16", "psnr-y", "ssim-y-matlab"]
    masked = score(pred, target, metrics, mask=np.ones(shape[:2], bool))
    assert masked == pytest.approx(score(pred, target, metrics), abs=1e-12, rel=1e-12, nan_ok=True)


@quickly
@given(shape=shapes, seed=seeds, share=st.floats(0.1, 0.9))
def test_a_mask_selects_pixels_and_window_centres(shape: tuple[int, ...], seed: int, share: float) -> None:
    pred, target = noise_pair(shape, seed)
    mask = np.random.default_rng(seed).random(shape[:2]) < share
    found = score(pred, target, ["mse", "mae", "ssim", "rel-l2"], mask=mask)
    error = (pred - target)[mask]
    expected = np.square(error).mean() if mask.any() else math.nan
    assert found["mse"] == pytest.approx(expected, rel=1e-12, nan_ok=True)
    assert found["mae"] == pytest.approx(np.abs(error).mean() if mask.any() else math.nan, rel=1e-12, nan_ok=True)
    if mask.any():
        assert found["rel-l2"] == pytest.approx(np.linalg.norm(error) / np.linalg.norm(target[mask]), rel=1e-12)
    axis = -1 if pred.ndim == 3 else None
    whole = structural_similarity(target, pred, data_range=1.0, channel_axis=axis, full=True)[1]
    inside = whole[3:-3, 3:-3][mask[3:-3, 3:-3]]
    assert found["ssim"] == pytest.approx(inside.mean() if inside.size else math.nan, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_codes_equal_their_floats(kind: str) -> None:
    pred, target = drawn_pair((20, 23, 3), 5, kind)
    metrics = [*BASIC, *SSIMS, "psnr-y", "rel-l2", "psnr-u8"]
    assert score(pred, target, metrics) == pytest.approx(score(unit(pred), unit(target), metrics), rel=1e-11)


def test_types_may_be_mixed() -> None:
    pred, target = drawn_pair((20, 23, 3), 6, "uint8")
    expected = score(pred, target, BASIC)
    for one, other in (
        (pred, unit(target)),
        (unit(pred), target),
        (pred, target.astype(np.uint16) * 257),
        (pred.astype(np.uint16) * 257, target),
    ):
        assert score(one, other, BASIC) == pytest.approx(expected, rel=1e-11)
    assert score(unit(pred).astype(np.float32), target, BASIC) == pytest.approx(expected, rel=1e-5)


def test_memory_layout_does_not_matter() -> None:
    pred, target = noise_pair((18, 21, 3), 7)
    expected = score(pred, target, BASIC)
    planar = np.ascontiguousarray(pred.transpose(2, 0, 1)).transpose(1, 2, 0)
    frozen = pred.copy()
    frozen.flags.writeable = False
    for same in (planar, np.asfortranarray(pred), frozen, pred.astype(">f8"), pred.astype(np.longdouble)):
        assert score(same, target, BASIC) == expected
    codes = to_codes(pred, 16)
    assert score(codes.astype(">u2"), codes, BASIC)["psnr"] == math.inf


def test_blurring_more_scores_worse() -> None:
    _, target = noise_pair((64, 64, 3), 8)
    pictures = [target]
    for _ in range(4):
        pictures.append(sum(np.roll(pictures[-1], shift, axis) for shift in (-1, 0, 1) for axis in (0, 1)) / 6)
    for metric in ("psnr", *SSIMS):
        values = [score(picture, target, [metric])[metric] for picture in pictures]
        assert values == sorted(values, reverse=True), metric
        assert len(set(values)) == len(values)


def test_scoring_leaves_the_pictures_alone() -> None:
    pred, target = noise_pair((16, 16, 3), 9)
    pred = pred * 1.5 - 0.25
    before = pred.copy(), target.copy()
    score(pred, target, [*BASIC, *SSIMS, "psnr-u8", "psnr-y"])
    assert np.array_equal(pred, before[0])
    assert np.array_equal(target, before[1])
    assert pred.flags.writeable
    assert target.flags.writeable
