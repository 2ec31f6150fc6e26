"""Charbonnier and blur weighting: against plain NumPy loops, their bounds, and their gradients."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.core.errors import UsageError
from ldpbench.simulation.noise import NOISE_PRESETS
from ldpbench.training.losses.blur_weighting import FLOOR_STD, blur_weighting
from ldpbench.training.losses.charbonnier import EPSILON, charbonnier
from ldpbench.training.losses.deviation import squared_deviation


def pictures(seed, count=4, shape=(2, 3, 5, 7), dtype=torch.float32) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(shape, generator=generator, dtype=dtype) for _ in range(count)]


def probability(seed, shape=(2, 1, 5, 7), dtype=torch.float32) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1000 + seed), dtype=dtype)


def numpy_charbonnier(restored, target, epsilon):
    values = []
    for image, truth in zip(restored.numpy(), target.numpy(), strict=True):
        for i in range(image.shape[1]):
            for j in range(image.shape[2]):
                norm = np.linalg.norm(truth[:, i, j] - image[:, i, j])
                values.append(math.sqrt(norm**2 + epsilon**2))
    return sum(values) / len(values)


def numpy_blur_weighting(restored, target, left, right, weight, noise_std):
    values = []
    for n in range(len(target)):
        for i in range(target.shape[2]):
            for j in range(target.shape[3]):
                truth, image, one, other = (x[n, :, i, j].numpy() for x in (target, restored, left, right))
                above = ((truth - image) ** 2).sum()
                below = ((truth - (one + other) / 2) ** 2).sum()
                values.append(above / max(below, len(truth) * noise_std**2) * weight[n, 0, i, j].item())
    return sum(values) / len(values)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("seed", [0, 1])
def test_both_equal_a_plain_restatement(seed, channels):
    restored, target, left, right = pictures(seed, shape=(2, channels, 5, 7), dtype=torch.float64)
    left[:, :, :2], right[:, :, :2] = target[:, :, :2], target[:, :, :2]  # some pixels fall below the floor
    weight = probability(seed, dtype=torch.float64)
    expected = numpy_charbonnier(restored, target, 1e-4)
    assert charbonnier(restored, target).item() == pytest.approx(expected, rel=1e-12)
    assert charbonnier(restored.float(), target.float()).item() == pytest.approx(expected, rel=1e-6)
    expected = numpy_blur_weighting(restored, target, left, right, weight, 0.05)
    assert blur_weighting(restored, target, left, right, weight).item() == pytest.approx(expected, rel=1e-12)
    single = [x.float() for x in (restored, target, left, right, weight)]
    assert blur_weighting(*single).item() == pytest.approx(expected, rel=1e-5)


def test_a_grey_error_by_hand():
    target = torch.zeros(1, 3, 2, 2)
    restored = torch.full((1, 3, 2, 2), 0.3)
    assert charbonnier(restored, target).item() == pytest.approx(0.3 * math.sqrt(3), rel=1e-6)
    blurry = torch.full((1, 3, 2, 2), 0.6)
    half = torch.full((1, 1, 2, 2), 0.5)
    assert blur_weighting(restored, target, blurry, blurry, half).item() == pytest.approx(0.5 * 0.25, rel=1e-6)


def test_a_perfect_restoration_costs_epsilon_and_nothing():
    target, left, right = pictures(3, 3)
    assert charbonnier(target.clone(), target).item() == pytest.approx(EPSILON, rel=1e-6)
    assert blur_weighting(target.clone(), target, left, right, probability(3)).item() == 0.0


def test_the_mean_of_the_views_itself_costs_the_mean_probability():
    target, left, right = pictures(4, 3)
    left, right = left + 1, right + 1  # above the floor everywhere
    weight = probability(4)
    assert blur_weighting((left + right) / 2, target, left, right, weight).item() == pytest.approx(
        weight.mean().item(), rel=1e-5
    )


def test_where_nothing_was_blurred_the_floor_keeps_loss_and_gradient_finite():
    target = pictures(5, 1)[0]
    restored = (target + 0.1).requires_grad_()
    ones = torch.ones(2, 1, 5, 7)
    loss = blur_weighting(restored, target, target.clone(), target.clone(), ones)
    assert loss.item() == pytest.approx((0.1 / FLOOR_STD) ** 2, rel=1e-4)
    loss.backward()
    assert restored.grad is not None
    assert torch.isfinite(restored.grad).all()


def test_the_simulators_own_noise_stays_below_the_floor():
    noise = NOISE_PRESETS["low"]
    light = 0.18
    of_a_mean = math.sqrt((noise.shot * light + noise.read**2) / 2)
    slope = 1.055 / 2.4 * light ** (1 / 2.4 - 1)  # of the sRGB curve
    assert math.sqrt(2) * slope * of_a_mean == pytest.approx(0.0093, rel=0.02)
    assert FLOOR_STD > 5 * 0.0093


@pytest.mark.parametrize("loss", ["charbonnier", "blur_weighting"])
def test_gradients_are_those_of_the_formula(loss):
    shape = (2, 3, 2, 2)
    restored, target, left, right = pictures(6, 4, shape, torch.float64)
    restored[0, :, 0, 0] = target[0, :, 0, 0]  # the tip, where a plain root would have no slope
    restored.requires_grad_()
    weight = probability(6, (2, 1, 2, 2), torch.float64)
    if loss == "charbonnier":
        # A wide tip: at the paper's epsilon finite differences of 1e-6 would see its curvature.
        assert torch.autograd.gradcheck(lambda x: charbonnier(x, target, 1e-2), restored)
        return
    assert torch.autograd.gradcheck(lambda x: blur_weighting(x, target, left, right, weight), restored)


def test_the_slope_at_the_tip_is_zero_and_not_nan():
    target = pictures(7, 1)[0]
    restored = target.clone().requires_grad_()
    charbonnier(restored, target).backward()
    assert restored.grad is not None
    assert torch.equal(restored.grad, torch.zeros_like(target))


def test_nothing_flows_into_the_blur_map():
    restored, target, left, right = pictures(8)
    weight = probability(8).requires_grad_()
    assert not blur_weighting(restored, target, left, right, weight).requires_grad
    blur_weighting(restored.requires_grad_(), target, left, right, weight).backward()
    assert weight.grad is None


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), scale=st.floats(0.01, 4))
def test_bounds(seed, scale):
    restored, target, left, right = pictures(seed)
    restored = restored * scale
    error = squared_deviation(restored, target)
    assert error.shape == (2, 1, 5, 7)
    mean_norm = error.sqrt().mean().item()
    assert mean_norm * (1 - 1e-5) <= charbonnier(restored, target).item() <= mean_norm + EPSILON + 1e-6
    loss = blur_weighting(restored, target, left, right, probability(seed)).item()
    assert 0 <= loss <= error.mean().item() / (3 * FLOOR_STD**2) * (1 + 1e-5)
    heavier = blur_weighting(restored, target, left, right, torch.ones(2, 1, 5, 7)).item()
    assert loss <= heavier * (1 + 1e-5)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_a_batch_costs_the_mean_of_its_pictures(seed):
    batch = [*pictures(seed, shape=(4, 3, 5, 7)), probability(seed, (4, 1, 5, 7))]
    singles = [[x[n : n + 1] for x in batch] for n in range(4)]
    mean = np.mean([charbonnier(*one[:2]).item() for one in singles])
    assert charbonnier(*batch[:2]).item() == pytest.approx(mean, rel=1e-5)
    mean = np.mean([blur_weighting(*one).item() for one in singles])
    assert blur_weighting(*batch).item() == pytest.approx(mean, rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_pictures_are_measured_in_float32(dtype):
    restored, target, left, right = (x.to(dtype) for x in pictures(9))
    weight = probability(9).to(dtype)
    wide = [x.float() for x in (restored, target, left, right, weight)]
    assert charbonnier(restored, target).dtype is torch.float32
    assert torch.equal(charbonnier(restored, target), charbonnier(*wide[:2]))
    assert torch.equal(blur_weighting(restored, target, left, right, weight), blur_weighting(*wide))


def test_autocast_changes_nothing():
    restored, target, left, right = pictures(10)
    weight = probability(10)
    plain = charbonnier(restored, target), blur_weighting(restored, target, left, right, weight)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under = charbonnier(restored, target), blur_weighting(restored, target, left, right, weight)
    assert all(torch.equal(a, b) and b.dtype is torch.float32 for a, b in zip(plain, under, strict=True))


def test_shapes_that_would_broadcast_are_refused():
    restored, target, left, right = pictures(11)
    weight = probability(11)
    with pytest.raises(UsageError, match=r"\(2, 1, 5, 7\)"):
        charbonnier(restored[:, :1], target)
    with pytest.raises(UsageError, match="one shape"):
        charbonnier(restored[0], target[0])
    with pytest.raises(UsageError, match="expected a blur map"):
        blur_weighting(restored, target, left, right, weight[:1])
    with pytest.raises(UsageError, match="expected a blur map"):
        blur_weighting(restored, target, left, right, weight[:, 0])
    with pytest.raises(UsageError, match="views differ"):
        blur_weighting(restored, target, left, right[:1], weight)
