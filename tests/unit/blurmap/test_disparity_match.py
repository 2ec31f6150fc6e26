"""Signed disparity: what it must find, and what may not change it."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import correlate, gaussian_filter

from ldpbench.blurmap.disparity.estimator import DisparityEstimator
from ldpbench.blurmap.disparity.match import signed_disparity
from ldpbench.blurmap.disparity.views import WORKING_PIXELS
from ldpbench.core.errors import UsageError
from ldpbench.simulation.psf import psf_preset, signed_kernels

FEW = settings(max_examples=8, deadline=None, derandomize=True)
AWAY = (slice(12, -12), slice(24, -24))


def texture(seed: int, height: int = 120, width: int = 160, channels: int = 1, sigma: float = 1.5):
    noise = np.random.default_rng(seed).random((height, width, channels))
    smooth = gaussian_filter(noise, (sigma, sigma, 0), mode="wrap")
    low, high = smooth.min(), smooth.max()
    return (0.1 + 0.8 * (smooth - low) / (high - low)).astype(np.float32)


def moved(picture, shift_px: float):
    """Shift to the right by any amount, exactly, as the Fourier series of a periodic picture does."""
    frequencies = np.fft.rfftfreq(picture.shape[1])[None, :, None]
    spectrum = np.fft.rfft(picture.astype(np.float64), axis=1) * np.exp(-2j * np.pi * frequencies * shift_px)
    return np.clip(np.fft.irfft(spectrum, n=picture.shape[1], axis=1), 0, 1).astype(np.float32)


def pair(picture, disparity_px: float):
    return moved(picture, -disparity_px / 2), moved(picture, disparity_px / 2)


@pytest.mark.parametrize("disparity", [-11.0, -3.3, -1.0, -0.25, 0.0, 0.1, 0.5, 0.77, 1.5, 2.0, 6.4, 15.0])
@pytest.mark.parametrize("channels", [1, 3])
def test_known_shifts_are_recovered_with_their_sign(disparity, channels):
    left, right = pair(texture(1, channels=channels), disparity)
    error = np.abs(signed_disparity(left, right).pixels - disparity)[AWAY]
    assert np.median(error) < 0.01
    assert np.percentile(error, 99) < 0.05


def test_the_estimator_keeps_the_sign_only_where_it_is_asked_for():
    views = pair(texture(1), -4.0)
    plain, signed = (DisparityEstimator(signed=wanted).estimate(*views) for wanted in (False, True))
    assert np.median(plain.logits[AWAY]) == pytest.approx(4, abs=0.02)
    np.testing.assert_array_equal(np.abs(signed.logits), plain.logits)
    assert np.median(signed.logits[AWAY]) == pytest.approx(-4, abs=0.02)
    np.testing.assert_array_equal(signed.probability, plain.probability)
    assert DisparityEstimator().options == {"max_px": 16.0, "sharp_px": 1.0}, "a key of kept maps: it stays what it was"


@pytest.mark.parametrize("disparity", [-5.0, 0.6, 3.0, 9.1])
def test_large_pictures_are_matched_at_half_size_and_stay_exact(disparity):
    height, width = 700, 900
    assert height * width > WORKING_PIXELS
    left, right = pair(texture(2, height, width, sigma=2.0), disparity)
    found = signed_disparity(left, right)
    assert found.pixels.shape == found.confidence.shape == (height, width)
    assert np.percentile(np.abs(found.pixels - disparity)[AWAY], 99) < 0.05


def test_a_point_behind_the_focus_lies_farther_right_in_the_right_view():
    """Against the simulator, whose sign is pinned by the published codes."""
    sharp = texture(3, sigma=0.8)[:, :, 0]
    for radius in (4, -4):
        kernels = signed_kernels(radius, psf_preset("rdpd/0"))
        left, right = (correlate(sharp, kernel.astype(np.float32), mode="wrap")[..., None] for kernel in kernels)
        found = np.median(signed_disparity(left, right).pixels)
        assert np.sign(found) == np.sign(radius)
        assert 0.5 < found / radius < 0.75  # the centroids of these kernels lie 0.61 px apart per px of radius


@FEW
@given(seed=st.integers(0, 1000), disparity=st.floats(-6, 6), channels=st.sampled_from([1, 3]))
def test_exchanging_the_views_negates_and_a_mirror_image_with_exchanged_views_is_mirrored(seed, disparity, channels):
    rng = np.random.default_rng(seed)
    left, right = (
        np.clip(view + rng.normal(0, 0.02, view.shape), 0, 1).astype(np.float32)
        for view in pair(texture(seed, 60, 80, channels), disparity)
    )
    found = signed_disparity(left, right)
    exchanged = signed_disparity(right, left)
    np.testing.assert_array_equal(exchanged.pixels, -found.pixels)
    np.testing.assert_array_equal(exchanged.confidence, found.confidence)
    mirrored = signed_disparity(np.ascontiguousarray(right[:, ::-1]), np.ascontiguousarray(left[:, ::-1])).pixels[
        :, ::-1
    ]
    assert np.percentile(np.abs(mirrored - found.pixels), 99) < 1e-3
    upside_down = signed_disparity(np.ascontiguousarray(left[::-1]), np.ascontiguousarray(right[::-1])).pixels[::-1]
    assert np.percentile(np.abs(upside_down - found.pixels), 99) < 1e-3


@FEW
@given(height=st.integers(16, 70), width=st.integers(16, 70), seed=st.integers(0, 99), kind=st.sampled_from(range(5)))
def test_whatever_the_views_hold_the_map_is_finite_and_within_reach(height, width, seed, kind):
    rng = np.random.default_rng(seed)
    shape = (height, width, 1)
    picture = {
        0: rng.random(shape),
        1: (rng.random(shape) > 0.99).astype(float),
        2: np.zeros(shape),
        3: np.broadcast_to(np.indices((height, width))[1][..., None] % 2, shape),
        4: np.full(shape, 1e-30),
    }[kind].astype(np.float32)
    other = np.roll(picture, 3, axis=1) if kind != 2 else np.ones(shape, np.float32)
    found = signed_disparity(picture, other)
    assert np.isfinite(found.pixels).all()
    assert np.abs(found.pixels).max() <= 16 + 1 + 2  # the search and its parabola, then two steps of at most 1 px
    assert found.confidence.min() >= 0
    assert found.confidence.max() <= 1


def test_equal_views_and_constant_views_have_no_disparity():
    picture = texture(4, channels=3)
    np.testing.assert_array_equal(signed_disparity(picture, picture).pixels, 0)
    flat = np.full((40, 50, 3), 0.3, np.float32)
    for other in (flat, flat * np.float32(0.9)):
        np.testing.assert_array_equal(signed_disparity(flat, other).pixels, 0)
        np.testing.assert_array_equal(signed_disparity(flat, other).confidence, 0)


def test_it_is_the_same_again_to_the_last_bit():
    left, right = pair(texture(5, channels=3), 2.4)
    assert signed_disparity(left, right).pixels.tobytes() == signed_disparity(left, right).pixels.tobytes()


def test_a_plane_of_slowly_changing_disparity():
    picture = texture(6, 120, 240)[:, :, 0]
    columns, rows = np.meshgrid(np.arange(240, dtype=np.float32), np.arange(120, dtype=np.float32))
    truth = (columns - 120) / 40
    views = [
        cv2.remap(picture, columns + sign * truth / 2, rows, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT)
        for sign in (1, -1)
    ]
    # Both views are sampled at x +- d(x) / 2, so the map is that of the place seen, which is the ordinary picture.
    error = np.abs(signed_disparity(*(view.clip(0)[..., None] for view in views)).pixels - truth)[AWAY]
    assert np.median(error) < 0.05
    assert np.percentile(error, 95) < 0.2


def two_surfaces(near: float, far: float, hole):
    """A bright surface before a dark one, its outline at column 80, with one flat hole that spans both."""
    bright, dark = (texture(seed)[:, :, 0] for seed in (7, 8))
    bright, dark = 0.6 + 0.35 * bright, 0.3 * dark
    bright[hole], dark[hole] = 0.8, 0.15
    views = []
    for sign in (-0.5, 0.5):
        one, other = (moved(plane[..., None], sign * d) for plane, d in ((bright, near), (dark, far)))
        edge = round(80 + sign * near)
        views.append(np.concatenate([one[:, :edge], other[:, edge:]], axis=1))
    return views


def test_a_hole_is_filled_from_its_own_surface_and_not_across_an_outline():
    hole = (slice(30, 90), slice(55, 105))
    found = signed_disparity(*two_surfaces(-4.0, 4.0, hole))
    assert found.confidence[45:75, 63:70].max() < 0.05, "there is nothing to match in the hole"
    assert found.confidence[5:25, 20:60].mean() > 0.9
    assert np.abs(found.pixels[36:84, 60:74] - -4).max() < 0.5
    assert found.pixels[36:84, 83:].min() > 0, "what lies behind is not taken for the surface in front of it"
    assert np.abs(found.pixels[36:84, 98:104] - 4).max() < 1.0


@pytest.mark.parametrize("noise", [0.01, 0.04])
def test_noise_blurs_little(noise):
    rng = np.random.default_rng(9)
    left, right = (
        np.clip(view + rng.normal(0, noise, view.shape), 0, 1).astype(np.float32) for view in pair(texture(9), 2.3)
    )
    error = np.abs(signed_disparity(left, right).pixels - 2.3)[AWAY]
    assert np.median(error) < 5 * noise
    assert np.percentile(error, 95) < 15 * noise


def test_one_view_may_be_darker_here_and_there_and_light_may_be_linear():
    left, right = pair(texture(10, channels=3), 1.7)
    gain = np.linspace(0.7, 1.0, 160, dtype=np.float32)[None, :, None]
    for views in ((left, right * gain), (left**2.2, right**2.2), (left * np.float32(0.01), right * np.float32(0.01))):
        error = np.abs(signed_disparity(*views).pixels - 1.7)[AWAY]
        assert np.percentile(error, 99) < 0.1


def test_different_blur_of_the_views_keeps_the_shift():
    left, right = pair(texture(11), 3.0)
    softer = cv2.GaussianBlur(right, (0, 0), 1.2)[..., None]
    error = np.abs(signed_disparity(left, softer).pixels - 3.0)[AWAY]
    assert np.median(error) < 0.1


def test_the_estimator_turns_amount_into_probability():
    for disparity in (0.5, -0.9, 1.1, -4.0):
        found = DisparityEstimator().estimate(*pair(texture(12), disparity))
        middle = (found.probability[60, 80], found.logits[60, 80])
        assert middle[1] == pytest.approx(abs(disparity), abs=0.05)
        assert (middle[0] >= 0.5) == (abs(disparity) > 1)
        assert found.normalisation == "sigmoid(|d| - 1 px)"
        assert found.logits.dtype == found.probability.dtype == np.float32
    wider = DisparityEstimator(sharp_px=2, max_px=8)
    assert wider.options == {"max_px": 8.0, "sharp_px": 2.0}
    assert wider.identity == {"method": "disparity", "version": 1, "weights": None, "max_px": 8.0, "sharp_px": 2.0}
    assert wider.estimate(*pair(texture(12), 1.5)).probability[60, 80] < 0.5


@pytest.mark.parametrize(
    ("shapes", "says"),
    [
        (((40, 40, 3), (40, 40, 1)), "differ in shape"),
        (((40, 40), (40, 40)), "expected"),
        (((40, 40, 2), (40, 40, 2)), "1 or 3"),
        (((15, 40, 1), (15, 40, 1)), "at least 16"),
    ],
)
def test_views_that_do_not_fit_are_refused(shapes, says):
    left, right = (np.zeros(shape, np.float32) for shape in shapes)
    with pytest.raises(UsageError, match=says):
        signed_disparity(left, right)


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.1])
def test_values_that_are_no_light_are_refused(value):
    good, bad = np.full((20, 20, 1), 0.5, np.float32), np.full((20, 20, 1), 0.5, np.float32)
    bad[3, 4] = value
    for views, name in (((good, bad), "right"), ((bad, good), "left")):
        with pytest.raises(UsageError, match=f"the {name} view"):
            signed_disparity(*views)


@pytest.mark.parametrize(
    "options", [{"max_px": 0}, {"max_px": 65}, {"sharp_px": 0}, {"sharp_px": 17}, {"max_px": float("nan")}]
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(UsageError, match=next(iter(options))):
        DisparityEstimator(**options)
