"""The NAF block, its local pooling and the U-Net of them against their definitions."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from ldpbench.networks.nafnet import ChannelNorm, NafBlock, NafBody, Pool, local_mean
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


def body(**options):
    """Two levels that differ, from 4 channels to 2."""
    return fill(NafBody(4, 2, width=8, encoder=(1, 2), middle=1, decoder=(2, 1), **options)).eval()


def u_net(network, x):
    """The two levels written out."""
    first = network.encoders[0](network.intro(x))
    second = network.encoders[1](network.downs[0](first))
    deepest = network.middle_blks(network.downs[1](second))
    second = network.decoders[0](network.ups[0](deepest) + second)
    first = network.decoders[1](network.ups[1](second) + first)
    return network.ending(first)


@settings(max_examples=15, deadline=None)
@given(height=st.integers(1, 13), width=st.integers(1, 13))
def test_a_body_is_a_u_net_of_what_zeros_fill_up(height, width):
    network = body()
    x = torch.rand(2, 4, height, width, generator=torch.Generator().manual_seed(height * 16 + width))
    whole = torch.zeros(2, 4, -(-height // 4) * 4, -(-width // 4) * 4)
    whole[..., :height, :width] = x
    with torch.inference_mode():
        found, expected = network(x), u_net(network, whole)[..., :height, :width]
    assert found.shape == (2, 2, height, width)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_a_body_has_the_blocks_and_the_windows_of_each_level():
    network = body(windows=[(12, 16), 7, None])
    assert [len(level) for level in network.encoders] == [1, 2]
    assert [len(level) for level in network.decoders] == [2, 1]
    windows = {name: module.window for name, module in network.named_modules() if isinstance(module, Pool)}
    assert windows == {
        "encoders.0.0.sca.0": (12, 16),
        "encoders.1.0.sca.0": (7, 7),
        "encoders.1.1.sca.0": (7, 7),
        "middle_blks.0.sca.0": None,
        "decoders.0.0.sca.0": (7, 7),
        "decoders.0.1.sca.0": (7, 7),
        "decoders.1.0.sca.0": (12, 16),
    }


def test_a_body_without_levels_is_a_row_of_blocks():
    network = fill(NafBody(3, 3, width=8, encoder=(), middle=2, decoder=())).eval()
    x = torch.rand(1, 3, 5, 7)
    with torch.inference_mode():
        torch.testing.assert_close(network(x), network.ending(network.middle_blks(network.intro(x))))
