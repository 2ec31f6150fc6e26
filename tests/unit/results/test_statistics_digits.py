import math
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.results.statistics.bootstrap import Interval
from ldpbench.results.statistics.digits import (
    bounds,
    difference_text,
    mean_text,
    p_text,
    plus_minus,
    supported_decimals,
    with_bounds,
)


def around(mean, half):
    return Interval(mean - half, mean + half)


@pytest.mark.parametrize(
    ("half", "most", "decimals"),
    [
        (0.31, 4, 1),
        (0.031, 4, 2),
        (0.1, 4, 1),
        (0.001, 4, 3),
        (0.0999, 4, 2),
        (3.1, 4, 0),
        (250.0, 4, 0),
        (1e-9, 4, 4),
        (0.031, 1, 1),
        (0.0, 3, 3),
        (None, 2, 2),
    ],
)
def test_digits_that_a_half_width_supports(half, most, decimals):
    assert supported_decimals(half, most) == decimals


def test_the_three_ways_to_print_a_mean():
    mean = 26.9134
    assert mean_text(mean, around(mean, 0.31), 4) == "26.9"
    assert mean_text(mean, around(mean, 0.031), 4) == "26.91"
    assert mean_text(mean, None, 3) == "26.913"
    assert plus_minus(mean, around(mean, 0.31), 4) == "26.9 ± 0.3"
    assert with_bounds(mean, Interval(26.61, 27.24), 4) == "26.9 [26.6, 27.2]"
    assert bounds(Interval(-0.04, 0.58), 4) == "[0.0, 0.6]"


def test_differences_have_a_sign_and_may_have_a_digit_to_spare():
    wide = Interval(0.37, 3.02)
    assert difference_text(1.848, wide, 2) == "+2"
    assert (difference_text(1.848, wide, 2, spare=1), bounds(wide, 2, spare=1)) == ("+1.8", "[0.4, 3.0]")
    assert difference_text(-0.04567, Interval(-0.05, -0.04), 2, spare=1) == "-0.05"
    assert difference_text(-0.0001, None, 2) == "+0.00"
    assert [difference_text(value, None, 2) for value in (math.inf, -math.inf, None)] == ["+∞", "-∞", "—"]


def test_small_p_are_not_printed_as_0():
    assert [p_text(p) for p in (None, 1.0, 0.0424, 0.001, 0.00099, 1e-300)] == [
        "—",
        "1.000",
        "0.042",
        "0.001",
        "<0.001",
        "<0.001",
    ]


def test_what_is_not_a_finite_mean_is_said():
    for show in (mean_text, plus_minus, with_bounds):
        assert show(None, None, 2) == show(math.nan, None, 2) == "—"
        assert show(math.inf, None, 2) == "∞ (identical)"
        assert show(12.0, None, 2) == "12.00"
    assert bounds(None, 2) == "—"


def test_an_interval_below_the_last_decimal_is_not_shown_as_certainty():
    assert plus_minus(0.93, around(0.93, 0.0004), 2) == "0.93 ± <0.01"
    assert plus_minus(0.93, Interval(0.93, 0.93), 2) == "0.93 ± 0.00"


@settings(max_examples=100, deadline=None)
@given(st.floats(-1e4, 1e4), st.floats(1e-7, 1e3), st.integers(0, 8))
def test_no_digit_more_than_supported_and_none_less(mean, half, most):
    interval = around(mean, half)
    text = mean_text(mean, interval, most)
    decimals = len(text.partition(".")[2])
    unit = Decimal(10) ** -decimals
    assert decimals <= most
    assert decimals == 0 or Decimal(repr(interval.half_width)) < 10 * unit
    assert decimals == most or unit <= Decimal(repr(interval.half_width))
    assert abs(float(text) - mean) <= 0.5000001 * float(unit)
    assert not text.startswith("-0") or float(text) != 0
    assert plus_minus(mean, interval, most).startswith(text)
    assert with_bounds(mean, interval, most).startswith(text)
