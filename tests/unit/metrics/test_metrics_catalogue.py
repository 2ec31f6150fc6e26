"""The catalogue, the explanation of conventions, and how kernels are compiled."""

import math
import subprocess
import sys

import numba
import numpy as np
import pytest
from metric_recipes import noise_pair

from ldpbench.core.errors import UsageError
from ldpbench.metrics import jit
from ldpbench.metrics.aggregate import SET_METRICS
from ldpbench.metrics.catalogue import METRICS, get_metric, get_spec
from ldpbench.metrics.engine import measure, score
from ldpbench.metrics.explain import explain

WEIGHT_FREE = [metric_id for metric_id, metric in METRICS.items() if metric.spec.extra is None]


def test_every_promised_metric_is_there() -> None:
    promised = (
        "psnr ssim mae mse rmse rel-l2 psnr-y psnr-u8 psnr-u16 ssim-popcov ssim-matlab ssim-gauss ssim-y-matlab "
        "ssim-gauss3d ai1 ai2 srcc srcc-dense blur-accuracy blur-balanced-accuracy blur-iou blur-majority "
        "lpips-alex lpips-squeeze dists niqe fsim vif gmsd nlpd cw-ssim ms-ssim"
    )
    assert set(METRICS) == set(promised.split())


@pytest.mark.parametrize("metric_id", [*METRICS, *SET_METRICS])
def test_every_record_says_what_it_means(metric_id: str) -> None:
    spec = get_spec(metric_id)
    assert spec.id == metric_id
    assert spec.ref == f"{metric_id}/1"
    assert spec.unit in {"dB", "1"}
    assert len(spec.convention) > 20
    assert not spec.convention.endswith(".")
    if spec.extra == "perceptual":
        assert "PolyForm Noncommercial" in spec.convention


def test_titles_are_unique() -> None:
    titles = [get_spec(metric_id).title for metric_id in (*METRICS, *SET_METRICS)]
    assert len(titles) == len(set(titles))


# blur-majority depends on the target alone, so no prediction is better or worse.
@pytest.mark.parametrize("metric_id", [metric_id for metric_id in WEIGHT_FREE if metric_id != "blur-majority"])
def test_the_stated_direction_is_right(metric_id: str) -> None:
    metric = get_metric(metric_id)
    noise = np.random.default_rng(4).random((24, 24, 3)) - 0.5
    if metric.spec.task == "blurmap":
        target = 6 * noise
        truth = (np.abs(target) > 1).astype(float)
        good, bad = truth * 0.6 + 0.2 + 0.2 * noise, truth * 0.1 + 0.45 + noise
    else:
        target = noise_pair((24, 24, 3), 4)[1]
        good, bad = target + 0.05 * noise, target + 0.6 * noise
    better, worse = (score(pred, target, [metric_id])[metric_id] for pred in (good, bad))
    assert (better > worse) == metric.spec.higher_is_better
    assert better != worse


def test_set_metrics_are_told_from_unknown_names() -> None:
    with pytest.raises(UsageError, match="over a set of images") as caught:
        get_metric("mse-rel")
    assert "'psnr'" in caught.value.hint
    for lookup in (get_metric, get_spec):
        with pytest.raises(UsageError, match="no metric is called 'sssim'") as caught:
            lookup("sssim")
        assert "did you mean 'ssim'" in caught.value.hint


def test_explain_says_who_scores_how() -> None:
    pred, target = noise_pair((32, 32, 3), 5)
    shown = explain(2 * pred - 0.5, target)
    assert {line.metric for line in shown} <= set(METRICS)
    assert len({line.convention for line in shown}) == len(shown)
    assert all(math.isfinite(line.value) and line.convention for line in shown)
    users = {name for line in shown for name in line.used_by}
    assert {"DPDNet", "Restormer", "BaMBNet", "IFAN", "NAFNet", "mmagic", "DPANet", "DeepRFT"} <= users
    value = {line.convention: line.value for line in shown}
    unclipped = next(value[text] for text in value if text.startswith("PSNR of the prediction as it is"))
    assert unclipped == score(2 * pred - 0.5, target, ["psnr"], clip=False)["psnr"]
    assert unclipped < score(2 * pred - 0.5, target, ["psnr"])["psnr"]


def test_explain_of_identical_pictures() -> None:
    _, target = noise_pair((32, 32, 3), 6)
    values = {line.used_by: line.value for line in explain(target, target) if line.metric == "psnr"}
    assert values[("Restormer",)] == 100.0
    assert values[("DPDNet", "BaMBNet")] == math.inf
    codes = (target * 255).astype(np.uint8)
    assert {line.value for line in explain(codes, codes) if line.used_by == ("DPANet",)} == {math.inf}


def test_truncation_wraps_like_a_plain_cast() -> None:
    target = np.full((8, 8), 0.5)
    shown = {line.used_by: line.value for line in explain(np.full((8, 8), 1.01), target)}
    assert int(1.01 * 255) == 257  # one beyond white: 257 wraps to 1
    assert shown[("DPANet",)] == pytest.approx(-20 * math.log10((127 - 1) / 255), abs=1e-9)


def test_explain_of_a_broken_prediction() -> None:
    pred, target = noise_pair((32, 32, 3), 7)
    pred[0, 0] = math.nan
    assert all(math.isnan(line.value) for line in explain(pred, target))
    with pytest.raises(UsageError, match="prediction is"):
        explain(pred[1:], target)


def test_kernels_work_where_nothing_can_be_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    real = numba.njit
    asked: list[bool] = []

    def refusing(*, cache: bool = False, **options: object) -> object:
        asked.append(cache)
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return real(**options)

    monkeypatch.setattr(numba, "njit", refusing)

    @jit.compiled
    def double(value: float) -> float:
        return 2.0 * value

    assert double(1.5) == 3.0
    assert asked == [True, False]


def test_importing_the_engine_loads_neither_torch_nor_pyiqa() -> None:
    code = "import sys, ldpbench.metrics.engine; print(*{'torch', 'pyiqa', 'skimage'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_measurements_are_plain_values() -> None:
    found = measure(*noise_pair((16, 16, 3), 8), WEIGHT_FREE[:14], {"all": None})
    assert all(type(line.value) is float for line in found)
