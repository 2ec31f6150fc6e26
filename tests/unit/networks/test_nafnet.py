"""The NAF block and its local pooling against their definitions."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from ldpbench.networks.nafnet import ChannelNorm, NafBlock, Pool, local_mean
from tests.fill import fill


def box_means(x, rows, columns):
    """The mean of every window that fits, the map's edge values repeated outwards."""
    height, width = x.shape[-2] - rows + 1, x.shape[-1] - columns + 1
    inside = np.stack(
        [[x[..., i : i + rows, j : j + columns].mean((-2, -1)) for j in range(width)] for i in range(height)]
    )
    inside = np.moveaxis(inside, (0, 1), (-2, -1))
    top, left = (rows - 1) // 2, (columns - 1) // 2
    edges = [(0, 0)] * (x.ndim - 2) + [(top, rows - 1 - top), (left, columns - 1 - left)]
    return np.pad(inside, edges, mode="edge")


@settings(max_examples=30, deadline=None)
@given(height=st.integers(1, 9), width=st.integers(1, 9), data=st.data())
def test_local_mean_is_the_box_mean_with_repeated_borders(height, width, data):
    rows, columns = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    x = np.random.default_rng(0).standard_normal((2, 3, height, width))
    found = local_mean(torch.from_numpy(x), rows, columns).numpy()
    np.testing.assert_allclose(found, box_means(x, rows, columns), rtol=0, atol=1e-12)


def test_local_mean_keeps_its_digits_on_a_whole_picture():
    """A running sum over 2 million positions in float32 would lose them."""
    x = torch.full((1, 1, 1120, 1680), 1000.0)
    x[..., -1, -1] = 1001.0
    assert local_mean(x, 384, 384)[0, 0, -1, -1].item() == pytest.approx(1000 + 1 / 384**2, abs=1e-4)


@pytest.mark.parametrize("window", [7, 8, 100])
def test_a_window_over_the_whole_map_is_the_global_mean(window):
    x = torch.randn(2, 4, 5, 7)
    assert torch.equal(Pool(window)(x), Pool()(x))


def test_a_window_that_covers_one_axis_is_cut_to_the_map():
    x = torch.randn(1, 2, 3, 9, dtype=torch.float64)
    np.testing.assert_allclose(Pool(4)(x).numpy(), box_means(x.numpy(), 3, 4), atol=1e-12)


def test_the_norm_is_layer_norm_over_channels():
    x = 5 * torch.randn(2, 6, 4, 3) + 2
    norm = fill(ChannelNorm(6))
    channels_last = functional.layer_norm(x.permute(0, 2, 3, 1), (6,), norm.weight, norm.bias, eps=1e-6)
    torch.testing.assert_close(norm(x), channels_last.permute(0, 3, 1, 2), rtol=1e-5, atol=1e-5)


def test_the_norm_is_float32_under_bfloat16_autocast():
    x = torch.randn(1, 8, 4, 4) * 1e-2 + 100  # bfloat16 has steps of 0.5 here
    norm = ChannelNorm(8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = norm(x)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, norm(x))


def test_a_constant_position_is_finite_and_so_is_its_gradient():
    x = torch.full((1, 4, 2, 2), 3.0, requires_grad=True)
    ChannelNorm(4)(x).sum().backward()
    assert x.grad.isfinite().all()


def test_a_new_block_changes_nothing_and_a_filled_one_does():
    x = torch.randn(1, 8, 6, 6)
    block = NafBlock(8)
    assert torch.equal(block(x), x)
    assert not torch.allclose(fill(block)(x), x, atol=1e-2)
