"""Dual-pixel PSFs against the published simulator's own, and what must hold for any shape and size."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.core.errors import UsageError
from ldpbench.simulation.psf import (
    FIXED_POINT_BITS,
    PSF_PRESETS,
    RDPD_SHAPES,
    RDPD_SMOOTHING,
    PsfShape,
    fixed_point,
    psf_preset,
    rdpd_psf,
    signed_kernels,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "rdpd.npz"
"""Kernels and views made by the published simulator from a public-domain portrait and generated shapes."""

SHAPES = st.builds(PsfShape, st.integers(1, 9), st.floats(1.5, 3.0), st.floats(0.0, 1.0), st.floats(0.0, 0.5))


def centroid_x(kernel: np.ndarray) -> float:
    """Mean column of correlation weights relative to the middle."""
    half = kernel.shape[1] // 2
    return float((kernel.sum(axis=0) * np.arange(-half, half + 1)).sum())


@pytest.mark.parametrize("index", range(6))
def test_kernels_are_those_of_the_published_simulator(index):
    golden = np.load(GOLDEN)
    radius, order, cutoff, floor = golden["psf_params"][index]
    psf = rdpd_psf(int(radius), PsfShape(int(order), float(cutoff), float(floor), RDPD_SMOOTHING))
    for name, kernel in zip("clr", psf, strict=True):
        np.testing.assert_allclose(kernel, golden[f"psf{index}_{name}"], atol=2e-8)


@given(SHAPES, st.integers(1, 14))
@settings(max_examples=40, deadline=None)
def test_what_holds_for_every_kernel(shape, radius):
    center, left, right = rdpd_psf(radius, shape)
    assert left.shape[0] % 2 == 1
    for kernel in (center, left, right):
        assert kernel.sum() == pytest.approx(1.0, abs=1e-12)
        assert kernel.min() >= 0
    np.testing.assert_allclose(left, right[:, ::-1], atol=1e-15)
    np.testing.assert_allclose(left, right[::-1, ::-1], atol=1e-12)
    np.testing.assert_allclose((left + right) / 2, center, atol=1e-12)


@given(SHAPES, st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_the_sign_decides_the_direction(shape, radius):
    far_left, far_right = signed_kernels(radius, shape)
    near_left, near_right = signed_kernels(-radius, shape)
    np.testing.assert_array_equal(far_left, near_right)
    np.testing.assert_array_equal(far_right, near_left)
    # Correlation weights heavy on the right take content from the right: it appears moved to the left.
    assert centroid_x(far_left) > 0 > centroid_x(far_right)


@pytest.mark.parametrize("shape", RDPD_SHAPES[:6])
@pytest.mark.parametrize("radius", [5, 8, 12, 20, 40])
def test_the_disparity_of_the_published_shapes(shape, radius):
    left, right = signed_kernels(radius, shape)
    assert 0.5 * radius < centroid_x(left) - centroid_x(right) < 0.7 * radius


def test_no_blur_means_no_blur_unless_parity_is_wanted():
    np.testing.assert_array_equal(signed_kernels(0, RDPD_SHAPES[0])[0], [[1.0]])
    one = signed_kernels(1, RDPD_SHAPES[0])
    for zero, first in zip(signed_kernels(0, RDPD_SHAPES[0], zero_as_one=True), one, strict=True):
        np.testing.assert_array_equal(zero, first)


@given(SHAPES, st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_fixed_point_keeps_sum_and_mirror(shape, radius):
    left, right = (fixed_point(kernel) for kernel in signed_kernels(radius, shape))
    assert int(left.sum()) == int(right.sum()) == 1 << FIXED_POINT_BITS
    np.testing.assert_array_equal(left, right[:, ::-1])


@pytest.mark.parametrize("name", ["rdpd/0", "rdpd/1", "rdpd/2", "rdpd/3", "rdpd/4", "realistic"])
def test_weights_lie_far_from_ties(name):
    """Rounding to fixed point must not depend on the last bits of exp(): no weight is near half an integer."""
    for radius in range(1, 9):
        for kernel in rdpd_psf(radius, psf_preset(name)):
            scaled = kernel * (1 << FIXED_POINT_BITS)
            distance = np.abs(scaled - np.floor(scaled) - 0.5)
            assert distance.min() > 1e-6


def test_bad_shapes_radii_and_names_are_refused():
    with pytest.raises(UsageError, match="floor in"):
        PsfShape(3, 2.5, 1.5, 0.1)
    with pytest.raises(UsageError, match="order >= 1"):
        PsfShape(0, 2.5, 0.5, 0.1)
    with pytest.raises(UsageError, match="at least 1 px"):
        rdpd_psf(0, RDPD_SHAPES[0])
    with pytest.raises(UsageError, match="unknown PSF preset"):
        psf_preset("rdpd/12")
    with pytest.raises(UsageError, match="fixed-point kernel"):
        fixed_point(np.ones((2, 2)) / 4)
    assert len(PSF_PRESETS) == 13
