"""The Pareto front, against cases done by hand and against its definition."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.results.frontier import Offer, pareto_front

SIX = [
    Offer("cheap", 1.0, 20.0),
    Offer("dominated", 2.0, 19.0),
    Offer("middle", 3.0, 25.0),
    Offer("same quality, dearer", 4.0, 25.0),
    Offer("best", 10.0, 30.0),
    Offer("dearest", 20.0, 29.0),
]


def test_by_hand_where_higher_is_better():
    assert pareto_front(SIX, higher_is_better=True) == ("cheap", "middle", "best")


def test_by_hand_where_lower_is_better():
    assert pareto_front(SIX, higher_is_better=False) == ("cheap", "dominated")


def test_equal_offers_are_both_on_it_or_both_off():
    twins = [Offer("a", 1.0, 20.0), Offer("b", 1.0, 20.0), Offer("c", 2.0, 19.0), Offer("d", 2.0, 19.0)]
    assert pareto_front(twins, higher_is_better=True) == ("a", "b")


def test_of_equal_cost_only_the_better_and_of_equal_value_only_the_cheaper():
    assert pareto_front([Offer("a", 1.0, 20.0), Offer("b", 1.0, 21.0)], higher_is_better=True) == ("b",)
    assert pareto_front([Offer("a", 2.0, 20.0), Offer("b", 1.0, 20.0)], higher_is_better=True) == ("b",)


@pytest.mark.parametrize("broken", [None, math.inf, -math.inf, math.nan])
def test_what_is_missing_or_infinite_is_never_on_it_and_takes_nobody_off(broken):
    offers = [Offer("no cost", broken, 99.0), Offer("no value", 0.1, broken), Offer("plain", 1.0, 20.0)]
    for higher in (True, False):
        assert pareto_front(offers, higher_is_better=higher) == ("plain",)


def test_nothing_and_one():
    assert pareto_front([], higher_is_better=True) == ()
    assert pareto_front([Offer("only", 0.0, -3.0)], higher_is_better=True) == ("only",)


_LEVELS = st.one_of(st.none(), st.sampled_from([0.0, 1.0, 2.0, 3.0, math.inf]))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(_LEVELS, _LEVELS), max_size=9), st.booleans())
def test_it_is_what_the_definition_says(pairs, higher):
    offers = [Offer(str(place), *pair) for place, pair in enumerate(pairs)]
    known = [o for o in offers if None not in o and math.isfinite(o.cost) and math.isfinite(o.value)]

    def dominates(a, b):
        better = a.value >= b.value if higher else a.value <= b.value
        return a.cost <= b.cost and better and (a.cost, a.value) != (b.cost, b.value)

    front = pareto_front(offers, higher_is_better=higher)
    assert sorted(front) == sorted(b.name for b in known if not any(dominates(a, b) for a in known))
    costs = [offers[int(name)].cost for name in front]
    assert costs == sorted(costs)
