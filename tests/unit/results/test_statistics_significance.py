import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.results.statistics.bootstrap import resampled_means
from ldpbench.results.statistics.comparison import compare
from ldpbench.results.statistics.significance import bootstrap_p, holm, paired_p


def p_of(per_image, **options):
    per_image = np.atleast_2d(per_image)
    return paired_p(per_image, resampled_means(per_image, **options))


def test_p_is_twice_the_share_on_the_other_side_with_one_added():
    differences = np.array([[-1.0, 1, 2, 3, 4, 5, 6, 7, 8], [1.0] * 9, [0.0] * 9, [-1.0] * 4 + [0.0] + [1.0] * 4])
    assert bootstrap_p(differences).tolist() == pytest.approx([0.4, 0.2, 1.0, 1.0])


@pytest.mark.parametrize("n_images", [8, 20, 76])
def test_p_of_normal_differences_is_that_of_the_paired_t_test(n_images):
    """SciPy's test is exact for such numbers; what is left is the error of 4000 draws."""
    differences = np.random.default_rng(8).normal(0.1, 1, size=(200, n_images))
    exact = scipy.stats.ttest_1samp(differences, 0, axis=1).pvalue
    found = p_of(differences, resamples=4000)
    assert np.abs(found - exact).max() < 0.2
    assert np.abs(found - exact).mean() < 0.02
    # The plain bootstrap is too sure of itself where images are few.
    if n_images == 8:
        plain = bootstrap_p(resampled_means(differences, resamples=4000))
        assert np.mean(plain < exact) > 0.8


def test_p_beyond_the_draws_is_that_of_the_paired_t_test():
    differences = np.random.default_rng(1).normal(3, 1, size=(5, 30))
    assert p_of(differences, resamples=100).tolist() == pytest.approx(
        scipy.stats.ttest_1samp(differences, 0, axis=1).pvalue.tolist()
    )


def test_p_does_not_depend_on_the_sign():
    differences = np.random.default_rng(2).normal(0.2, 1, size=(20, 40))
    assert p_of(differences, resamples=500).tolist() == pytest.approx(p_of(-differences, resamples=500).tolist())


@pytest.mark.parametrize("n_images", [1, 2, 3])
def test_next_to_no_images_show_nothing_however_large_the_difference(n_images):
    assert p_of(np.full(n_images, 10.0))[0] > 0.05


def test_equal_methods_have_a_p_of_1():
    assert p_of(np.zeros((2, 9))).tolist() == [1, 1]
    assert p_of(np.zeros((1, 9)), resamples=1).tolist() == [1]


@pytest.mark.parametrize(("n_methods", "n_images"), [(2, 8), (12, 8), (5, 37)])
def test_few_boards_of_equal_methods_claim_a_difference(n_methods, n_images):
    """Family-wise 5 %: of 120 boards, 6 on average and more than 14 once in a thousand times."""
    random = np.random.default_rng(3)
    boards = [
        compare(
            {str(k): row.tolist() for k, row in enumerate(random.normal(size=(n_methods, n_images)))},
            higher_is_better=True,
            resamples=600,
        )
        for _ in range(120)
    ]
    assert sum(not all(pair.tied for pair in board.pairs) for board in boards) <= 14


def test_holm_by_hand():
    """0.01 x 4, 0.03 x 3, 0.04 x 2 (lifted to 0.09, for it may not be less), 0.5 x 1."""
    assert holm([0.04, 0.01, 0.5, 0.03]) == pytest.approx([0.09, 0.04, 0.5, 0.09])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_holm_rejects_what_its_step_down_procedure_rejects(p):
    alpha, rejected = 0.05, set()
    for place, index in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        if p[index] > alpha / (len(p) - place):
            break
        rejected.add(index)
    # At the threshold itself the two ways to write it differ by rounding.
    decided = {k for k, value in enumerate(holm(p)) if abs(value - alpha) > 1e-12}
    assert {k for k in decided if holm(p)[k] <= alpha} == rejected & decided


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-50, 50), min_size=1, max_size=15), st.integers(0, 99))
def test_p_is_a_probability(values, seed):
    (p,) = p_of(np.array(values), resamples=40, seed=seed)
    assert 0 < p <= 1
