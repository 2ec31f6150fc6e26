import math

import pytest

from ldpbench.core.errors import UsageError
from ldpbench.results.statistics.pairing import paired
from ldpbench.results.views import SampleScores


def scores(method, values, metric="psnr"):
    return [
        SampleScores(
            run_id=f"run-{method}",
            method_id=method,
            sample_id=sample,
            group=None,
            values={metric: value},
            seconds=None,
            failure=None if value is not None else "failed",
        )
        for sample, value in values.items()
    ]


def test_only_images_that_all_have_are_paired_whatever_their_order():
    rows = [*scores("a", {"s3": 3.0, "s1": 1.0, "s2": 2.0}), *scores("b", {"s2": 20.0, "s1": None, "s3": math.inf})]
    found = paired(rows, "psnr")
    assert found.images == ("s2", "s3")
    assert found.values == {"a": [2.0, 3.0], "b": [20.0, math.inf]}
    assert (found.left_out, found.lacking) == (("s1",), {"b": 1})


def test_an_image_that_was_never_tried_is_lacking_as_one_that_failed_is():
    found = paired([*scores("a", {"s1": 1.0, "s2": 2.0}), *scores("b", {"s2": 5.0})], "psnr")
    assert (found.images, found.left_out, found.lacking) == (("s2",), ("s1",), {"b": 1})


def test_methods_that_are_not_chosen_take_no_image_away():
    rows = [*scores("a", {"s1": 1.0}), *scores("b", {"s1": 2.0}), *scores("gap", {"s1": None})]
    found = paired(rows, "psnr", ["b", "a"])
    assert found.values == {"b": [2.0], "a": [1.0]}
    assert paired(rows, "psnr").images == ()


def test_a_metric_without_numbers_pairs_nothing():
    found = paired(scores("a", {"s1": 1.0}), "ssim")
    assert (found.images, found.values, found.lacking) == ((), {"a": []}, {"a": 1})


def test_a_method_without_scores_is_named_with_those_that_have_some():
    with pytest.raises(UsageError, match="'nafnett'") as caught:
        paired(scores("nafnet", {"s1": 1.0}), "psnr", ["nafnett"])
    assert "did you mean 'nafnet'" in caught.value.hint
