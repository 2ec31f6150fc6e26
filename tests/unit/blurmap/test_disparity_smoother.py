"""The edge-aware smoother against a direct solve of the same equations."""

import numpy as np
import pytest

from ldpbench.blurmap.disparity.smoother import PASSES, EdgeAwareSmoother


def solved(values, bonds, strength):
    """One line of the weighted least-squares problem, by a dense matrix."""
    n = len(values)
    system = np.eye(n)
    for i, bond in enumerate(bonds):
        system[i : i + 2, i : i + 2] += strength * bond * np.array([[1, -1], [-1, 1]])
    return np.linalg.solve(system, values)


def test_it_solves_the_rows_and_columns_that_it_says():
    rng = np.random.default_rng(0)
    guide, plane = rng.random((9, 13)).astype(np.float32), rng.random((9, 13)).astype(np.float32)
    tolerance, reach = 0.3, 4.0
    expected = plane.astype(np.float64)
    shares = [16, 4, 1]
    assert len(shares) == PASSES
    for share in shares:
        strength = reach**2 * share / sum(shares)
        across, down = (np.exp(-np.abs(np.diff(guide, axis=axis)) / tolerance) for axis in (1, 0))
        expected = np.array([solved(row, bonds, strength) for row, bonds in zip(expected, across, strict=True)])
        expected = np.array([solved(row, bonds, strength) for row, bonds in zip(expected.T, down.T, strict=True)]).T
    (found,) = EdgeAwareSmoother(guide, tolerance=tolerance, reach_px=reach).smooth(plane)
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6)


def test_constants_stay_and_sums_are_kept():
    rng = np.random.default_rng(1)
    smoother = EdgeAwareSmoother(rng.random((20, 30)).astype(np.float32), tolerance=0.1, reach_px=10)
    flat, plane = np.full((20, 30), 2.5, np.float32), rng.random((20, 30)).astype(np.float32)
    smooth_flat, smooth = smoother.smooth(flat, plane)
    np.testing.assert_allclose(smooth_flat, 2.5, rtol=1e-5)
    assert smooth.sum(dtype=np.float64) == pytest.approx(plane.sum(dtype=np.float64), rel=1e-5)
    assert smooth.std() < plane.std()


def test_one_measurement_a_surface_fills_it_up_to_its_outline():
    guide = np.zeros((40, 60), np.float32)
    guide[:, 30:] = 1
    values, weights = np.zeros_like(guide), np.zeros_like(guide)
    values[20, 5], values[20, 55] = -2, 7
    weights[20, 5] = weights[20, 55] = 1
    filled = EdgeAwareSmoother(guide, tolerance=0.02, reach_px=8).fill(values, weights)
    np.testing.assert_allclose(filled[:, :30], -2, atol=0.1)
    np.testing.assert_allclose(filled[:, 30:], 7, atol=0.1)


def test_without_any_measurement_the_answer_is_zero():
    guide = np.zeros((16, 16), np.float32)
    smoother = EdgeAwareSmoother(guide, tolerance=0.02, reach_px=8)
    np.testing.assert_array_equal(smoother.fill(np.full_like(guide, 9), guide), 0)
