"""Deconvolution by a map of blur: its levels, and what must hold for any picture."""

import os

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ldpbench.core.errors import UsageError
from ldpbench.core.progress import Silent
from ldpbench.deconvolution import fast_deconv, hyper_laplacian_deblur
from ldpbench.deconvolution.by_map import LEVELS, deblur_levels, quantise_sigma
from ldpbench.deconvolution.taper import edge_taper
from tests.released_deconvolution import blurred, green, pipeline_levels, released_kernel, sharp_picture

# --- levels ---------------------------------------------------------------------------------------------------------

MAPS = hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.floats(0, 9, width=32))


@given(sigma=MAPS)
@settings(max_examples=40, deadline=None)
def test_levels_lie_below_in_order_and_are_few(sigma):
    levels = quantise_sigma(sigma)
    assert (levels <= sigma).all()
    assert np.unique(levels).size <= LEVELS
    order = np.argsort(sigma, axis=None)
    assert (np.diff(levels.ravel()[order]) >= 0).all()
    assert levels.min() == sigma.min()


@pytest.mark.parametrize("value", [0.0, 2.5])
def test_an_even_map_keeps_its_value(value):
    np.testing.assert_array_equal(quantise_sigma(np.full((4, 5), value)), value)


def test_two_values_stay_two_values():
    sigma = np.array([[0.5, 2.0, 2.0], [2.0, 0.5, 0.5]])
    np.testing.assert_array_equal(quantise_sigma(sigma), sigma)


def test_how_often_a_value_occurs_does_not_matter():
    few, many = np.array([[0.5, 1.0, 3.0]]), np.array([[0.5, 1.0, 1.0, 1.0, 1.0, 3.0]])
    np.testing.assert_array_equal(np.unique(quantise_sigma(few)), np.unique(quantise_sigma(many)))


# --- pictures -------------------------------------------------------------------------------------------------------


def rms(one: np.ndarray, other: np.ndarray) -> float:
    inner = slice(10, -10)
    return float(np.sqrt(np.mean((one[inner, inner] - other[inner, inner]) ** 2)))


@pytest.mark.parametrize("sigma", [1.0, 2.0, 3.5])
def test_the_right_blur_is_undone_and_a_wrong_one_less(sigma):
    sharp = sharp_picture(120, 140)
    soft = np.clip(cv2.GaussianBlur(sharp, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), 0, 1)

    def left(assumed: float) -> float:
        return rms(hyper_laplacian_deblur(soft, np.full(soft.shape, assumed), weight=420), sharp)

    assert left(sigma) < 0.85 * rms(soft, sharp)
    assert left(sigma) < left(sigma / 2)
    assert left(sigma) < left(1.6 * sigma)


def test_more_weight_is_less_smooth():
    picture = blurred()
    levels = np.full(picture.shape[:2], 1.6)
    low, high = (hyper_laplacian_deblur(picture, levels, weight=weight) for weight in (4.2, 420.0))
    assert np.abs(np.diff(high, axis=1)).mean() > 1.2 * np.abs(np.diff(low, axis=1)).mean()


def test_each_pixel_comes_from_the_picture_deconvolved_with_its_own_blur():
    picture, levels = blurred(), pipeline_levels()
    mixed = deblur_levels(picture, levels, weight=16.8, alpha=1.5)
    for sigma in np.unique(levels):
        alone = deblur_levels(picture, np.full(levels.shape, sigma), weight=16.8, alpha=1.5)
        np.testing.assert_array_equal(mixed[levels == sigma], alone[levels == sigma])


def test_what_is_sharp_stays_to_the_bit():
    picture = blurred()
    np.testing.assert_array_equal(hyper_laplacian_deblur(picture, np.zeros(picture.shape[:2])), picture)
    levels = pipeline_levels()
    found = deblur_levels(picture, levels, weight=16.8, alpha=1.5)
    np.testing.assert_array_equal(found[levels == 0], picture[levels == 0])


@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_flat_pictures_stay_flat(value):
    levels = np.linspace(0, 7, 40 * 50).reshape(40, 50)
    np.testing.assert_allclose(hyper_laplacian_deblur(np.full((40, 50, 3), value), levels), value, atol=1e-10)


def test_channels_know_nothing_of_each_other():
    picture, levels = blurred(), pipeline_levels()
    colour = hyper_laplacian_deblur(picture, levels)
    for channel in range(3):
        alone = hyper_laplacian_deblur(picture[:, :, channel], levels)
        assert alone.shape == levels.shape
        np.testing.assert_array_equal(alone, colour[:, :, channel])


def test_turning_the_picture_turns_the_answer():
    picture, levels = green()[:60, :90], pipeline_levels()[:60, :90]
    turned = hyper_laplacian_deblur(picture.T, levels.T)
    np.testing.assert_allclose(turned.T, hyper_laplacian_deblur(picture, levels), atol=1e-9)


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (17, 2), (23, 31)])
def test_any_size(shape):
    found = hyper_laplacian_deblur(sharp_picture(*shape), np.full(shape, 6.5))
    assert found.shape == shape
    assert found.dtype == np.float64
    assert found.min() >= 0
    assert found.max() <= 1


def test_float32_pictures_are_computed_in_double():
    picture, levels = blurred().astype(np.float32), pipeline_levels()
    np.testing.assert_array_equal(
        hyper_laplacian_deblur(picture, levels), hyper_laplacian_deblur(picture.astype(np.float64), levels)
    )


def test_highlights_above_white_are_clipped_in_the_answer_only():
    picture = np.full((30, 30), 0.5)
    picture[10:20, 10:20] = 1.8
    assert hyper_laplacian_deblur(picture, np.full((30, 30), 1.0)).max() == 1


def test_the_number_of_cores_changes_nothing(monkeypatch):
    picture, levels = blurred(), pipeline_levels()
    found = []
    for cores in (None, 1, 6):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        found.append(hyper_laplacian_deblur(picture, levels))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_nothing_given_is_changed():
    picture, levels, kernel = blurred(), pipeline_levels(), released_kernel()
    plane = np.ascontiguousarray(picture[:, :, 0])
    given = (picture, levels, kernel, plane)
    before = [array.copy() for array in given]
    hyper_laplacian_deblur(picture, levels)
    fast_deconv(plane, kernel, weight=16.8, alpha=1.5)
    fast_deconv(edge_taper(plane, kernel), kernel, weight=16.8, alpha=1.5)
    for array, copy in zip(given, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_progress_is_told_of_every_level():
    seen = []

    class Ear(Silent):
        def track(self, items, *, label, total=None):
            for item in items:
                seen.append((label, total))
                yield item

    levels = pipeline_levels()
    hyper_laplacian_deblur(green(), levels, progress=Ear())
    count = np.unique(quantise_sigma(levels)).size
    assert seen == [("deconvolution", count)] * count


@pytest.mark.parametrize(
    ("picture", "sigma", "options", "message"),
    [
        (np.zeros((4, 4)), np.zeros((4, 5)), {}, "map of the picture's size"),
        (np.zeros((4, 4, 2)), np.zeros((4, 4)), {}, "found \\(4, 4, 2\\)"),
        (np.zeros((0, 4)), np.zeros((0, 4)), {}, "found \\(0, 4\\)"),
        (np.zeros((4, 4), np.uint8), np.zeros((4, 4)), {}, "found uint8"),
        (np.full((4, 4), np.nan), np.zeros((4, 4)), {}, "finite values"),
        (np.full((4, 4), -0.1), np.zeros((4, 4)), {}, "at least 0"),
        (np.zeros((4, 4)), np.full((4, 4), -1.0), {}, "at least 0 px"),
        (np.zeros((4, 4)), np.full((4, 4), np.nan), {}, "at least 0 px"),
        (np.zeros((4, 4)), np.full((4, 4), np.inf), {}, "at least 0 px"),
        (np.zeros((4, 4)), np.zeros((4, 4)), {"weight": 0.0}, "above 0"),
        (np.zeros((4, 4)), np.zeros((4, 4)), {"alpha": -1.0}, "above 0"),
        (np.zeros((4, 4)), np.zeros((4, 4)), {"weight": float("nan")}, "above 0"),
    ],
)
def test_what_makes_no_sense_is_refused(picture, sigma, options, message):
    with pytest.raises(UsageError, match=message):
        hyper_laplacian_deblur(picture, sigma, **options)
