"""Edge cases and wrong input of the engine."""

import math
from typing import Any

import numpy as np
import pytest
from metric_recipes import noise_pair
from numpy.typing import NDArray

from ldpbench.core.errors import UsageError
from ldpbench.metrics.engine import Measurement, measure, score

BASIC = ["psnr", "ssim", "mae", "mse", "rmse"]


@pytest.fixture
def pair() -> tuple[NDArray[Any], NDArray[Any]]:
    return noise_pair((16, 20, 3), 1)


def test_identical_pictures(pair: tuple[NDArray[Any], NDArray[Any]]) -> None:
    _, target = pair
    found = score(target, target, ["psnr", "ssim", "mae", "rmse", "psnr-u8", "psnr-y", "ssim-gauss3d"])
    assert found == {
        "psnr": math.inf,
        "ssim": pytest.approx(1.0, abs=1e-12),
        "mae": 0.0,
        "rmse": 0.0,
        "psnr-u8": math.inf,
        "psnr-y": math.inf,
        "ssim-gauss3d": pytest.approx(1.0, abs=1e-12),
    }
    assert measure(target, target, ["psnr", "mae"], {"all": None}) == [
        Measurement("psnr", "all", None, "identical"),
        Measurement("mae", "all", 0.0, "ok"),
    ]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("clip", [True, False])
def test_a_prediction_that_is_not_finite_fails_every_metric(
    pair: tuple[NDArray[Any], NDArray[Any]], bad: float, clip: bool
) -> None:
    pred, target = pair
    pred[3, 4, 1] = bad
    metrics = [*BASIC, "ssim-matlab", "psnr-u8", "psnr-y", "ai1", "srcc"]
    assert all(math.isnan(value) for value in score(pred, target, metrics, clip=clip).values())
    mask = np.zeros(target.shape[:2], bool)
    mask[10:] = True
    found = measure(pred, target, metrics, {"all": None, "elsewhere": mask}, clip=clip)
    assert len(found) == 2 * len(metrics)
    assert {(line.value, line.status) for line in found} == {(None, "failed")}


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_target_that_is_not_finite_is_an_error(pair: tuple[NDArray[Any], NDArray[Any]], bad: float) -> None:
    pred, target = pair
    target[0, 0, 0] = bad
    with pytest.raises(UsageError, match="target holds NaN or infinity"):
        score(pred, target, ["psnr"])


@pytest.mark.parametrize("bad", [-1e-6, 1.0001, 255.0])
@pytest.mark.parametrize("metric", ["psnr", "ai1"])
def test_a_target_outside_its_range_is_an_error(
    pair: tuple[NDArray[Any], NDArray[Any]], bad: float, metric: str
) -> None:
    pred, target = pair
    target[0, 0, 0] = bad
    with pytest.raises(UsageError, match=r"target lies in .* expected \[0, 1\]"):
        score(pred, target, [metric], clip=False)


def test_the_prediction_is_clipped_unless_asked_not_to(pair: tuple[NDArray[Any], NDArray[Any]]) -> None:
    pred, target = pair
    wide = 3 * pred - 1
    assert score(wide, target, BASIC) == score(np.clip(wide, 0, 1), target, BASIC)
    unclipped = score(wide, target, BASIC, clip=False)
    assert unclipped["mse"] == pytest.approx(np.square(wide - target).mean(), rel=1e-12)
    assert unclipped["psnr"] < score(wide, target, BASIC)["psnr"]


@pytest.mark.parametrize(
    ("pred_shape", "target_shape"),
    [
        ((8, 9), (8, 9, 1)),
        ((8, 9, 1), (8, 9, 3)),
        ((8, 9, 3), (8, 9)),
        ((1, 9, 3), (8, 9, 3)),
        ((8, 9, 3), (9, 8, 3)),
        ((), (8, 9, 3)),
    ],
)
def test_shapes_are_never_broadcast(pred_shape: tuple[int, ...], target_shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="prediction is .*, target is"):
        score(np.zeros(pred_shape), np.zeros(target_shape), ["mae"])


@pytest.mark.parametrize("shape", [(), (9,), (2, 8, 9, 3), (0, 9, 3), (8, 9, 0)])
def test_other_ranks_and_empty_pictures_are_errors(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match=r"expected \(H, W\) or \(H, W, C\)"):
        score(np.zeros(shape), np.zeros(shape), ["mae"])


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int32, np.uint32, np.int64, np.complex128, object])
def test_other_element_types_are_errors(dtype: type) -> None:
    picture = np.zeros((8, 9, 3), dtype)
    with pytest.raises(UsageError, match="the prediction is .*; expected floats"):
        score(picture, np.zeros((8, 9, 3)), ["mae"])
    with pytest.raises(UsageError, match="the target is .*; expected floats"):
        score(np.zeros((8, 9, 3)), picture, ["mae"])


@pytest.mark.parametrize(("shape", "missing"), [((6, 20), {"ssim", "ssim-matlab"}), ((20, 10, 3), {"ssim-matlab"})])
def test_small_pictures_lose_only_windowed_metrics(shape: tuple[int, ...], missing: set[str]) -> None:
    pred, target = noise_pair(shape, 2)
    metrics = [*BASIC, "ssim-matlab", "ssim-gauss3d", "psnr-u8"]
    found = score(pred, target, metrics, mask=np.ones(shape[:2], bool))
    assert {metric for metric, value in found.items() if math.isnan(value)} == missing
    statuses = {
        line.metric: (line.value is None, line.status) for line in measure(pred, target, metrics, {"all": None})
    }
    for metric in metrics:
        assert statuses[metric] == ((True, "undefined") if metric in missing else (False, "ok"))


def test_one_pixel_is_enough_for_errors() -> None:
    assert score(np.array([[0.5]]), np.array([[0.25]]), ["mae", "mse"]) == {"mae": 0.25, "mse": 0.0625}


def test_an_empty_mask_is_undefined(pair: tuple[NDArray[Any], NDArray[Any]]) -> None:
    mask = np.zeros(pair[0].shape[:2], bool)
    metrics = [*BASIC, "rel-l2", "psnr-u8", "psnr-y", "ai1", "ai2", "srcc", "srcc-dense"]
    assert all(math.isnan(value) for value in score(*pair, metrics, mask=mask).values())
    assert {line.status for line in measure(*pair, metrics, {"none": mask})} == {"undefined"}


def test_a_mask_on_the_border_has_no_window_centres(pair: tuple[NDArray[Any], NDArray[Any]]) -> None:
    mask = np.zeros(pair[0].shape[:2], bool)
    mask[:3] = True
    found = score(*pair, ["ssim", "mae"], mask=mask)
    assert math.isnan(found["ssim"])
    assert found["mae"] == pytest.approx(np.abs(pair[0] - pair[1])[:3].mean(), rel=1e-12)


@pytest.mark.parametrize(
    "mask", [np.ones((16, 20)), np.ones((16, 20, 3), bool), np.ones((20, 16), bool), np.ones((16, 20), np.uint8)]
)
def test_a_wrong_mask_is_an_error(pair: tuple[NDArray[Any], NDArray[Any]], mask: NDArray[Any]) -> None:
    with pytest.raises(UsageError, match=r"region 'near': expected a bool mask of shape \(16, 20\)"):
        measure(*pair, ["mae"], {"near": mask})


def test_regions_are_measured_together_as_alone(pair: tuple[NDArray[Any], NDArray[Any]]) -> None:
    left = np.zeros(pair[0].shape[:2], bool)
    left[:, :11] = True
    regions = {"all": None, "left": left, "right": ~left}
    found = measure(*pair, BASIC, regions)
    assert [(line.metric, line.region) for line in found] == [(metric, name) for metric in BASIC for name in regions]
    for line in found:
        alone = score(*pair, [line.metric], mask=regions[line.region])[line.metric]
        assert line.value == pytest.approx(alone, rel=1e-12)
    mse = {line.region: line.value for line in found if line.metric == "mse"}
    assert mse["all"] == pytest.approx((11 * mse["left"] + 9 * mse["right"]) / 20, rel=1e-12)


def test_overflow_is_never_reported_as_a_number() -> None:
    target = np.zeros((8, 8))
    found = measure(np.full((8, 8), 1e200), target, ["psnr", "mse"], {"all": None}, clip=False)
    assert [(line.value, line.status) for line in found] == [(None, "undefined"), (None, "undefined")]


def test_unknown_and_misspelt_metrics(pair: tuple[NDArray[Any], NDArray[Any]]) -> None:
    with pytest.raises(UsageError, match="no metric is called 'pnsr'") as caught:
        score(*pair, ["pnsr"])
    assert "did you mean 'psnr'" in caught.value.hint
    with pytest.raises(UsageError, match="a list of metric ids"):
        score(*pair, "psnr")
    with pytest.raises(UsageError, match="over a set of images"):
        score(*pair, ["mse-rel"])


def test_metrics_may_repeat_and_be_none_at_all(pair: tuple[NDArray[Any], NDArray[Any]]) -> None:
    assert list(score(*pair, ("mae", "psnr", "mae"))) == ["mae", "psnr"]
    assert score(*pair, []) == {}


def test_luma_needs_three_channels() -> None:
    for shape in ((16, 16), (16, 16, 1), (16, 16, 4)):
        found = measure(*noise_pair(shape, 3), ["psnr-y", "ssim-y-matlab"], {"all": None})
        assert {line.status for line in found} == {"undefined"}


def test_a_black_target_has_no_relative_error() -> None:
    assert math.isnan(score(np.full((8, 8), 0.5), np.zeros((8, 8)), ["rel-l2"])["rel-l2"])
    assert score(np.zeros((8, 8)), np.full((8, 8), 0.5), ["rel-l2"])["rel-l2"] == 1.0


def test_rounding_to_codes_changes_nothing_that_is_already_rounded() -> None:
    codes = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for floats in (codes / 255, (codes / np.float32(255)).astype(np.float32)):
        assert score(floats, codes, ["psnr-u8"])["psnr-u8"] == math.inf
    halves = (codes[:, :-1] + 0.5) / 255
    assert score(halves, (codes[:, :-1] + 1.0) / 255, ["psnr-u8"])["psnr-u8"] > 40
