import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from site_fakes import MAE, PSNR, SSIM

from ldpbench.results.views import Aggregate
from ldpbench.site.numbers import (
    aggregate_cell,
    bytes_text,
    count_cell,
    fixed,
    labelled_aggregate,
    labelled_score,
    metric_column,
    printed_decimals,
    score_cell,
    seconds_cell,
    three_digits,
)


def summary(mean: float | None, **changes: object) -> Aggregate:
    fields = {"mean": mean, "finite_mean": mean, "n_images": 3, "n_identical": 0, "n_failed": 0, **changes}
    return Aggregate(**fields)


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(31.005, 2, "31.00"), (31.0051, 2, "31.01"), (-0.001, 2, "0.00"), (-1.5, 1, "−1.5"), (0.0, 3, "0.000")],
)
def test_fixed_digits_a_true_minus_and_no_negative_zero(value: float, decimals: int, text: str) -> None:
    assert fixed(value, decimals) == text


def test_scores_use_the_digits_of_their_metric() -> None:
    assert score_cell(27.4567, PSNR).text == "27.46"
    assert score_cell(0.98765, SSIM).text == "0.9877"
    assert score_cell(27.4567, PSNR).sort == "27.4567"


def test_an_identical_image_is_infinite_and_says_so() -> None:
    cell = score_cell(math.inf, PSNR)
    assert (cell.text, cell.sort) == ("∞ (identical)", "inf")
    assert labelled_score(math.inf, PSNR) == "PSNR ∞ (identical)"


@pytest.mark.parametrize("value", [None, math.nan])
def test_no_value_is_a_dash_with_a_reason(value: float | None) -> None:
    cell = score_cell(value, PSNR, "the method failed")
    assert (cell.text, cell.title, cell.mark, cell.sort) == ("—", "the method failed", "missing", None)
    assert score_cell(value, PSNR).title == "not defined for this image"


def test_an_aggregate_is_a_mean() -> None:
    assert aggregate_cell(summary(31.234), PSNR).text == "31.23"
    assert labelled_aggregate(summary(31.234), PSNR) == "PSNR 31.23 dB"
    assert labelled_aggregate(summary(0.5), MAE) == "MAE 0.5000"


def test_a_set_that_is_identical_throughout() -> None:
    cell = aggregate_cell(summary(math.inf, finite_mean=None, n_identical=3), PSNR)
    assert (cell.text, cell.note) == ("∞ (identical)", None)


def test_a_set_that_is_identical_in_part_still_shows_the_others() -> None:
    cell = aggregate_cell(summary(math.inf, finite_mean=31.236, n_identical=1), PSNR)
    assert (cell.text, cell.note) == ("∞", "1 of 3 identical, others 31.24")
    assert labelled_aggregate(summary(math.inf, finite_mean=31.236, n_identical=1), PSNR) == "PSNR ∞"


def test_a_missing_mean_says_what_failed() -> None:
    assert aggregate_cell(summary(None, n_failed=2), PSNR).title == "no mean: 2 of 3 images failed"
    assert aggregate_cell(summary(None), PSNR).title == "no mean: not defined for every image"
    assert aggregate_cell(None, PSNR).title == "not measured in this run"
    assert labelled_aggregate(None, PSNR) == "PSNR —"


def test_columns_carry_unit_and_direction() -> None:
    assert (metric_column(PSNR).unit, metric_column(PSNR).better) == ("dB", "higher")
    assert (metric_column(MAE).unit, metric_column(MAE).better) == ("", "lower")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1e-7, "<0.0001"),
        (0.00204, "0.0020"),
        (0.123456, "0.123"),
        (9.876, "9.88"),
        (98.76, "98.8"),
        (1234.5, "1,234"),
        (61.0, "61.0"),
    ],
)
def test_three_digits(value: float, text: str) -> None:
    assert three_digits(value) == text


def test_counts_and_sizes() -> None:
    assert [count_cell(count).text for count in (0, 950, 12_300, 7_234_567, 2_000_000_000)] == [
        "0",
        "950",
        "12.3 k",
        "7.23 M",
        "2.00 G",
    ]
    assert count_cell(7_234_567).title == "7,234,567"
    assert count_cell(None).text == "—"
    assert seconds_cell(None).text == "—"
    assert (bytes_text(8 << 30), bytes_text(512 << 20)) == ("8.0 GiB", "512.0 MiB")


def test_printed_columns_get_their_trailing_zeros_back() -> None:
    assert printed_decimals([25.5, 25.77, 21.0]) == 2
    assert printed_decimals([30.0, 1.0]) == 0
    assert printed_decimals([0.00001]) == 5
    assert printed_decimals([]) == 0


@settings(max_examples=50, deadline=None)
@given(st.floats(min_value=-1e6, max_value=1e6), st.integers(min_value=0, max_value=6))
def test_fixed_stays_within_half_a_digit(value: float, decimals: int) -> None:
    assert float(fixed(value, decimals).replace("−", "-")) == pytest.approx(value, abs=0.5000001 * 10**-decimals)
