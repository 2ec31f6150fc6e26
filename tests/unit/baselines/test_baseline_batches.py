"""What both shipped baselines owe the runtime: batches, channels, extremes, the same result twice."""

import sys

import numpy as np
import pytest
import torch

from ldpbench.api import load_method
from ldpbench.core.resources import load_folder_package, shipped_root
from ldpbench.simulation.psf import psf_preset, signed_kernels
from ldpbench.simulation.render import render_views

SIDE = 128


def build(name):
    return load_folder_package(shipped_root() / "baselines" / name).build()


@pytest.fixture(scope="module", params=["blurry-input", "dp-wiener"])
def method(request):
    return build(request.param)


@pytest.fixture(scope="module")
def wiener():
    return build("dp-wiener")


def views(seed: int, coc: np.ndarray, shape: str, channels: int = 3, sigma: float = 1.5):
    """Left and right, float32 (1, C, SIDE, SIDE), of a patchwork of blocks, with noise of ``sigma`` codes."""
    rng = np.random.default_rng(seed)
    blocks = [
        np.kron(rng.random((channels, SIDE // size, SIDE // size)), np.ones((1, size, size))) for size in (2, 4, 16)
    ]
    sharp = torch.from_numpy((60 + 140 * sum(blocks) / 3).astype(np.uint8))[None]
    rendered = render_views(sharp, torch.from_numpy(coc)[None], psf_preset(shape))
    noisy = [view.numpy() + rng.normal(0, sigma, view.shape) for view in (rendered.left, rendered.right)]
    return [torch.from_numpy(np.clip(np.round(view), 0, 255).astype(np.float32) / 255) for view in noisy]


def steps(*radii: int) -> np.ndarray:
    """Vertical strips of equal width, one per radius."""
    width = -(-SIDE // len(radii))
    return np.broadcast_to(np.repeat(np.array(radii), width)[:SIDE], (SIDE, SIDE)).copy()


def restored(method, left, right):
    with torch.inference_mode():
        return method.restore(left=left, right=right, center=None, blur_map=None)


def part(method, name: str):
    """A module of the plugin folder."""
    return sys.modules[f"{type(method).__module__}.{name}"]


def padded(method, left, right):
    return part(method, "spectra").PaddedViews(left[0].numpy(), right[0].numpy(), 32)


def test_an_item_does_not_see_its_neighbours(method):
    pairs = [views(seed, steps(-4, 0, 6), "realistic") for seed in range(3)]
    left, right = (torch.cat([pair[side] for pair in pairs]) for side in (0, 1))
    together = restored(method, left, right)
    assert together.shape == left.shape
    for i, (one, other) in enumerate(pairs):
        assert torch.equal(together[i : i + 1], restored(method, one, other))


def test_the_same_views_give_the_same_result_and_are_left_alone(method):
    left, right = views(1, steps(5, -3), "rdpd/0")
    before = left.clone(), right.clone()
    assert torch.equal(restored(method, left, right), restored(method, left, right))
    assert torch.equal(left, before[0])
    assert torch.equal(right, before[1])


def test_memory_layout_does_not_matter(method):
    left, right = views(2, steps(4), "realistic")
    strided = [view.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2) for view in (left, right)]
    assert torch.equal(restored(method, *strided), restored(method, left, right))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(32, 32), (33, 75)])
def test_channels_and_sizes_come_back(method, channels, size):
    left, right = (view[..., : size[0], : size[1]] for view in views(3, steps(3, -3), "realistic", channels))
    result = restored(method, left, right)
    assert result.shape == (1, channels, *size)
    assert result.dtype == torch.float32


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_black_and_white_stay(method, level):
    flat = torch.full((2, 3, 40, 40), level)
    torch.testing.assert_close(restored(method, flat, flat), flat, atol=1e-3, rtol=0)


def test_saturated_views_give_numbers(method):
    left, right = ((20 * (view - 0.5)).clamp(0, 1) for view in views(4, steps(-6, 6), "rdpd/2"))
    result = restored(method, left, right)
    assert torch.isfinite(result).all()
    assert result.abs().max() < 3


def test_blurry_input_is_the_mean_of_the_views():
    left, right = views(5, steps(4), "realistic")
    result = restored(build("blurry-input"), left, right)
    np.testing.assert_array_equal(result.numpy(), (left.numpy() + right.numpy()) / 2)


def test_records_and_classes_agree():
    for name in ("blurry-input", "dp-wiener"):
        loaded = load_method(name)
        assert loaded.inputs == ("left", "right")
        assert loaded.channels == (1, 3)


@pytest.mark.parametrize("radius", [-7, -3, 3, 7])
@pytest.mark.parametrize("shape", ["realistic", "rdpd/1"])
def test_disparity_is_found_to_a_seventh_of_a_pixel(wiener, radius, shape):
    """Far content lies farther right in the right view; the distance is that of the kernels' centroids."""
    seen = padded(wiener, *views(radius + 40, steps(radius), shape))
    assumed = part(wiener, "radius").choose_shape(seen)
    assert assumed == psf_preset(shape)
    found = part(wiener, "radius").estimate_radius(seen, assumed)[32:-32, 32:-32]
    distance = [disparity(c, assumed) for c in range(-16, 17)]
    measured = np.interp(found, range(-16, 17), distance)
    assert np.median(measured) == pytest.approx(disparity(radius, psf_preset(shape)), abs=0.15)
    assert np.sign(np.median(measured)) == np.sign(radius)


def disparity(c, shape):
    """x in the right view minus x in the left one, in px, from the centroids of the correlation weights."""
    left, right = signed_kernels(c, shape)
    columns = np.arange(left.shape[1]) - left.shape[1] // 2
    return float((left.sum(axis=0) - right.sum(axis=0)) @ columns)


@pytest.mark.parametrize("strips", [(-6, 5, -2), (7, 2, -5, 8)])
@pytest.mark.parametrize("shape", ["realistic", "rdpd/0", "rdpd/4"])
def test_the_shape_is_told_from_pictures_with_many_outlines(wiener, strips, shape):
    chosen = part(wiener, "radius").choose_shape(padded(wiener, *views(len(strips), steps(*strips), shape)))
    assert chosen == psf_preset("realistic" if shape == "realistic" else "rdpd/1")
