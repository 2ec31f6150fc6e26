import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.core.errors import UsageError
from ldpbench.results.statistics.bootstrap import interval, resampled_means
from ldpbench.results.statistics.comparison import compare
from ldpbench.results.statistics.significance import holm, paired_p

INF = math.inf


def pair_of(found, first, second):
    (pair,) = [pair for pair in found.pairs if {pair.first, pair.second} == {first, second}]
    return pair


def scenes(n=76, seed=0):
    return np.random.default_rng(seed).normal(27, 3, n)


def noisy(values, shift, seed, scale=0.4):
    return (values + shift + np.random.default_rng(seed).normal(0, scale, len(values))).tolist()


def test_means_intervals_and_p_are_those_of_the_bootstrap():
    base = scenes()
    values = {"weak": noisy(base, 0.0, 1), "strong": noisy(base, 0.3, 2)}
    found = compare(values, higher_is_better=True, resamples=3000, seed=5)
    assert found.names == ("strong", "weak")
    means = resampled_means(np.array([values["strong"], values["weak"]]), resamples=3000, seed=5)
    for method, row in zip(found.methods, means, strict=True):
        assert method.mean == pytest.approx(np.mean(values[method.name]))
        assert method.interval == interval(row)
    (pair,) = found.pairs
    assert pair.difference == pytest.approx(np.mean(values["strong"]) - np.mean(values["weak"]))
    assert pair.interval == interval(means[0] - means[1])
    per_image = np.subtract(values["strong"], values["weak"])[None]
    assert pair.p == pair.p_adjusted == pytest.approx(paired_p(per_image, (means[0] - means[1])[None])[0])
    assert (pair.wins, pair.losses, pair.draws) == (
        sum(a > b for a, b in zip(values["strong"], values["weak"], strict=True)),
        sum(a < b for a, b in zip(values["strong"], values["weak"], strict=True)),
        0,
    )
    assert not pair.tied


def test_lower_is_better_turns_the_order_and_the_wins_but_not_the_difference():
    values = {"a": [0.1] * 8 + [0.4], "b": [0.2] * 8 + [0.3]}
    found = compare(values, higher_is_better=False)
    (pair,) = found.pairs
    assert (pair.first, pair.wins, pair.losses) == ("a", 8, 1)
    assert pair.difference == pytest.approx(np.mean(values["a"]) - np.mean(values["b"])) == pytest.approx(-0.7 / 9)
    turned = compare({name: [-v for v in row] for name, row in values.items()}, higher_is_better=True).pairs[0]
    assert (turned.p, turned.wins, turned.losses) == (pair.p, pair.wins, pair.losses)
    assert turned.interval.low == pytest.approx(-pair.interval.high)


def test_equal_methods_are_tied_with_a_difference_of_exactly_0():
    base = scenes(61).tolist()
    found = compare({f"m{k}": base for k in range(7)}, higher_is_better=True)
    for pair in found.pairs:
        assert (pair.difference, pair.interval.low, pair.interval.high, pair.p, pair.tied) == (0, 0, 0, 1, True)
        assert pair.draws == 61
    assert found.groups == (tuple(values for values in found.names),)


def test_close_methods_are_tied_and_far_ones_are_not():
    base = scenes()
    values = {"best": noisy(base, 2, 1), "close": noisy(base, 1.98, 2), "far": noisy(base, 0, 3)}
    found = compare(values, higher_is_better=True)
    assert found.ties == {found.names[0]: (found.names[1],), found.names[1]: (found.names[0],), "far": ()}
    assert found.groups == (found.names[:2], ("far",))
    assert found.tied_with("far") == ()
    with pytest.raises(UsageError, match="no compared method is called 'fra'"):
        found.tied_with("fra")


def test_ties_are_not_transitive_and_groups_count_who_is_beaten():
    noise = np.random.default_rng(6).normal(0, 0.35, (3, 76))
    noise -= noise.mean(axis=1, keepdims=True)
    ladder = {name: (row + step).tolist() for name, row, step in zip("abc", noise, (0.18, 0.09, 0.0), strict=True)}
    found = compare(ladder, higher_is_better=True)
    assert found.ties == {"a": ("b",), "b": ("a", "c"), "c": ("b",)}
    assert found.groups == (("a", "b"), ("c",))


def test_forty_methods_that_are_far_apart_are_told_apart_all_780_pairs():
    """The least p that 10 000 resamples can count, times 780, is 0.16: counting alone would call them all tied."""
    base = scenes()
    values = {f"m{k:02d}": noisy(base, k, k, 0.2) for k in range(40)}
    found = compare(values, higher_is_better=True)
    assert len(found.pairs) == 780
    assert not any(pair.tied for pair in found.pairs)
    assert len(found.groups) == 40
    assert [pair.p_adjusted for pair in found.pairs] == holm([pair.p for pair in found.pairs])


def test_more_methods_do_not_change_an_interval_or_a_p():
    base = scenes()
    values = {f"m{k}": noisy(base, 0, k) for k in range(30)}
    few = compare({name: values[name] for name in ("m1", "m2")}, higher_is_better=True, resamples=500)
    many = compare(values, higher_is_better=True, resamples=500)
    for method in few.methods:
        (same,) = [other for other in many.methods if other.name == method.name]
        assert same.interval.low == pytest.approx(method.interval.low, abs=1e-12)
        assert same.interval.high == pytest.approx(method.interval.high, abs=1e-12)
    assert pair_of(many, "m1", "m2").p == pytest.approx(few.pairs[0].p)


@pytest.mark.parametrize("n_images", [1, 2, 3])
def test_next_to_no_images_tell_nothing_apart(n_images):
    (pair,) = compare({"a": [30.0] * n_images, "b": [20.0] * n_images}, higher_is_better=True).pairs
    assert (pair.tied, pair.wins) == (True, n_images)


def test_six_images_may():
    (pair,) = compare({"a": [30.0] * 6, "b": [20.0] * 6}, higher_is_better=True).pairs
    assert not pair.tied


def test_one_image_has_no_interval():
    found = compare({"a": [30.0], "b": [20.0]}, higher_is_better=True)
    assert [method.interval for method in found.methods] == [None, None]
    assert (found.pairs[0].interval, found.pairs[0].difference, found.pairs[0].p) == (None, 10, 1)


def test_an_infinite_value_makes_the_mean_infinite_without_an_interval_but_its_image_is_won():
    base = scenes(10).tolist()
    found = compare({"plain": base, "once": [INF, *base[1:]], "other": noisy(scenes(10), -3, 4)}, higher_is_better=True)
    assert found.names == ("once", "plain", "other")
    once = found.methods[0]
    assert (once.mean, once.interval, once.n_missing) == (INF, None, 0)
    pair = pair_of(found, "once", "plain")
    assert (pair.difference, pair.interval, pair.p, pair.p_adjusted, pair.tied) == (INF, None, None, None, False)
    assert (pair.wins, pair.losses, pair.draws) == (1, 0, 9)
    alone = compare({"plain": base, "other": noisy(scenes(10), -3, 4)}, higher_is_better=True)
    assert pair_of(found, "plain", "other") == alone.pairs[0]


def test_infinities_on_the_same_image_are_a_draw():
    base = scenes(30).tolist()
    values = {"a": [INF, *base], "b": [INF, *noisy(scenes(30), -1, 1)]}
    (pair,) = compare(values, higher_is_better=True).pairs
    assert pair.draws == 1
    assert pair.difference == pytest.approx((np.sum(values["a"][1:]) - np.sum(values["b"][1:])) / 31)
    assert not pair.tied
    (pair,) = compare({"a": [INF] * 9, "b": [INF] * 9}, higher_is_better=True).pairs
    assert (pair.difference, pair.p, pair.tied, pair.draws) == (0, 1, True, 9)


def test_infinities_on_different_images_have_no_difference():
    (pair,) = compare({"a": [INF, 1.0, 2.0], "b": [3.0, INF, 2.0]}, higher_is_better=True).pairs
    assert (pair.difference, pair.interval, pair.p, pair.tied) == (None, None, None, False)
    assert (pair.wins, pair.losses, pair.draws) == (1, 1, 1)


@pytest.mark.parametrize("missing", [None, math.nan])
def test_a_missing_image_takes_the_mean_and_leaves_the_others_alone(missing):
    base = scenes(20).tolist()
    values = {"a": base, "b": noisy(scenes(20), 1, 1), "gap": [missing, *base[1:]]}
    found = compare(values, higher_is_better=True)
    assert found.names == ("b", "a", "gap")
    assert (found.methods[2].mean, found.methods[2].interval, found.methods[2].n_missing) == (None, None, 1)
    gap = pair_of(found, "a", "gap")
    assert (gap.difference, gap.interval, gap.p, gap.tied) == (None, None, None, False)
    assert (gap.wins, gap.losses, gap.draws) == (0, 0, 19)
    without = compare({"a": values["a"], "b": values["b"]}, higher_is_better=True)
    assert pair_of(found, "a", "b") == without.pairs[0]
    assert found.groups == without.groups
    assert found.ties["gap"] == ()


def test_no_methods_one_method_and_no_images():
    assert compare({}, higher_is_better=True).groups == ()
    one = compare({"a": [1.0, 2.0, 3.0]}, higher_is_better=True)
    assert (one.pairs, one.groups, one.ties) == ((), (("a",),), {"a": ()})
    empty = compare({"a": [], "b": []}, higher_is_better=True)
    assert [method.mean for method in empty.methods] == [None, None]
    assert empty.pairs[0].p is None


def test_methods_with_different_numbers_of_images_are_refused():
    with pytest.raises(UsageError, match="one value per image"):
        compare({"a": [1.0, 2.0], "b": [1.0]}, higher_is_better=True)


@pytest.mark.parametrize("options", [{"level": 1.0}, {"level": 95}, {"resamples": 0}, {"seed": -1}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(UsageError, match="expected"):
        compare({"a": [1.0, 2.0], "b": [1.0, 3.0]}, higher_is_better=True, **options)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 5), st.integers(2, 12), st.integers(0, 999), st.booleans())
def test_what_holds_for_every_comparison(n_methods, n_images, seed, higher):
    random = np.random.default_rng(seed)
    rows = random.integers(20, 24, (n_methods, n_images)).astype(float)
    rows[random.random(rows.shape) < 0.05] = INF if higher else 19.0
    values = {f"m{k}": row.tolist() for k, row in enumerate(rows)}
    found = compare(values, higher_is_better=higher, resamples=200)
    assert len(found.pairs) == math.comb(n_methods, 2)
    assert sorted(name for group in found.groups for name in group) == sorted(values)
    for first, second in itertools.combinations(found.methods, 2):
        assert first.mean >= second.mean if higher else first.mean <= second.mean
    for pair in found.pairs:
        assert pair.wins + pair.losses + pair.draws == n_images
        assert (pair.second in found.tied_with(pair.first)) == (pair.first in found.tied_with(pair.second)) == pair.tied
        if pair.p is not None:
            assert 0 < pair.p <= pair.p_adjusted <= 1
            assert pair.interval.low - 1e-9 <= pair.difference <= pair.interval.high + 1e-9 or n_images < 4
    again = compare(dict(reversed(values.items())), higher_is_better=higher, resamples=200)
    for pair in found.pairs:
        other = pair_of(again, pair.first, pair.second)
        assert (pair.p, pair.p_adjusted, pair.tied) == pytest.approx((other.p, other.p_adjusted, other.tied))
