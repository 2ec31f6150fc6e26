"""Linear light, sensor noise, occlusion, procedural depth, and the one door to all models."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.core.errors import UsageError
from ldpbench.simulation.depth_maps import procedural_depth
from ldpbench.simulation.layers import blur_with_occlusion, blur_without_occlusion
from ldpbench.simulation.light import codes_of, linear_to_srgb, srgb_to_linear, unit_values
from ldpbench.simulation.models import MODEL_PRESETS, DddModel, RealisticModel, model_preset, simulate
from ldpbench.simulation.noise import NOISE_PRESETS, SensorNoise, add_noise, noise_preset
from ldpbench.simulation.psf import REALISTIC, signed_kernels
from ldpbench.simulation.realistic import simulate_realistic, thin_lens

CLEAN = noise_preset("none")


def picture(height: int = 40, width: int = 56, dtype: type = np.uint8, seed: int = 0) -> torch.Tensor:
    top = np.iinfo(dtype).max
    return torch.from_numpy(np.random.default_rng(seed).integers(0, top + 1, (1, 3, height, width), dtype=dtype))


@pytest.mark.parametrize(("code", "light"), [(0, 0.0), (10, 0.003035), (128, 0.215861), (188, 0.502886), (255, 1.0)])
def test_light_of_srgb_codes(code, light):
    """Published values of IEC 61966-2-1."""
    found = srgb_to_linear(unit_values(torch.tensor([code], dtype=torch.uint8)))
    assert float(found[0]) == pytest.approx(light, abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16])
def test_every_code_survives_the_way_to_light_and_back(dtype):
    top = 256 if dtype == torch.uint8 else 65536
    codes = torch.arange(top, dtype=torch.int32).to(dtype)
    back = codes_of(linear_to_srgb(srgb_to_linear(unit_values(codes))), dtype)
    assert torch.equal(back.to(torch.int32), codes.to(torch.int32))
    with pytest.raises(UsageError, match="uint8 or uint16"):
        unit_values(torch.zeros(3))


def test_noise_has_the_variance_it_promises_and_follows_its_seed():
    noise = SensorNoise(shot=1e-3, read=0.01)
    for level in (0.0, 0.25, 1.0):
        flat = torch.full((400, 500), level)
        noisy = add_noise(flat, noise, 3)
        assert float(noisy.mean()) == pytest.approx(level, abs=3e-4)
        assert float(noisy.std()) == pytest.approx(math.sqrt(1e-3 * level + 1e-4), rel=0.01)
        assert torch.equal(noisy, add_noise(flat, noise, 3))
        assert not torch.equal(noisy, add_noise(flat, noise, 4))
    with pytest.raises(UsageError, match="shot and read"):
        SensorNoise(-1, 0)
    with pytest.raises(UsageError, match="no noise preset is called 'loud'"):
        noise_preset("loud")
    assert [preset.read for preset in NOISE_PRESETS.values()] == sorted(
        preset.read for preset in NOISE_PRESETS.values()
    )


def test_the_lens_reaches_the_blur_that_was_asked_for():
    depth = torch.tensor([0.5, 1.0, 8.0])
    middle = thin_lens(depth, 8, None)
    assert middle.focus_m == pytest.approx(2 / (1 / 0.5 + 1 / 8))
    near, far = (middle.kappa_px * (1 - middle.focus_m / z) for z in (0.5, 8.0))
    assert (near, far) == (pytest.approx(-8), pytest.approx(8))
    close = thin_lens(depth, 6, 0.5)
    assert close.kappa_px * (1 - 0.5 / 8.0) == pytest.approx(6)
    assert thin_lens(torch.full((2, 2), 3.0), 8, None).kappa_px == 0
    for wrong in (torch.tensor([0.0, 1.0]), torch.tensor([1.0, float("inf")]), torch.tensor([float("nan"), 1.0])):
        with pytest.raises(UsageError, match="finite metres above 0"):
            thin_lens(wrong, 8, None)
    with pytest.raises(UsageError, match="focus"):
        thin_lens(depth, 8, -1.0)


@given(st.integers(-6, 6), st.integers(0, 2**16))
@settings(max_examples=15, deadline=None)
def test_without_depth_edges_occlusion_changes_nothing(radius, seed):
    light = torch.rand(1, 3, 24, 30, generator=torch.Generator().manual_seed(seed))
    coc = torch.full((1, 24, 30), radius)
    plain, layered = (blur(light, coc, REALISTIC) for blur in (blur_without_occlusion, blur_with_occlusion))
    for one, other in zip(plain, layered, strict=True):
        torch.testing.assert_close(one, other, atol=2e-6, rtol=0)


def test_the_plain_blur_is_the_kernel():
    light = torch.zeros(1, 1, 31, 31)
    light[0, 0, 15, 15] = 1.0
    for radius in (-4, 4):
        left, right = signed_kernels(radius, REALISTIC)
        views = blur_without_occlusion(light, torch.full((1, 31, 31), radius), REALISTIC)
        half = left.shape[0] // 2
        inner = slice(15 - half, 16 + half)
        for view, kernel in ((views.left, left), (views.right, right)):
            # What a point spreads is its correlation weights turned by 180 degrees.
            np.testing.assert_allclose(view[0, 0, inner, inner].numpy(), kernel[::-1, ::-1], atol=1e-6)


def step(near_radius: int, far_radius: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A white object on the left half in front of a black background."""
    light = torch.zeros(1, 1, 40, 80)
    light[..., :40] = 1.0
    coc = torch.full((1, 40, 80), far_radius)
    coc[..., :40] = near_radius
    return light, coc


def test_a_blurred_foreground_spreads_over_a_sharp_background():
    light, coc = step(-6, 0)
    plain, layered = (blur(light, coc, REALISTIC) for blur in (blur_without_occlusion, blur_with_occlusion))
    assert float(plain.left[0, 0, 20, 41]) == 0.0, "the published models keep the sharp outline"
    for view in layered:
        row = view[0, 0, 20]
        assert 0.2 < float(row[41]) < 0.8
        assert float(row[60]) == 0.0
        assert float(row[20]) == pytest.approx(1.0, abs=1e-5)
    # Near points lie farther right in the left view.
    assert float(layered.left[0, 0, 20, 40:50].sum()) > float(layered.right[0, 0, 20, 40:50].sum())


def test_a_sharp_foreground_keeps_its_edge_and_its_colour():
    light, coc = step(0, 6)
    for view in blur_with_occlusion(light, coc, REALISTIC):
        row = view[0, 0, 20]
        assert torch.equal(row[:40], torch.ones(40)), "nothing from behind gets in front"
        assert float(row[40:].max()) < 1e-5, "and its own light does not leak onto what is behind"


def test_a_batch_is_its_pictures():
    light = torch.rand(2, 3, 30, 40, generator=torch.Generator().manual_seed(0))
    coc = torch.from_numpy(np.kron(np.random.default_rng(0).integers(-5, 6, (2, 3, 4)), np.ones((1, 10, 10), np.int64)))
    both = blur_with_occlusion(light, coc, REALISTIC)
    for n in range(2):
        alone = blur_with_occlusion(light[n : n + 1], coc[n : n + 1], REALISTIC)
        torch.testing.assert_close(both.left[n : n + 1], alone.left, atol=2e-6, rtol=0)


def test_light_is_blurred_not_codes():
    sharp = torch.zeros(1, 1, 32, 32, dtype=torch.uint8)
    sharp[..., 16:] = 255
    depth = torch.full((1, 32, 32), 4.0)
    depth[0, 0, 0] = 2.0
    options = {"max_blur_px": 8, "focus_m": 2.0, "noise": CLEAN, "occlusion": False}
    srgb, linear = (
        simulate_realistic(sharp, depth, REALISTIC, is_linear=is_linear, **options).center
        for is_linear in (False, True)
    )
    edge = (..., slice(20, 28), slice(12, 20))
    expected = codes_of(linear_to_srgb(unit_values(linear[edge])), torch.uint8)
    assert int((srgb[edge].int() - expected.int()).abs().max()) <= 8  # the linear codes were rounded to 8 bit first
    assert srgb[edge].float().mean() > linear[edge].float().mean() + 20


def test_the_centre_is_the_mean_light_of_the_noisy_halves():
    sharp = picture(dtype=np.uint16)
    depth = torch.full((1, 40, 56), 3.0)
    views = simulate_realistic(
        sharp, depth, REALISTIC, max_blur_px=4, focus_m=None, noise=NOISE_PRESETS["low"], occlusion=True, is_linear=True
    )
    mean = (unit_values(views.left) + unit_values(views.right)) / 2
    inside = (views.left.int() > 0) & (views.right.int() > 0) & (views.left.int() < 65535) & (views.right.int() < 65535)
    assert float((unit_values(views.center) - mean)[inside].abs().max()) <= 1.6e-5
    assert not torch.equal(views.left.int(), views.right.int()), "the noise of the halves is independent"


@given(st.integers(8, 60), st.integers(8, 60), st.integers(0, 2**20))
@settings(max_examples=20, deadline=None)
def test_procedural_depth_is_within_its_limits_and_follows_its_seed(height, width, seed):
    depth = procedural_depth(height, width, seed, nearest_m=1.0, farthest_m=9.0)
    assert depth.shape == (height, width)
    assert depth.min() >= 1.0 - 1e-9
    assert depth.max() <= 9.0 + 1e-9
    np.testing.assert_array_equal(depth, procedural_depth(height, width, seed, nearest_m=1.0, farthest_m=9.0))


def test_procedural_depths_differ_and_have_edges():
    maps = [procedural_depth(60, 80, seed) for seed in range(6)]
    assert len({depth.tobytes() for depth in maps}) == 6
    assert all(np.abs(np.diff(1 / depth, axis=1)).max() > 0.05 for depth in maps)
    with pytest.raises(UsageError, match="0 < nearest < farthest"):
        procedural_depth(4, 4, 0, nearest_m=3, farthest_m=2)


@pytest.mark.parametrize("name", MODEL_PRESETS)
def test_every_preset_renders(name):
    sharp = picture(72, 90)
    depth = torch.from_numpy(procedural_depth(72, 90, 1, nearest_m=1.5, farthest_m=9.0))[None]
    model = model_preset(name)
    views = simulate(sharp, depth, model)
    for view in (views.left, views.right, views.center, views.target):
        assert view.shape == sharp.shape
        assert view.dtype == sharp.dtype
    assert views.blur_px.shape == (1, 72, 90)
    assert torch.isfinite(views.blur_px).all()
    if isinstance(model, DddModel):
        assert float(views.blur_px.max()) <= 0, "everything is nearer than the focus"
    again = simulate(sharp, depth, model)
    assert torch.equal(views.left, again.left), "the same seed, the same picture"


def test_models_name_what_they_cannot_do():
    depth = torch.full((1, 40, 56), 3.0)
    with pytest.raises(UsageError, match="8-bit codes"):
        simulate(picture(dtype=np.uint16), depth, model_preset("rdpd/set0"))
    with pytest.raises(UsageError, match="no simulation model is called 'rdpd/set9'"):
        model_preset("rdpd/set9")
    with pytest.raises(UsageError, match=r"depth: expected shape \(1, 40, 56\)"):
        simulate(picture(), depth[:, :10], RealisticModel())
    with pytest.raises(UsageError, match="max blur"):
        simulate(picture(), depth, replace(RealisticModel(), max_blur_px=0))
    sixteen = simulate(picture(dtype=np.uint16), depth, RealisticModel(noise=CLEAN))
    assert sixteen.left.dtype == torch.uint16
