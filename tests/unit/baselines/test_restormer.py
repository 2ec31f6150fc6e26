"""Restormer's options, quirks and strips of rows; its numbers are compared in the parity tests too."""

import sys

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from ldpbench.api import UsageError, build_network
from ldpbench.core.resources import load_folder_package, shipped_root
from ldpbench.methods.runtime import restore_pair
from ldpbench.records import read_records
from tests.parity.base import captured, fill, load_golden, shapes_of, stored, views

FOLDER = shipped_root() / "baselines" / "restormer"
PLUGIN = load_folder_package(FOLDER)
NETWORK_MODULE = sys.modules[PLUGIN.Restormer.__module__]
TINY = load_golden("restormer_dp_tiny")[0]["options"]
SINGLE_TINY = {**TINY, "inp_channels": 3, "dual_pixel_task": False}


def plain_block(block, x):
    """A block by its definition: q and k divided by their lengths, everything at once."""
    n, channels, height, width = x.shape
    attention = block.attn
    normed = functional.layer_norm(x.movedim(1, -1), (channels,), block.norm1.body.weight, block.norm1.body.bias, 1e-5)
    qkv = attention.qkv_dwconv(attention.qkv(normed.movedim(-1, 1)))
    q, k, v = (part.reshape(n, attention.heads, -1, height * width) for part in qkv.chunk(3, dim=1))
    q, k = functional.normalize(q, dim=-1), functional.normalize(k, dim=-1)
    mixed = (q @ k.transpose(-2, -1) * attention.temperature).softmax(-1) @ v
    x = x + attention.project_out(mixed.reshape(x.shape))
    normed = functional.layer_norm(x.movedim(1, -1), (channels,), block.norm2.body.weight, block.norm2.body.bias, 1e-5)
    gate, value = block.ffn.dwconv(block.ffn.project_in(normed.movedim(-1, 1))).chunk(2, dim=1)
    return x + block.ffn.project_out(functional.gelu(gate) * value)


@pytest.mark.parametrize("golden", ["restormer_dp", "restormer_single"])
def test_the_full_size_networks_give_the_published_statistics(golden):
    facts, _ = load_golden(golden)
    network = fill(build_network("restormer", **facts["options"]))
    for case, about in facts["cases"].items():
        (height, width), (rows, columns) = about["size"], about["network_size"]
        x = functional.pad(views(height, width, about["channels"]), (0, columns - width, 0, rows - height), "reflect")
        places = about.get("intermediates", {})
        with torch.inference_mode(), captured(network, places) as seen:
            found = {f"{case}_output": network(x)[..., :height, :width]}
        found |= {f"mid:{place}": stored(seen[place], part) for place, part in places.items()}
        for name, value in found.items():
            expected = facts["statistics"][name]
            own = {"mean": value.mean(), "std": value.std(correction=0), "min": value.min(), "max": value.max()}
            for key, number in own.items():
                assert number.item() == pytest.approx(expected[key], abs=facts["tolerance"]["atol"]), (name, key)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"inp_channels": 6, "dual_pixel_task": True},
        {"bias": True, "LayerNorm_type": "BiasFree"},
        {"dim": 24, "num_blocks": (1, 2, 3, 4), "heads": (2, 3, 4, 6), "num_refinement_blocks": 0},
        {"dim": 32, "ffn_expansion_factor": 2.0, "inp_channels": 1, "out_channels": 1},
        {"dim": 16, "ffn_expansion_factor": 2.6666666, "inp_channels": 6, "out_channels": 1, "dual_pixel_task": True},
        {**TINY, "bias": True},
    ],
)
def test_options_are_read_off_the_weights(options):
    shapes = shapes_of("restormer", **options)
    found = PLUGIN.infer_options(shapes)
    assert shapes_of("restormer", **found) == shapes
    for name in options.keys() - {"ffn_expansion_factor"}:
        assert found[name] == (list(options[name]) if isinstance(options[name], tuple) else options[name])


def test_the_published_factor_is_read_as_it_was_written():
    assert PLUGIN.infer_options(shapes_of("restormer"))["ffn_expansion_factor"] == 2.66


@settings(max_examples=10, deadline=None)
@given(dim=st.sampled_from([8, 16, 24, 48]), factor=st.floats(0.5, 5, allow_nan=False))
def test_any_factor_is_read_well_enough(dim, factor):
    options = {"dim": dim, "num_blocks": (1, 1, 1, 1), "ffn_expansion_factor": factor}
    shapes = shapes_of("restormer", **options)
    assert shapes_of("restormer", **PLUGIN.infer_options(shapes)) == shapes


def test_a_few_missing_or_extra_entries_do_not_hide_it():
    shapes = shapes_of("restormer", **TINY)
    expected = PLUGIN.infer_options(shapes)
    for key in ("encoder_level1.0.attn.qkv.weight", "refinement.0.norm2.body.bias", "latent.0.attn.temperature"):
        del shapes[key]
    assert PLUGIN.infer_options({**shapes, "step": ()}) == expected


@pytest.mark.parametrize("name", ["ldp-tiny", "ldp-official", "nafnet"])
def test_other_networks_are_not_taken_for_it(name):
    foreign = {key: tuple(value.shape) for key, value in build_network(name).state_dict().items()}
    assert PLUGIN.infer_options(foreign) is None


@pytest.mark.parametrize("key", ["patch_embed.proj.weight", "output.weight", "down1_2.body.0.weight"])
@pytest.mark.parametrize("shape", [None, (), (3,)])
def test_a_telling_entry_missing_or_misshapen_makes_it_another(key, shape):
    shapes = shapes_of("restormer", **TINY)
    if shape is None:
        del shapes[key]
    else:
        shapes[key] = shape
    assert PLUGIN.infer_options(shapes) is None


def test_nothing_is_nothing():
    assert PLUGIN.infer_options({}) is None
    assert PLUGIN.infer_options({"patch_embed.proj.weight": (48, 6, 3, 3), "output.weight": (3, 96, 3, 3)}) is None


@pytest.mark.parametrize(
    "options",
    [
        {"num_blocks": (1, 1, 1)},
        {"heads": (1, 2, 4)},
        {"heads": (1, 2, 5, 8)},
        {"heads": (0, 2, 4, 8)},
        {"LayerNorm_type": "withbias"},
        {"dual_pixel_task": False},
        {"dims": 8},
    ],
)
def test_wrong_options_are_refused(options):
    with pytest.raises(UsageError):
        build_network("restormer", **{**TINY, **options})


def test_the_first_and_the_resizing_convolutions_never_have_a_bias():
    keys = shapes_of("restormer", **{**TINY, "bias": True})
    biases = {key.removesuffix(".bias") for key in keys if key.endswith(".bias")}
    assert not {key for key in biases if key.startswith(("patch_embed", "down", "up"))}
    assert {"output", "skip_conv", "reduce_chan_level3", "latent.0.attn.qkv", "latent.0.ffn.dwconv"} <= biases


@pytest.mark.parametrize("dual", [True, False])
def test_the_picture_is_added_to_the_answer_only_without_the_dual_pixel_task(dual):
    network = fill(build_network("restormer", **(TINY if dual else SINGLE_TINY)))
    with torch.inference_mode():
        network.output.weight.zero_()
        x = views(16, 24, 6 if dual else 3)
        assert torch.equal(network(x), torch.zeros(1, 3, 16, 24) if dual else x)


@settings(max_examples=15, deadline=None)
@example(height=3, width=1, rows=1, bias=False)
@given(height=st.integers(1, 40), width=st.integers(1, 24), rows=st.integers(1, 9), bias=st.booleans())
def test_strips_of_rows_are_the_two_convolutions(height, width, rows, bias):
    pointwise = nn.Conv2d(3, 10, 1, bias=bias).double()
    depthwise = nn.Conv2d(10, 10, 3, padding=1, groups=10, bias=bias).double()
    x = torch.randn(2, 3, height, width, dtype=torch.float64)
    with pytest.MonkeyPatch.context() as patch, torch.inference_mode():
        patch.setattr(NETWORK_MODULE, "STRIP_NUMBERS", rows * 10 * width)
        parts = list(NETWORK_MODULE.strips(pointwise, depthwise, x))
        torch.testing.assert_close(torch.cat(parts, dim=2), depthwise(pointwise(x)), rtol=0, atol=1e-12)
    strip = max(rows, 2)
    assert (len(parts) == 1) == (strip >= height)
    assert strip >= height or max(part.shape[2] for part in parts) <= strip


@pytest.mark.parametrize("numbers", [1, 1 << 40])
@pytest.mark.parametrize("bias", [False, True])
def test_a_block_is_its_definition_and_so_are_its_gradients(monkeypatch, numbers, bias):
    monkeypatch.setattr(NETWORK_MODULE, "STRIP_NUMBERS", numbers)
    block = fill(NETWORK_MODULE.Block(8, 2, 2.66, bias=bias, norm="WithBias")).double().train()
    x = torch.randn(2, 8, 9, 7, dtype=torch.float64, requires_grad=True)
    found, expected = block(x), plain_block(block, x)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    weighting = torch.randn_like(expected)
    inputs = [x, *block.parameters()]
    own = torch.autograd.grad((found * weighting).sum(), inputs)
    plain = torch.autograd.grad((expected * weighting).sum(), inputs)
    torch.testing.assert_close(own, plain, rtol=0, atol=1e-10)


def test_features_without_any_signal_are_finite_and_so_are_their_gradients():
    network = build_network("restormer", **TINY)
    x = torch.zeros(1, 6, 16, 16, requires_grad=True)
    network(x).sum().backward()
    assert x.grad.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters() if parameter.grad is not None)


def test_strips_change_no_answer_of_the_whole_network(monkeypatch):
    network = fill(build_network("restormer", **TINY))
    x = views(40, 56)
    with torch.inference_mode():
        monkeypatch.setattr(NETWORK_MODULE, "STRIP_NUMBERS", 1 << 40)
        whole = network(x)
        monkeypatch.setattr(NETWORK_MODULE, "STRIP_NUMBERS", 42 * 56 * 5)
        torch.testing.assert_close(network(x), whole, rtol=1e-4, atol=1e-4)


def test_the_hidden_width_is_rounded_down():
    hidden = [shapes_of("restormer")[f"{stage}.0.ffn.project_out.weight"][1] for stage in ("encoder_level1", "latent")]
    assert hidden == [127, 1021]


@pytest.mark.parametrize("variant", ["dual", "single"])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (61, 47)])
def test_any_size_runs_as_a_method(variant, height, width):
    record = next(record for record in read_records(FOLDER) if record.variant == variant)
    network = fill(build_network("restormer", **(TINY if variant == "dual" else SINGLE_TINY)))
    method = PLUGIN.build(network, record)
    left, right = (views(height, width, 3, seed)[0].permute(1, 2, 0).contiguous().numpy() for seed in (1, 2))
    assert restore_pair(method, left, right).shape == (height, width, 3)


def test_the_left_view_comes_first_and_both_are_seen():
    record = read_records(FOLDER)[0]
    network = fill(build_network("restormer", **TINY))
    method = PLUGIN.build(network, record)
    left, right = views(16, 24, 3, 1), views(16, 24, 3, 2)
    with torch.inference_mode():
        found = method.restore(left=left, right=right, center=None, blur_map=None)
        assert torch.equal(found, network(torch.cat([left, right], dim=1)))
        swapped = method.restore(left=right, right=left, center=None, blur_map=None)
    assert (found - swapped).abs().max() > 0.1


def test_pictures_of_a_batch_do_not_mind_each_other():
    network = fill(build_network("restormer", **TINY))
    x = torch.cat([views(16, 24), views(16, 24, seed=3)])
    with torch.inference_mode():
        together = network(x)
        for index in range(2):
            torch.testing.assert_close(together[index : index + 1], network(x[index : index + 1]), rtol=0, atol=1e-4)
