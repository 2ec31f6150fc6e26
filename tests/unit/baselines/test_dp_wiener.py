"""dp-wiener finds the signed blur, gains where there is blur and leaves alone what is sharp."""

import sys

import numpy as np
import pytest
import torch

from ldpbench.methods.loading import load_method
from ldpbench.methods.runtime import restore_pair
from ldpbench.simulation.psf import psf_preset
from ldpbench.simulation.render import render_views

SIDE = 160


def texture(seed: int, channels: int = 3) -> np.ndarray:
    """Sharp-edged noise at several sizes, uint8 (C, SIDE, SIDE)."""
    rng = np.random.default_rng(seed)
    layers = [
        np.kron(rng.random((channels, SIDE // size, SIDE // size)), np.ones((1, size, size))) for size in (2, 4, 8, 20)
    ]
    picture = sum(layers) / len(layers)
    return np.clip(60 + 140 * picture, 0, 255).astype(np.uint8)


def pair(sharp: np.ndarray, radius: int | np.ndarray, shape: str = "realistic", sigma: float = 1.5, seed: int = 0):
    """Views (H, W, C) float32 in [0, 1] of a blurred, noisy picture, and the sharp one."""
    coc = torch.as_tensor(np.broadcast_to(radius, (1, SIDE, SIDE)).astype(np.int64))
    views = render_views(torch.from_numpy(sharp)[None], coc, psf_preset(shape))
    rng = np.random.default_rng(seed)

    def finish(view):
        noisy = view[0].numpy() + rng.normal(0, sigma, view[0].shape)
        return (np.clip(np.round(noisy), 0, 255) / 255).astype(np.float32).transpose(1, 2, 0)

    return finish(views.left), finish(views.right), sharp.transpose(1, 2, 0).astype(np.float32) / 255


def psnr(one, other, margin=0):
    inner = (slice(margin, one.shape[0] - margin), slice(margin, one.shape[1] - margin))
    return -10 * np.log10(np.mean((one[inner].astype(np.float64) - other[inner]) ** 2))


@pytest.fixture(scope="module")
def method():
    return load_method("dp-wiener").deblurrer


def radius_of(method, left, right):
    """What the method makes of the views before it deconvolves."""
    name = type(method).__module__
    views = sys.modules[f"{name}.spectra"].PaddedViews(left.transpose(2, 0, 1), right.transpose(2, 0, 1), 32)
    finder = sys.modules[f"{name}.radius"]
    return finder.estimate_radius(views, finder.choose_shape(views))


@pytest.mark.parametrize("radius", [-9, -5, -2, 3, 6, 12])
@pytest.mark.parametrize("shape", ["realistic", "rdpd/1"])
def test_the_signed_radius_is_found(method, radius, shape):
    left, right, _ = pair(texture(radius + 20), radius, shape)
    found = radius_of(method, left, right)[30:-30, 30:-30]
    assert np.median(found) == pytest.approx(radius, abs=0.5)
    assert np.abs(found - radius).mean() < 1.0


def test_two_depths_are_told_apart(method):
    coc = np.where(np.arange(SIDE)[None, :] < SIDE // 2, -6, 5) * np.ones((SIDE, 1))
    left, right, _ = pair(texture(3), coc)
    found = radius_of(method, left, right)
    assert np.median(found[:, 25 : SIDE // 2 - 25]) == pytest.approx(-6, abs=0.6)
    assert np.median(found[:, SIDE // 2 + 25 : -25]) == pytest.approx(5, abs=0.6)


@pytest.mark.parametrize("radius", [-8, -4, 4, 8])
@pytest.mark.parametrize("shape", ["realistic", "rdpd/0", "rdpd/5"])
def test_blur_is_undone_by_a_clear_margin(method, radius, shape):
    left, right, sharp = pair(texture(abs(radius)), radius, shape)
    assert psnr(restore_pair(method, left, right), sharp, 8) > psnr((left + right) / 2, sharp, 8) + 1.0


def test_it_lives_on_the_difference_between_the_views(method):
    left, right, sharp = pair(texture(5), 7)
    with_both = psnr(restore_pair(method, left, right), sharp)
    assert psnr(restore_pair(method, left, left), sharp) < with_both - 1.0


def test_what_is_in_focus_stays(method):
    left, right, sharp = pair(texture(6), 0)
    result, mean = restore_pair(method, left, right), (left + right) / 2
    assert psnr(result, mean) > 35
    assert psnr(result, sharp) > psnr(mean, sharp) - 0.5


def test_swapping_the_views_is_the_same_as_mirroring_the_depth(method):
    """The PSFs of -c are those of +c exchanged: exchanged views restore to the same picture, with the sign turned."""
    left, right, _ = pair(texture(7), 6)
    np.testing.assert_allclose(radius_of(method, left, right), -radius_of(method, right, left), atol=0.02)
    np.testing.assert_allclose(restore_pair(method, left, right), restore_pair(method, right, left), atol=2e-3)


def test_grey_equals_colour_of_grey(method):
    left, right, _ = pair(texture(8, channels=1), -5)
    grey = restore_pair(method, left, right)
    colour = restore_pair(method, left.repeat(3, axis=2), right.repeat(3, axis=2))
    for channel in range(3):
        np.testing.assert_allclose(colour[..., channel : channel + 1], grey, atol=2e-4)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 47), (1, 5), (101, 34)])
def test_any_size(method, height, width):
    left, right, _ = pair(texture(9), 4)
    result = restore_pair(method, left[:height, :width], right[:height, :width])
    assert result.shape == (height, width, 3)
    assert np.isfinite(result).all()


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_flat_pictures_stay_flat(method, level):
    flat = np.full((64, 64, 3), level, np.float32)
    np.testing.assert_allclose(restore_pair(method, flat, flat), flat, atol=1e-3)


def test_extreme_pictures_do_no_harm(method):
    rng = np.random.default_rng(0)
    binary = (rng.random((64, 64, 1)) > 0.5).astype(np.float32)
    result = restore_pair(method, binary, 1 - binary)
    assert np.isfinite(result).all()
