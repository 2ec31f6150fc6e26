"""The network of the paper: what it takes, what it gives, and every row of Table 6."""

import pytest
import torch
from torch import nn

from ldpbench.networks.build import build_network
from ldpbench.networks.config import NetworkConfig
from ldpbench.networks.zoo import PRIORS, variant

ATTENDING = ("sa", "concat+sa", "bpa")
SIZES = {"width": 8, "encoder": (1, 1), "middle": 1, "decoder": (1, 1), "head_channels": 8, "kernel": 3}


def config_of(**options):
    return NetworkConfig(name="ldp-test", **(SIZES | {"attention": ("middle", "decoder-0")} | options))


def busy(config, seed=0):
    """A network none of whose parameters is zero, in evaluation mode."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build_network(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            spread = 0.7 / max(parameter[0].numel(), 4) ** 0.5 if parameter.ndim > 1 else 0.3
            parameter.add_(torch.randn(parameter.shape, generator=generator) * spread)
    return network.eval()


def inputs_of(count=2, height=16, width=24, seed=1):
    generator = torch.Generator().manual_seed(seed)
    left, right = (torch.rand(count, 3, height, width, generator=generator) for _ in range(2))
    return left, right, 5 * torch.randn(count, 1, height, width, generator=generator)


@pytest.mark.parametrize("prior", PRIORS)
def test_an_untrained_network_gives_the_mean_of_the_views(prior):
    left, right, logits = inputs_of()
    with torch.inference_mode():
        restored = build_network(config_of(prior=prior)).eval()(left, right, logits)
    torch.testing.assert_close(restored, (left + right) / 2, rtol=0, atol=1e-2)


@pytest.mark.parametrize("prior", PRIORS)
def test_the_map_matters_exactly_where_it_is_needed(prior):
    config = config_of(prior=prior)
    network = busy(config)
    left, right, logits = inputs_of()
    with torch.inference_mode():
        first, other = network(left, right, logits), network(left, right, logits.flip(-1))
    assert config.needs_blur_map == (prior in ("concat", "concat+sa", "bpa"))
    assert torch.equal(first, other) == (not config.needs_blur_map)
    if config.needs_blur_map:
        with pytest.raises(ValueError, match="blur logits"):
            network(left, right)
    else:
        with torch.inference_mode():
            assert torch.equal(network(left, right), first)


@pytest.mark.parametrize(
    ("prior", "channels", "attends", "has_kernels"),
    [
        ("none", 6, False, False),
        ("concat", 7, False, False),
        ("sa", 6, True, False),
        ("concat+sa", 7, True, False),
        ("bpa", 6, True, True),
    ],
)
def test_each_row_of_table_6_has_its_parts(prior, channels, attends, has_kernels):
    network = build_network(variant(config_of(), prior))
    first = next(module for module in network.modules() if isinstance(module, nn.Conv2d))
    assert first.in_channels == channels
    names = list(network.state_dict())
    assert any(".qkv." in name for name in names) == attends
    assert any(".kernels." in name for name in names) == has_kernels


@pytest.mark.parametrize("prior", PRIORS)
def test_pictures_of_a_batch_do_not_see_each_other(prior):
    network = busy(config_of(prior=prior)).train()
    left, right, logits = inputs_of(3)
    with torch.inference_mode():
        together = network(left, right, logits)
        alone = [network(left[i : i + 1], right[i : i + 1], logits[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=1e-5)


def test_there_is_no_state_beside_the_parameters():
    network = build_network(config_of())
    assert list(network.buffers()) == []
    assert not any(isinstance(m, nn.Dropout | nn.modules.batchnorm._BatchNorm) for m in network.modules())


@pytest.mark.parametrize("prior", PRIORS)
def test_the_same_call_gives_the_same_bits_and_gradients(prior):
    left, right, logits = inputs_of()
    results = []
    for _ in range(2):
        network = busy(config_of(prior=prior))
        restored = network(left, right, logits)
        restored.square().mean().backward()
        results.append([restored.detach(), *(p.grad for p in network.parameters())])
    for first, second in zip(*results, strict=True):
        assert torch.equal(first, second)


@pytest.mark.parametrize("prior", PRIORS)
def test_every_parameter_learns(prior):
    network = busy(config_of(prior=prior))
    network(*inputs_of()).square().mean().backward()
    idle = [
        name for name, parameter in network.named_parameters() if parameter.grad is None or not parameter.grad.any()
    ]
    assert idle == []


@pytest.mark.parametrize("value", [0.0, 1e-30, 100.0, -100.0, 1e10, 1e20, 3e38, -3e38])
@pytest.mark.parametrize("prior", ["concat", "concat+sa", "bpa"])
def test_finite_for_any_finite_map(prior, value):
    left, right, logits = inputs_of()
    network = busy(config_of(prior=prior))
    for plane in (torch.full_like(logits, value), torch.where(logits > 0, value, -value)):
        restored = network(left, right, plane)
        assert restored.isfinite().all()
        restored.mean().backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


@pytest.mark.parametrize("size", [(15, 24), (16, 25), (2, 3)])
def test_sizes_that_do_not_fit_are_refused(size):
    left, right, logits = inputs_of(1, *size)
    with pytest.raises(ValueError, match="multiples of 4"):
        busy(config_of())(left, right, logits)


@pytest.mark.parametrize("prior", ATTENDING)
def test_the_smallest_picture_works(prior):
    assert busy(config_of(prior=prior))(*inputs_of(1, 4, 4)).shape == (1, 3, 4, 4)


@pytest.mark.parametrize("prior", ATTENDING)
def test_a_window_over_the_whole_level_is_global_attention(prior):
    left, right, logits = inputs_of(2, 16, 16)
    results = [busy(config_of(prior=prior, span=span, window=8)) for span in ("global", "window")]
    with torch.inference_mode():
        whole, windowed = (network(left, right, logits) for network in results)
    torch.testing.assert_close(windowed, whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [(16, 24), (20, 28), (36, 12)])
def test_windows_do_not_see_each_other(size):
    """Also where the last windows stick out of the picture."""
    block = busy(config_of(prior="bpa", span="window", window=3)).attention["middle"]
    x = torch.randn(1, 32, size[0] // 4, size[1] // 4)
    logits = torch.randn(1, 1, *size)
    changed = x.clone()
    changed[..., :3, :3] += 1
    with torch.inference_mode():
        moved = (block(changed, logits) - block(x, logits)).abs().amax(1)[0]
    inside = torch.zeros_like(moved, dtype=torch.bool)
    inside[:3, :3] = True
    assert (moved[inside] > 0).all()
    assert moved[~inside].max() == 0


def test_local_pooling_is_global_where_its_window_covers_the_picture():
    left, right, logits = inputs_of(1, 16, 24)
    with torch.inference_mode():
        expected = busy(config_of())(left, right, logits)
        covering = busy(config_of(pooling="local", pooling_px=16))(left, right, logits)
        smaller = busy(config_of(pooling="local", pooling_px=8))(left, right, logits)
    assert torch.equal(covering, expected)
    assert not torch.allclose(smaller, expected, atol=1e-4)


def test_bfloat16_autocast_stays_near_float32():
    left, right, logits = inputs_of()
    network = busy(config_of())
    with torch.inference_mode():
        expected = network(left, right, logits)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = network(left, right, logits)
    assert (found.float() - expected).abs().max() < 0.05 * (expected - (left + right) / 2).abs().max() + 0.02


@pytest.mark.parametrize("prior", ["concat", "bpa"])
@pytest.mark.parametrize("shape", [(1, 1, 16, 24), (2, 1, 8, 12), (2, 3, 16, 24), (2, 1, 16, 28), (2, 16, 24)])
def test_a_map_of_another_batch_or_size_is_refused(prior, shape):
    left, right, _ = inputs_of()
    with pytest.raises(ValueError, match="expected blur logits"):
        busy(config_of(prior=prior))(left, right, torch.zeros(shape))


def test_views_of_different_sizes_are_refused():
    left, right, logits = inputs_of()
    with pytest.raises(ValueError, match="the left view"):
        busy(config_of())(left, right[:1], logits)
