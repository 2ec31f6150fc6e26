"""Restoration metrics against values that scikit-image, NumPy and SciPy gave."""

import math
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from metric_recipes import golden, number, restoration_pair, sha256

from ldpbench.metrics.aggregate import mean, mse_rel, psnr_pooled, rmse_mean, rmse_pooled
from ldpbench.metrics.engine import measure, score
from ldpbench.metrics.explain import explain

FILE = golden("metrics.json")
SYNTHETIC = {case["name"]: case for case in FILE["cases"] if "files" not in case["recipe"]}
REAL = {case["name"]: case for case in FILE["cases"] if "files" in case["recipe"]}

OUR_NAME = {
    "mse": "mse",
    "rmse": "rmse",
    "mae": "mae",
    "psnr": "psnr",
    "ssim": "ssim",
    "ssim_uniform7_popcov": "ssim-popcov",
    "ssim_matlab": "ssim-matlab",
    "ssim_gauss_samplecov": "ssim-gauss",
    "ssim_gauss3d_nafnet": "ssim-gauss3d",
    "psnr_y": "psnr-y",
    "ssim_y_matlab": "ssim-y-matlab",
    "psnr_after_u8_round": "psnr-u8",
    "psnr_after_u16_round": "psnr-u16",
    "rel_l2": "rel-l2",
}


def tolerance(metric: str, expected: float) -> float:
    if metric.startswith("psnr"):
        return 1e-6
    if metric.startswith("ssim"):
        return 1e-8
    return max(1e-10, 1e-9 * abs(expected)) if metric == "rel-l2" else 1e-10


def assert_golden(found: dict[str, float], expected: dict[str, Any]) -> None:
    for name, ours in OUR_NAME.items():
        value = number(expected.get(name))
        if math.isfinite(value):
            assert found[ours] == pytest.approx(value, rel=0, abs=tolerance(ours, value)), ours
        else:
            assert str(found[ours]) == str(value), ours


@pytest.mark.parametrize("name", SYNTHETIC)
def test_synthetic_cases_match(name: str) -> None:
    case = SYNTHETIC[name]
    pred, target = restoration_pair(case["recipe"])
    assert list(target.shape) == case["shape"]
    assert str(target.dtype) == case["dtype"]
    assert (sha256(target), sha256(pred)) == (case["sha256_target"], case["sha256_pred"])
    found = score(pred, target, list(OUR_NAME.values()), clip=case["recipe"].get("clip_pred", True))
    assert_golden(found, case["metrics"])


def test_clipping_gives_the_clipped_case() -> None:
    pred, target = restoration_pair(SYNTHETIC["f64_out_of_range_unclipped"]["recipe"])
    assert_golden(score(pred, target, list(OUR_NAME.values())), SYNTHETIC["f64_out_of_range_clipped"]["metrics"])


@pytest.mark.parametrize("name", [name for name in SYNTHETIC if "unclipped" not in name])
def test_explain_shows_the_golden_values(name: str) -> None:
    case = SYNTHETIC[name]
    shown = explain(*restoration_pair(case["recipe"]))
    truncated = next(line for line in shown if line.used_by == ("DPANet",))
    expected = number(case["metrics"]["psnr_after_u8_trunc"])
    assert truncated.value == pytest.approx(expected, rel=0, abs=1e-6)
    plain = next(line for line in shown if line.metric == "ssim")
    assert plain.value == pytest.approx(number(case["metrics"]["ssim"]), rel=0, abs=1e-8)


def test_float32_stays_within_its_precision() -> None:
    case = SYNTHETIC["f64_bright_lowvar"]
    pred, target = (picture.astype(np.float32) for picture in restoration_pair(case["recipe"]))
    found = score(pred, target, ["psnr", "ssim"])
    assert found["psnr"] == pytest.approx(case["metrics"]["psnr"], rel=0, abs=1e-3)  # float32 steps near 0.95 are 6e-8
    assert found["ssim"] == pytest.approx(case["metrics"]["ssim"], rel=0, abs=1e-6)


def test_aggregates_match() -> None:
    expected = FILE["aggregate"]
    rows = [
        score(*restoration_pair(SYNTHETIC[name]["recipe"]), ["psnr", "ssim", "mae", "mse", "rmse"])
        for name in expected["members"]
    ]
    column = {metric: [row[metric] for row in rows] for metric in rows[0]}
    for metric in ("psnr", "ssim", "mae", "mse"):
        assert mean(column[metric]) == pytest.approx(expected[f"mean_{metric}"], rel=1e-9)
    assert mse_rel(column["psnr"]) == pytest.approx(expected["mse_rel_published"], rel=1e-9)
    assert rmse_mean(column["rmse"]) == pytest.approx(expected["mean_of_per_image_rmse"], rel=1e-9)
    assert rmse_pooled(column["mse"]) == pytest.approx(expected["rmse_of_mean_mse"], rel=1e-9)
    assert psnr_pooled(column["mse"]) == pytest.approx(expected["psnr_of_mean_mse"], rel=1e-9)


def real_pair(recipe: dict[str, Any], folder: Path) -> tuple[np.ndarray, np.ndarray, str, str]:
    """Prediction, target and the checksums of the raw crops, cut from the publisher's full frames."""
    scene = Path(recipe["files"][0]).name.split("_")[0]

    def crop(path: Path, corner: list[int]) -> np.ndarray:
        frame = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert frame is not None, path
        row, column, height, width = corner
        return frame[row : row + height, column : column + width]

    target = crop(folder / "gt_all_in_focus_im" / f"{scene}_gt.png", recipe["crop_in_gt"])
    sides = ("left",) if recipe["pred"].endswith("of left") else ("left", "right")
    views = [crop(folder / f"{scene}_{side}.png", recipe["crop_in_full_frame"]) for side in sides]
    normalised = [np.maximum(view.astype(np.float64) - 1024, 0) / 16383 for view in views]
    return sum(normalised) / len(views), target / 65535, "+".join(map(sha256, views)), sha256(target)


@pytest.mark.parametrize("name", REAL)
def test_real_crops_match(name: str) -> None:
    root = os.environ.get("LDPBENCH_TEST_PIXELDP")
    if not root:
        pytest.skip("LDPBENCH_TEST_PIXELDP does not name a folder with real scenes in the publisher's layout")
    case = REAL[name]
    pred, target, sha_pred, sha_target = real_pair(case["recipe"], Path(root) / "DP_data_pixel_4")
    assert (sha_target, sha_pred) == (case["sha256_target"], case["sha256_pred"])
    assert_golden(score(pred, target, list(OUR_NAME.values())), case["metrics"])
    whole = measure(pred, target, ["psnr"], {"all": np.ones(target.shape, bool)})
    assert whole[0].value == pytest.approx(case["metrics"]["psnr"], abs=1e-6)
