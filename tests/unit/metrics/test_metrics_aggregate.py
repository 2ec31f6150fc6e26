"""Figures over a set of images."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.core.errors import UsageError
from ldpbench.metrics.aggregate import (
    SET_METRICS,
    Scored,
    Summary,
    mean,
    mse_rel,
    psnr_pooled,
    rmse_mean,
    rmse_pooled,
    summarise,
    summarise_groups,
)
from ldpbench.metrics.catalogue import METRICS

OK: list[Scored] = [(30.0, "ok"), (20.0, "ok")]


def test_two_images_by_hand() -> None:
    mses = [1e-2, 1e-4]
    assert psnr_pooled(mses) == pytest.approx(22.967086, abs=1e-6)
    assert mean([20.0, 40.0]) == 30.0
    assert mse_rel([20.0, 40.0]) == pytest.approx(10**-1.5, rel=1e-12)
    assert rmse_mean([0.1, 0.01]) == pytest.approx(0.055)
    assert rmse_pooled(mses) == pytest.approx(math.sqrt(0.00505))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(1e-8, 1.0), min_size=1, max_size=20))
def test_the_readings_of_mse_rel_are_ordered(mses: list[float]) -> None:
    psnrs = [-10 * math.log10(value) for value in mses]
    readings = [mse_rel(psnrs), rmse_mean([math.sqrt(value) for value in mses]), rmse_pooled(mses)]
    for smaller, larger in itertools.pairwise(readings):
        assert smaller <= larger * (1 + 1e-12)
    assert rmse_pooled(mses) == pytest.approx(10 ** (-psnr_pooled(mses) / 20), rel=1e-9)


def test_an_identical_image_stays_visible() -> None:
    scores: list[Scored] = [*OK, (None, "identical")]
    assert summarise(scores) == Summary(math.inf, 25.0, 3, 1, 0, 0)
    rel = summarise(scores, mse_rel)
    assert rel.mean == 0.0
    assert rel.finite_mean == pytest.approx(10**-1.25)
    assert summarise([(None, "identical")]) == Summary(math.inf, None, 1, 1, 0, 0)
    assert psnr_pooled([0.0, 0.0]) == math.inf


def test_failed_and_undefined_images_are_never_left_out() -> None:
    assert summarise([*OK, (None, "failed")]) == Summary(None, 25.0, 3, 0, 0, 1)
    assert summarise([*OK, (None, "undefined")]) == Summary(None, 25.0, 3, 0, 1, 0)
    assert summarise([(None, "identical"), (None, "failed")], mse_rel) == Summary(None, None, 2, 1, 0, 1)


def test_no_images_give_no_figure() -> None:
    assert summarise([]) == Summary(None, None, 0, 0, 0, 0)
    assert math.isnan(mean([]))


def test_the_average_is_over_images_not_over_groups() -> None:
    scores: list[Scored] = [(10.0, "ok"), (20.0, "ok"), (40.0, "ok")]
    found = summarise_groups(scores, ["indoor", "indoor", "outdoor"])
    assert {group: summary.mean for group, summary in found.items()} == {
        "all": pytest.approx(70 / 3),
        "indoor": 15.0,
        "outdoor": 40.0,
    }
    broken = summarise_groups([(None, "failed"), *scores[1:]], ["indoor", "indoor", "outdoor"])
    assert (broken["all"].mean, broken["indoor"].mean, broken["outdoor"].mean) == (None, None, 40.0)


def test_wrong_groups_are_errors() -> None:
    with pytest.raises(UsageError, match="2 scores but 1 groups"):
        summarise_groups(OK, ["indoor"])
    with pytest.raises(UsageError, match="no group may be called 'all'"):
        summarise_groups(OK, ["all", "indoor"])


def test_the_published_table_follows_from_its_psnr() -> None:
    printed = {26.66: 0.046, 26.91: 0.045, 27.05: 0.044, 25.99: 0.050, 25.13: 0.055, 38.13: 0.012}
    for psnr, rel in printed.items():
        assert math.floor(mse_rel([psnr]) * 1e3) / 1e3 <= rel <= math.ceil(mse_rel([psnr]) * 1e3) / 1e3


def test_set_metrics_are_computed_from_metrics_of_one_image() -> None:
    assert set(SET_METRICS) == {"mse-rel", "rmse-mean", "rmse-pooled", "psnr-pooled"}
    assert not SET_METRICS.keys() & METRICS.keys()
    for metric_id, metric in SET_METRICS.items():
        assert metric.spec.id == metric_id
        assert metric.source in METRICS
    for metric in SET_METRICS.values():
        one = {"psnr": 20.0, "mse": 0.01, "rmse": 0.1}[metric.source]
        expected = 20.0 if metric.spec.unit == "dB" else 0.1
        assert metric.compute(np.full(5, one)) == pytest.approx(expected)
