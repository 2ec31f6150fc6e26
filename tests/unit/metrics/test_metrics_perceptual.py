"""Perceptual metrics: the weight-free ones for real, the others with made-up weights; nothing is ever downloaded."""

import math
import sys
import urllib.error
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from metric_recipes import noise_pair, to_codes

from ldpbench.core.errors import MissingPrerequisiteError
from ldpbench.metrics import perceptual
from ldpbench.metrics.catalogue import METRICS
from ldpbench.metrics.engine import measure, score

ALL = [metric.spec.id for metric in perceptual.PERCEPTUAL]
WITH_WEIGHTS = ["lpips-alex", "lpips-squeeze", "dists", "niqe"]
WEIGHT_FREE = [metric_id for metric_id in ALL if metric_id not in WITH_WEIGHTS]
SMALLEST_PX = {"lpips-alex": 31, "lpips-squeeze": 17, "dists": 16, "niqe": 96, "vif": 33, "cw-ssim": 64, "ms-ssim": 161}


@pytest.fixture(scope="module", autouse=True)
def _installed() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("pyiqa", reason="the extra 'perceptual' is not installed")


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(url: str, *_: Any, **__: Any) -> None:
        raise urllib.error.URLError(f"no network in tests, not even for {url}")

    monkeypatch.setattr("torch.hub.download_url_to_file", refuse)
    monkeypatch.setattr("pyiqa.utils.download_util.download_url_to_file", refuse)


@pytest.fixture
def _unbuilt() -> Iterator[None]:
    """No metric is built yet, and none made here is left behind."""
    perceptual._built.cache_clear()
    yield
    perceptual._built.cache_clear()


@pytest.fixture
def _made_up_weights(_unbuilt: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import scipy.io
    import torch
    import torchvision.models as zoo

    for architecture in ("lpips_arch", "dists_arch"):
        monkeypatch.setattr(f"pyiqa.archs.{architecture}.load_pretrained_network", lambda *_: None)
    for name in ("alexnet", "vgg16", "squeezenet1_1"):
        build = getattr(zoo, name)

        def seeded(build: Any = build, **_: Any) -> Any:
            torch.manual_seed(1)
            return build(weights=None)

        monkeypatch.setattr(zoo, name, seeded)
    model = tmp_path / "niqe.mat"
    scipy.io.savemat(model, {"mu_prisparam": np.zeros((1, 36)), "cov_prisparam": np.eye(36)})
    monkeypatch.setattr("pyiqa.archs.niqe_arch.load_file_from_url", lambda _: str(model))


def test_the_extra_is_named_in_every_record() -> None:
    assert {METRICS[metric_id].spec.extra for metric_id in ALL} == {"perceptual"}
    assert [metric_id for metric_id in ALL if not METRICS[metric_id].spec.needs_target] == ["niqe"]


@pytest.mark.parametrize("metric_id", WEIGHT_FREE)
def test_weight_free_metrics_order_pictures(metric_id: str) -> None:
    pred, target = noise_pair((168, 164, 3), 1, strength=0.1)
    worse, _ = noise_pair((168, 164, 3), 1, strength=0.6)
    perfect, near, far = (score(picture, target, [metric_id])[metric_id] for picture in (target, pred, worse))
    best = 1.0 if METRICS[metric_id].spec.higher_is_better else 0.0
    assert perfect == pytest.approx(best, abs=1e-4)
    assert abs(near - best) < abs(far - best)
    assert (near > far) == METRICS[metric_id].spec.higher_is_better


def test_gmsd_by_hand() -> None:
    pred, target = (to_codes(picture, 8) for picture in noise_pair((40, 44), 2))
    kernel = np.array([[1, 0, -1]] * 3) / 3

    def gradient(picture: np.ndarray) -> np.ndarray:
        # 2x2 means at every second pixel, then Prewitt filters with zeros beyond the border
        small = picture.astype(np.float64)
        small = (small[0::2, 0::2] + small[1::2, 0::2] + small[0::2, 1::2] + small[1::2, 1::2]) / 4
        padded = np.pad(small, 1)
        height, width = small.shape
        parts = [
            sum(k[r, c] * padded[r : r + height, c : c + width] for r in range(3) for c in range(3))
            for k in (kernel, kernel.T)
        ]
        return np.hypot(*parts)

    one, other = gradient(pred), gradient(target)
    similarity = (2 * one * other + 170) / (one**2 + other**2 + 170)
    assert score(pred, target, ["gmsd"])["gmsd"] == pytest.approx(similarity.std(ddof=1), rel=1e-4)


def test_prediction_and_target_are_not_swapped() -> None:
    import pyiqa
    import torch

    pred, target = noise_pair((64, 64, 3), 3)
    batches = [torch.from_numpy(p.astype(np.float32)).permute(2, 0, 1)[None] for p in (pred, target)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        vif = pyiqa.create_metric("vif", device="cpu")
        expected, swapped = float(vif(*batches)), float(vif(*batches[::-1]))
    found = score(pred, target, ["vif"])["vif"]
    assert found == pytest.approx(expected, rel=1e-6)
    assert abs(found - swapped) > 1e-3


def test_grey_is_repeated_and_overshoot_clipped() -> None:
    pred, target = noise_pair((48, 48), 4)
    found = score(pred, target, ["gmsd", "nlpd", "vif"])
    for same in ((pred[..., None], target[..., None]), tuple(np.repeat(p[..., None], 3, 2) for p in (pred, target))):
        assert score(*same, ["gmsd", "nlpd", "vif"]) == pytest.approx(found, rel=1e-5)
    wide = pred * 1.5 - 0.25
    assert score(wide, target, ["gmsd"], clip=False) == score(wide, target, ["gmsd"])


@pytest.mark.parametrize("metric_id", ["vif", "cw-ssim", "ms-ssim"])
def test_too_small_is_undefined_and_just_enough_is_not(metric_id: str) -> None:
    smallest = SMALLEST_PX[metric_id]
    for shape, status in (((smallest - 1, 170), "undefined"), ((170, smallest), "ok")):
        found = measure(*noise_pair(shape, 5), [metric_id, "mae"], {"all": None})
        assert [line.status for line in found] == [status, "ok"]


def test_undefined_on_regions_and_odd_channel_counts() -> None:
    pair = noise_pair((48, 48, 3), 6)
    found = measure(*pair, ["gmsd"], {"all": None, "half": np.arange(48 * 48).reshape(48, 48) % 2 == 0})
    assert [line.status for line in found] == ["ok", "undefined"]
    assert math.isnan(score(*noise_pair((48, 48, 2), 6), ["gmsd"])["gmsd"])


@pytest.mark.usefixtures("_made_up_weights")
@pytest.mark.parametrize("metric_id", WITH_WEIGHTS)
def test_metrics_with_weights_are_wired(metric_id: str) -> None:
    smallest = SMALLEST_PX[metric_id]
    pred, target = noise_pair((smallest, 100, 3), 7)
    value = score(pred, target, [metric_id])[metric_id]
    assert math.isfinite(value)
    assert math.isnan(score(pred[1:], target[1:], [metric_id])[metric_id])
    if METRICS[metric_id].spec.needs_target:
        assert score(target, target, [metric_id])[metric_id] == pytest.approx(0.0, abs=1e-6)
        assert value != 0.0
    else:
        assert score(pred, np.zeros_like(target), [metric_id])[metric_id] == value


@pytest.mark.usefixtures("_unbuilt")
@pytest.mark.parametrize("metric_id", WITH_WEIGHTS)
def test_missing_weights_are_named(
    metric_id: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    monkeypatch.setattr("pyiqa.utils.download_util.DEFAULT_CACHE_DIR", str(tmp_path / "pyiqa"))
    with pytest.raises(MissingPrerequisiteError, match=f"pyiqa cannot build '{metric_id}' with the weights") as caught:
        score(*noise_pair((100, 100, 3), 8), [metric_id, "mae"])
    model = {"lpips-alex": "alexnet", "lpips-squeeze": "squeezenet", "dists": "vgg16", "niqe": "niqe_model"}[metric_id]
    assert model in caught.value.message
    assert "URLError" in caught.value.message
    assert str(tmp_path) in caught.value.hint
    assert caught.value.exit_code == 3
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("_unbuilt")
@pytest.mark.parametrize("metric_id", ["gmsd", "lpips-alex"])
def test_a_missing_extra_is_named(metric_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    with pytest.raises(MissingPrerequisiteError, match="computed by pyiqa, which cannot be imported") as caught:
        score(*noise_pair((48, 48, 3), 9), [metric_id])
    assert caught.value.hint == "pip install 'ldpbench[perceptual]'"
    assert score(*noise_pair((48, 48, 3), 9), ["psnr", "ssim"])["psnr"] > 0


@pytest.mark.usefixtures("_unbuilt")
def test_an_incompatible_pyiqa_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise AttributeError("no such metric")

    monkeypatch.setattr("pyiqa.create_metric", broken)
    with pytest.raises(MissingPrerequisiteError, match="cannot build 'gmsd': AttributeError: no such metric") as caught:
        score(*noise_pair((48, 48, 3), 10), ["gmsd"])
    assert "install the extra again" in caught.value.hint


@pytest.mark.usefixtures("_unbuilt")
def test_building_draws_no_random_numbers_of_ours() -> None:
    import torch

    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    score(*noise_pair((48, 48, 3), 11), ["nlpd"])
    assert torch.equal(torch.rand(1), expected)
