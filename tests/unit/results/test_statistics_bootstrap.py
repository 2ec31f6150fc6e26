import itertools
import tracemalloc

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.core.errors import UsageError
from ldpbench.results.statistics import bootstrap
from ldpbench.results.statistics.bootstrap import Interval, interval, resampled_means

RAW_BITS_OF_PCG64_SEEDED_7 = (
    11530976094092348043,
    16550673365885938325,
    14308875409591826786,
    4154339397315733314,
    5537090637313560901,
    16114216841932056372,
)


def all_resamples(values):
    """The bootstrap distribution of the mean itself: every way to draw as many images as there are."""
    return np.array([np.mean(draw) for draw in itertools.product(values, repeat=len(values))])


def test_the_draws_of_a_seed_are_the_same_everywhere():
    """Two resamples of three images from six raw numbers, written down here so that no library can change them."""
    drawn = [number % 3 for number in RAW_BITS_OF_PCG64_SEEDED_7]
    counts = [np.bincount(drawn[start : start + 3], minlength=3) for start in (0, 3)]
    assert np.array_equal(np.round(resampled_means(np.eye(3), resamples=2, seed=7) * 3), np.array(counts).T)


def test_every_method_is_averaged_over_the_same_draws():
    values = np.random.default_rng(0).normal(size=(1, 9))
    first, shifted, doubled = resampled_means(np.concatenate([values, values + 5, 2 * values]), resamples=50)
    np.testing.assert_allclose(shifted, first + 5, atol=1e-12)
    np.testing.assert_allclose(doubled, 2 * first, atol=1e-12)


def test_blocks_bound_the_memory_and_change_no_draw(monkeypatch):
    values = np.random.default_rng(1).normal(size=(3, 11))
    whole = resampled_means(values, resamples=101, seed=4)
    monkeypatch.setattr(bootstrap, "_BLOCK", 30)
    np.testing.assert_allclose(resampled_means(values, resamples=101, seed=4), whole, atol=1e-13)


def test_memory_stays_bounded_for_many_images():
    values = np.random.default_rng(0).normal(size=(2, 20_000))
    tracemalloc.start()
    resampled_means(values, resamples=300)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150e6  # 300 x 20 000 counts and draws at once would be 192 MB and more


def test_counts_have_the_moments_of_a_multinomial():
    n = 6
    counts = n * resampled_means(np.eye(n), resamples=40_000, seed=3)
    np.testing.assert_allclose(counts.sum(axis=0), n, atol=1e-12)
    np.testing.assert_allclose(counts.mean(axis=1), 1, atol=0.02)
    covariance = np.cov(counts)
    np.testing.assert_allclose(covariance, np.eye(n) - 1 / n, atol=0.03)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_the_interval_of_few_images_is_that_of_all_their_resamples(level):
    values = np.array([20.0, 23.5, 24.0, 29.0, 31.25])
    exact = np.quantile(all_resamples(values), [(1 - level) / 2, (1 + level) / 2])
    found = interval(resampled_means(values[None], resamples=200_000)[0], level)
    assert (found.low, found.high) == pytest.approx(exact, abs=0.06)


def test_the_interval_of_a_paired_difference_is_scipys():
    random = np.random.default_rng(11)
    scenes = random.normal(27, 3, 76)
    first, second = scenes + random.normal(0.2, 0.5, 76), scenes + random.gamma(1.0, 0.4, 76)
    peer = scipy.stats.bootstrap(
        (first, second),
        lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis),
        paired=True,
        method="percentile",
        n_resamples=40_000,
        rng=np.random.default_rng(5),
    ).confidence_interval
    means = resampled_means(np.stack([first, second]), resamples=40_000)
    found = interval(means[0] - means[1])
    assert (found.low, found.high) == pytest.approx((peer.low, peer.high), abs=0.004)
    # Unpaired, the scenes' own spread would drown the difference.
    assert found.half_width < 0.25 * interval(means[0]).half_width


def test_intervals_of_95_percent_cover_the_mean_of_76_skewed_images_about_as_often():
    random = np.random.default_rng(2)
    sets = random.gamma(4.0, 1.5, (400, 76)) + 20
    low, high = bootstrap.intervals(resampled_means(sets, resamples=1000)).T
    covered = np.mean((low <= 26) & (high >= 26))
    # 400 sets: standard error 1.1 %; percentile intervals of 76 skewed values are a little short.
    assert 0.91 < covered < 0.98


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12), st.floats(0.01, 0.98), st.integers(0, 2**32))
def test_an_interval_lies_within_the_values_and_grows_with_the_level(values, level, seed):
    means = resampled_means(np.array([values]), resamples=60, seed=seed)[0]
    narrow, wide = interval(means, level), interval(means, level + 0.01)
    slack = 1e-9 * max(1.0, *map(abs, values))
    assert min(values) - slack <= wide.low <= narrow.low + slack
    assert narrow.high - slack <= wide.high <= max(values) + slack


@pytest.mark.parametrize(
    ("values", "options", "says"),
    [
        ([[1.0, float("inf")]], {}, "finite"),
        ([[1.0, float("nan")]], {}, "finite"),
        ([[]], {}, "at least one image"),
        ([1.0, 2.0], {}, "at least one image"),
        ([[1.0, 2.0]], {"resamples": 0}, "at least 1, found 0"),
        ([[1.0, 2.0]], {"seed": -1}, "0 or more, found -1"),
    ],
)
def test_what_cannot_be_resampled_is_refused(values, options, says):
    with pytest.raises(UsageError, match=says):
        resampled_means(np.array(values), **options)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, -0.5])
def test_a_level_is_between_0_and_1(level):
    with pytest.raises(UsageError, match="between 0 and 1"):
        interval(np.arange(5.0), level)


def test_half_width():
    assert Interval(26.5, 27.5).half_width == 0.5
