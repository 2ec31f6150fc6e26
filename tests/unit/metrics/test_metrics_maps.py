"""Disparity and blur-map metrics against golden values, SciPy and hand-made cases."""

import math
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_recipes import blur_pair, disparity_pair, golden, number, sha256

from ldpbench.core.errors import UsageError
from ldpbench.core.hashing import sha256_file
from ldpbench.metrics.blurmap import count_blur
from ldpbench.metrics.disparity import ai1, ai2, one_minus_abs_rho, quantised
from ldpbench.metrics.engine import measure, score

FILE = golden("disparity.json")
CASES = {case["name"]: case for case in FILE["synthetic"]}
DISPARITY = ["ai1", "ai2", "srcc", "srcc-dense"]

quickly = settings(max_examples=25, deadline=None)
seeds = st.integers(0, 2**31)


def assert_golden(pred: np.ndarray, target: np.ndarray, expected: dict[str, Any], abs_tolerance: float) -> None:
    found: dict[str, float] = {
        "ai1_5_solves": ai1(pred, target, solves=5).error,
        "ai1_ols_only": ai1(pred, target, solves=1).error,
        "srcc_dense": one_minus_abs_rho(pred, target, ranks="dense"),
        "srcc_average": one_minus_abs_rho(pred, target, ranks="average"),
    }
    for name, fit in (("ai1", ai1(pred, target)), ("ai2", ai2(pred, target))):
        found |= {name: fit.error, f"{name}_slope": fit.slope, f"{name}_intercept": fit.intercept}
    for name in found.keys() & expected.keys():
        value = number(expected[name])
        assert found[name] == pytest.approx(value, rel=1e-9, abs=abs_tolerance, nan_ok=True), name


@pytest.mark.parametrize("name", CASES)
def test_synthetic_maps_match(name: str) -> None:
    case = CASES[name]
    pred, target, mask = disparity_pair(name)
    assert (sha256(pred), sha256(target)) == (case["sha256_pred"], case["sha256_target"])
    valid = np.ones(pred.shape, bool) if mask is None else mask
    if mask is not None:
        assert sha256(mask.astype(np.uint8)) == case["sha256_mask_uint8"]
    assert_golden(pred[valid], target[valid], case["values"], 1e-12)
    found = score(pred, target, DISPARITY, mask=mask)
    for ours, theirs in (("ai1", "ai1"), ("ai2", "ai2"), ("srcc", "srcc_average")):
        expected = number(case["values"][theirs])
        assert found[ours] == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True), ours
    stretched = one_minus_abs_rho(quantised(pred[valid]), target[valid], ranks="dense")
    assert found["srcc-dense"] == pytest.approx(stretched, nan_ok=True)
    if "quantised" in name:  # stretching 8-bit values keeps them apart, so their dense ranks stay
        assert found["srcc-dense"] == pytest.approx(case["values"]["srcc_dense"], rel=1e-9)


def halved_by_decimation(truth: np.ndarray) -> np.ndarray:
    return truth[::2, ::2]


def halved_like_matlab(truth: np.ndarray) -> np.ndarray:
    """Bicubic halving with a = -0.5 and antialiasing, rounding half up to 8 bits after rows and after columns."""
    distance = np.abs(np.arange(8) - 3.5) / 2
    taps = np.where(
        distance <= 1,
        1.5 * distance**3 - 2.5 * distance**2 + 1,
        -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2,
    )
    taps /= taps.sum()
    picture = truth.astype(np.float64)
    for axis in (0, 1):
        padded = np.pad(picture, [(4, 4) if axis == other else (0, 0) for other in (0, 1)], mode="symmetric")
        length = picture.shape[axis] // 2
        parts = [np.take(padded, np.arange(length) * 2 + 1 + k, axis) * taps[k] for k in range(8)]
        picture = np.clip(np.floor(sum(parts) + 0.5), 0, 255)
    return picture.astype(np.uint8)


@pytest.mark.parametrize(
    ("protocol", "halve", "tolerance"),
    [
        ("decimate_2x_no_interpolation", halved_by_decimation, 1e-9),
        ("matlab_imresize_round_each_pass", halved_like_matlab, 1e-6),
    ],
)
def test_the_authors_example_matches(protocol: str, halve: Any, tolerance: float) -> None:
    folder = os.environ.get("LDPBENCH_TEST_DISPARITY")
    if not folder:
        pytest.skip("LDPBENCH_TEST_DISPARITY does not name a folder with the authors' gt.TIF and est.TIF")
    files = {name: Path(folder) / name for name in ("gt.TIF", "est.TIF")}
    for name, path in files.items():
        assert sha256_file(path) == FILE["files"][name]["sha256"]
    truth, estimate = (cv2.imread(str(files[name]), cv2.IMREAD_UNCHANGED) for name in ("gt.TIF", "est.TIF"))
    halved = halve(truth)
    expected = FILE["real"][protocol]
    assert sha256(halved) == expected["resized_sha256_uint8"]
    target = halved[39:1425, 39:2547][100:-100, 100:-100]
    pred = estimate[100:-100, 100:-100]
    assert float(target.sum(dtype=np.int64)) == expected["crop_sum"]
    assert_golden(pred / 255, target / 255, expected["values"], tolerance)
    found = score(pred, target, DISPARITY)
    for ours, theirs in zip(DISPARITY, ("ai1", "ai2", "srcc_average", "srcc_dense"), strict=True):
        assert found[ours] == pytest.approx(expected["values"][theirs], abs=tolerance), ours


def random_maps(seed: int, size: int = 300) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    target = random.random(size)
    return 0.4 * target + 0.3 * random.random(size), target


@quickly
@given(seed=seeds, scale=st.floats(0.1, 10), sign=st.sampled_from([-1, 1]), offset=st.floats(-5, 5))
def test_scale_and_offset_do_not_matter(seed: int, scale: float, sign: int, offset: float) -> None:
    pred, target = random_maps(seed)
    found, mapped = (score(p[None], target[None], DISPARITY) for p in (pred, sign * scale * pred + offset))
    for metric in ("ai1", "ai2", "srcc"):
        assert mapped[metric] == pytest.approx(found[metric], rel=1e-6, abs=1e-12)
    assert mapped["srcc-dense"] == pytest.approx(found["srcc-dense"], abs=5e-3)  # a half may round the other way


@quickly
@given(seed=seeds)
def test_against_scipy_and_lstsq(seed: int) -> None:
    pred, target = random_maps(seed)
    pred = np.round(pred * 20) / 20
    design = np.stack([pred, np.ones_like(pred)], axis=1)
    coefficients = np.linalg.lstsq(design, target, rcond=None)[0]
    fit = ai2(pred, target)
    assert (fit.slope, fit.intercept) == pytest.approx(tuple(coefficients), rel=1e-10)
    assert fit.error == pytest.approx(np.sqrt(np.square(design @ coefficients - target).mean()), rel=1e-12)
    rho = scipy.stats.spearmanr(pred, target).statistic
    assert one_minus_abs_rho(pred, target, ranks="average") == pytest.approx(1 - abs(rho), abs=1e-12)
    assert ai1(pred, target).error <= ai1(pred, target, solves=1).error + 1e-9
    assert ai1(pred, target).error <= fit.error + 1e-6
    assert fit.error <= target.std() + 1e-12


def test_reweighting_by_hand() -> None:
    pred, target = random_maps(3, 50)
    design = np.stack([pred, np.ones_like(pred)], axis=1)
    weight = np.ones_like(pred)
    for _ in range(6):
        root = np.sqrt(weight)
        slope, intercept = np.linalg.lstsq(design * root[:, None], target * root, rcond=None)[0]
        weight = 1 / np.maximum(np.abs(slope * pred + intercept - target), 1e-3)
    fit = ai1(pred, target)
    assert (fit.slope, fit.intercept) == pytest.approx((slope, intercept), rel=1e-9)


def test_dense_and_average_ranks_differ() -> None:
    target = np.array([0.0, 0.0, 0.0, 0.0, 0.5, 1.0])
    pred = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
    dense = np.corrcoef([0, 1, 2, 3, 4, 5], [0, 0, 0, 0, 1, 2])[0, 1]
    average = np.corrcoef([1, 2, 3, 4, 5, 6], [2.5, 2.5, 2.5, 2.5, 5, 6])[0, 1]
    assert one_minus_abs_rho(pred, target, ranks="dense") == pytest.approx(1 - dense, abs=1e-12)
    assert one_minus_abs_rho(pred, target, ranks="average") == pytest.approx(1 - average, abs=1e-12)


def test_quantising_by_hand() -> None:
    assert quantised(np.array([-2.0, -1.0, 0.0, 2.0])).tolist() == [0.0, 64.0, 128.0, 255.0]
    assert quantised(np.array([0.1, 0.1])).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("value", [0.1, 1 / 3, 0.7])
def test_constant_maps(value: float) -> None:
    target = np.random.default_rng(0).random((9, 11))
    flat = np.full_like(target, value)
    fit = ai2(flat, target)
    assert (fit.slope, fit.intercept) == pytest.approx((0.0, target.mean()), abs=1e-12)
    assert ai1(flat, target).slope == 0.0
    assert fit.error == pytest.approx(target.std(), rel=1e-12)
    assert ai2(target, flat).error == ai1(target, flat).error == 0.0
    for pair in ((flat, target), (target, flat)):
        statuses = {line.metric: line.status for line in measure(*pair, DISPARITY, {"all": None})}
        assert statuses == {"ai1": "ok", "ai2": "ok", "srcc": "undefined", "srcc-dense": "undefined"}


def test_maps_are_never_clipped_or_rounded() -> None:
    pred, target, _ = disparity_pair("continuous")
    assert pred.min() < 0
    assert pred.max() > 1
    assert score(pred, target, ["ai1"])["ai1"] == ai1(pred, target).error
    both = score(pred, target, ["ai1", "mae"])
    assert both["ai1"] == ai1(pred, target).error
    assert both["mae"] == pytest.approx(np.abs(np.clip(pred, 0, 1) - target).mean(), rel=1e-12)


@pytest.mark.parametrize("function", [ai1, ai2, lambda p, t: one_minus_abs_rho(p, t, ranks="dense")])
def test_wrong_values_are_errors(function: Any) -> None:
    good, bad = np.linspace(0, 1, 6), np.array([0, 1, math.nan, 0, 1, 0])
    with pytest.raises(UsageError, match="shapes|prediction is"):
        function(good, good[:5])
    with pytest.raises(UsageError, match="the prediction holds NaN"):
        function(bad, good)
    with pytest.raises(UsageError, match="the target holds NaN"):
        function(good, bad)


def test_blur_map_case_matches() -> None:
    case = FILE["blur_map"]
    probability, blur, mask = blur_pair()
    assert (sha256(blur), sha256(probability)) == (case["sha256_d"], case["sha256_p"])
    for name, valid in (("all", np.ones_like(mask)), ("masked", mask)):
        expected = case[name]
        counts = count_blur(probability[valid], blur[valid])
        assert counts.n == expected["n"]
        found = (counts.true_positive, counts.true_negative, counts.false_positive, counts.false_negative)
        assert found == (expected["tp"], expected["tn"], expected["fp"], expected["fn"])
        values = score(
            probability, blur, ["blur-accuracy", "blur-balanced-accuracy", "blur-iou", "blur-majority"], mask=valid
        )
        assert list(values.values()) == pytest.approx(
            [expected[key] for key in ("accuracy", "balanced_accuracy", "iou_blurred", "majority_baseline")], abs=1e-9
        )


def test_blur_ties_and_thresholds() -> None:
    blur = np.array([1.0, -1.0, 1.5, -1.5])
    exact = count_blur(np.array([0.49, 0.0, 0.5, 1.0]), blur)
    assert (exact.true_positive, exact.true_negative) == (2, 2)
    assert exact.accuracy == exact.balanced_accuracy == exact.iou == 1.0
    assert count_blur(np.full(4, 0.5), blur, threshold=0.6).accuracy == 0.5
    assert count_blur(np.ones(4), blur, sharp_up_to_px=0.5).accuracy == 1.0


def test_blur_maps_with_one_class() -> None:
    sharp = np.zeros((4, 4))
    found = score(np.zeros((4, 4)), sharp, ["blur-accuracy", "blur-balanced-accuracy", "blur-iou", "blur-majority"])
    assert found["blur-accuracy"] == found["blur-majority"] == 1.0
    assert math.isnan(found["blur-balanced-accuracy"])
    assert math.isnan(found["blur-iou"])


def test_blur_maps_of_the_wrong_kind() -> None:
    with pytest.raises(UsageError, match="signed blur in pixels"):
        score(np.zeros((4, 4)), np.zeros((4, 4), np.uint8), ["blur-accuracy"])
    with pytest.raises(UsageError, match="true blur holds NaN"):
        score(np.zeros((4, 4)), np.full((4, 4), math.nan), ["blur-accuracy"])
    with pytest.raises(UsageError, match="prediction is"):
        count_blur(np.zeros(3), np.zeros(4))
    with pytest.raises(UsageError, match="NaN"):
        count_blur(np.array([math.nan]), np.zeros(1))
    wide = np.array([[-20.0, 0.0], [3.0, 8.0]])
    assert score(np.array([[1.0, 0.0], [1.0, 1.0]]), wide, ["blur-accuracy"])["blur-accuracy"] == 1.0
