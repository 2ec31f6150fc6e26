"""DDDNet's quirks; its numbers are compared in the parity tests."""

import sys
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.api import UsageError, build_network
from ldpbench.core.resources import load_folder_package, shipped_root
from ldpbench.methods.runtime import restore_pair
from ldpbench.networks.cost import count_macs, parameters
from ldpbench.records import read_records
from tests.parity.base import captured, fill, shapes_of, views

FOLDER = shipped_root() / "baselines" / "dddnet"
PLUGIN = load_folder_package(FOLDER)
ESTD = sys.modules[f"{PLUGIN.__name__}.estd"]
ESTI = sys.modules[f"{PLUGIN.__name__}.esti"]
RECORDS = read_records(FOLDER)
DEAD = (
    "features.",
    "matching.conv2a.",
    "matching.conv3a.",
    "matching.deconv2a.",
    "matching.deconv3a.",
    "matching.end.1.bn.",
    "feature.end.1.bn.",
)


@pytest.fixture(scope="module")
def estd():
    return fill(build_network("dddnet", part="estd"))


@pytest.fixture(scope="module")
def esti():
    return fill(build_network("dddnet", part="esti"))


@pytest.fixture(scope="module")
def both(estd, esti):
    network = build_network("dddnet").eval()
    network.load_state_dict(PLUGIN.merge([esti.state_dict(), estd.state_dict()]))
    return network


def pair(height=64, width=64, seed=0):
    return views(height, width, seed=seed).split(3, dim=1)


def test_the_cost_volume_is_what_it_says():
    left, right = torch.rand(2, 3, 4, 6), torch.rand(2, 3, 4, 6)
    volume = ESTD.cost_volume(left, right, 4)
    assert volume.shape == (2, 6, 4, 4, 6)
    for shift, x in product(range(4), range(6)):
        seen = volume[:, :, shift, :, x]
        if x < shift:
            assert not seen.any()
        else:
            assert torch.equal(seen, torch.cat([left[..., x], right[..., x - shift]], 1))


def test_the_least_cost_wins(estd, monkeypatch):
    """A soft minimum: the disparity whose cost is far below all others is the answer."""
    for plane, expected in ((0, 0), (3, 11)):
        costs = torch.full((1, 1, 4, 64, 64), 1000.0)
        costs[:, :, plane] = -1000.0
        monkeypatch.setattr(estd.matching, "forward", lambda *_, costs=costs: costs)
        with torch.inference_mode():
            disparity = estd(*pair())
        torch.testing.assert_close(disparity, torch.full((1, 64, 64), float(expected)), atol=0.51, rtol=0)


def test_equal_costs_give_the_middle(estd, monkeypatch):
    monkeypatch.setattr(estd.matching, "forward", lambda *_: torch.zeros(1, 1, 4, 64, 64))
    with torch.inference_mode():
        torch.testing.assert_close(estd(*pair()), torch.full((1, 64, 64), 5.5))


def test_a_norm_inside_the_convolution_changes_nothing(estd, monkeypatch):
    left, right = pair(64, 72)
    with torch.inference_mode():
        folded = estd(left, right)
        monkeypatch.setattr(ESTD.ConvNorm, "_folded", lambda block, x: block.bn(block.conv(x)))
        assert not torch.equal(estd(left, right), folded)
        torch.testing.assert_close(folded, estd(left, right), atol=1e-5, rtol=0)


@pytest.mark.parametrize("make", [ESTD.conv2d, ESTD.conv3d, ESTD.deconv3d])
def test_a_norm_of_tiny_variance_stays_finite(make):
    block = make(3, 5).double().eval()
    torch.nn.init.uniform_(block.bn.running_mean)
    torch.nn.init.uniform_(block.bn.weight)
    torch.nn.init.uniform_(block.bn.running_var, 0, 1e-4)
    x = torch.rand(2, 3, *([4] * (block.conv.weight.ndim - 2)), dtype=torch.float64)
    with torch.inference_mode():
        torch.testing.assert_close(block(x), block.bn(block.conv(x)).relu(), atol=1e-9, rtol=0)


def test_training_uses_the_batch(estd):
    network = fill(build_network("dddnet", part="estd")).train()
    before = network.feature.start[0].bn.running_mean.clone()
    with torch.no_grad():
        trained = network(*pair(64, 128))
        assert (trained - estd(*pair(64, 128))).abs().max() > 1e-3
    assert not torch.equal(network.feature.start[0].bn.running_mean, before)


def test_dead_entries_change_nothing(estd):
    network = fill(build_network("dddnet", part="estd"))
    with torch.no_grad():
        for key, value in network.state_dict().items():
            if key.startswith(DEAD) and value.is_floating_point():
                value.fill_(float("nan"))
    with torch.inference_mode():
        assert torch.equal(network(*pair()), estd(*pair()))


def test_gradients_reach_what_is_used_and_nothing_else():
    network = build_network("dddnet").train()
    picture, disparity = network(*pair())
    (picture.square().mean() + disparity.square().mean()).backward()
    dead = (*(f"estd.{prefix}" for prefix in DEAD), "esti.conv.")
    for name, value in network.named_parameters():
        assert (value.grad is None) == name.startswith(dead), name
        assert value.grad is None or torch.isfinite(value.grad).all(), name


def test_a_pooled_cell_grows_a_border(estd):
    """The 1 x 1 convolution pads: outside is what the norm makes of zero."""
    with torch.inference_mode(), captured(estd, ["feature.branch1", "feature.branch3"]) as seen:
        estd.feature(pair(64, 128)[0])
    assert seen["feature.branch1"].shape == (1, 32, 3, 4)
    assert seen["feature.branch3"].shape == (1, 32, 6, 10)
    norm = estd.feature.branch1[1][1]
    zero = norm.bias - norm.running_mean * norm.weight / (norm.running_var + norm.eps).sqrt()
    torch.testing.assert_close(seen["feature.branch1"][0, :, 0, 0], zero.relu(), atol=1e-6, rtol=1e-5)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 3), st.sampled_from([1, 2]), st.sampled_from([1, 2]), st.integers(1, 4), st.integers(1, 4))
def test_joined_patches_are_the_picture(count, rows, columns, height, width):
    x = torch.rand(count, 2, rows * height, columns * width)
    patches = ESTI.split(x, rows, columns)
    assert patches.shape == (count * rows * columns, 2, height, width)
    assert torch.equal(ESTI.join(patches, rows, columns), x)


def test_channels_mix_by_unlikeness():
    attention = ESTI.ChannelAffinity()
    torch.nn.init.constant_(attention.gamma, 0.7)
    x = torch.rand(1, 5, 3, 4)
    flat = x.reshape(5, 12).numpy()
    energy = flat @ flat.T
    weights = np.exp(energy.max(1, keepdims=True) - energy)
    weights /= weights.sum(1, keepdims=True)
    with torch.inference_mode():
        own = attention(x).reshape(5, 12).numpy()
    np.testing.assert_allclose(own, 0.7 * weights @ flat + flat, rtol=1e-5)


def test_quarters_and_halves_see_only_themselves(esti):
    """The coarse levels cut the picture: a change in one quarter stays there until the halves are joined."""
    left, right = pair()
    disparity = torch.rand(1, 64, 64) * 11
    with torch.inference_mode(), captured(esti, ["encoder3", "decoder3"]) as before:
        esti(left, right, disparity)
    changed = left.clone()
    changed[:, :, 8:24, 40:56] += 0.5
    with torch.inference_mode(), captured(esti, ["encoder3", "decoder3"]) as after:
        esti(changed, right, disparity)
    moved = [not torch.equal(*pairs) for pairs in zip(before["encoder3"], after["encoder3"], strict=True)]
    assert moved == [False, True, False, False]
    halves = [not torch.equal(*pairs) for pairs in zip(before["decoder3"], after["decoder3"], strict=True)]
    assert halves == [True, False]


def test_both_are_one_after_the_other(both, estd, esti):
    left, right = pair(64, 72)
    with torch.inference_mode():
        picture, disparity = both(left, right)
        expected = esti(left, right, estd(left, right))
        assert torch.equal(picture, expected[0])
        assert torch.equal(disparity, expected[1])
        assert torch.equal(both.picture(left, right), picture)
    assert picture.shape == (1, 3, 64, 72)
    assert disparity.shape == (1, 64, 72)


def test_items_of_a_batch_are_independent(both):
    one, other = pair(), pair(seed=4)
    with torch.inference_mode():
        together = both.picture(*(torch.cat(side) for side in zip(one, other, strict=True)))
        alone = torch.cat([both.picture(*one), both.picture(*other)])
    torch.testing.assert_close(together, alone, atol=0.02, rtol=1e-4)


def test_the_views_are_told_apart(both, estd):
    left, right = pair()
    with torch.inference_mode():
        assert (both.picture(left, right) - both.picture(right, left)).abs().max() > 1
        assert (estd(left, right) - estd(right, left)).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({}, "both"),
        ({"part": "both"}, "both"),
        ({"part": "estd"}, "estd"),
        ({"maxdisp": 12, "channel": 128, "mchannel": 32, "patchsize": 192}, "estd"),
        ({"maxdisp": 24}, "estd"),
        ({"part": "both", "maxdisp": 12}, "both"),
        ({"part": "esti"}, "esti"),
    ],
)
def test_options_are_read_off_the_shapes(options, part):
    shapes = shapes_of("dddnet", **options)
    found = PLUGIN.infer_options(shapes)
    assert found == {"part": part}
    assert shapes_of("dddnet", **found) == shapes
    some = {key: shape for key, shape in shapes.items() if "features." not in key and "conv.conv" not in key}
    assert PLUGIN.infer_options({**some, "loss.weight": (3,)}) == {"part": part}


@pytest.mark.parametrize(
    "shapes",
    [{}, {"encoder1.layer1.weight": (32, 6, 3, 3)}, {"matching.start.0.conv.weight": ()}, {"head.0.weight": (64, 6)}],
)
def test_foreign_entries_are_not_recognised(shapes):
    assert PLUGIN.infer_options(shapes) is None


@pytest.mark.parametrize("disparities", [12, 24])
def test_disparities_lie_in_their_range(disparities):
    network = fill(build_network("dddnet", maxdisp=disparities))
    with torch.inference_mode():
        disparity = network(*pair())
    assert disparity.shape == (1, 64, 64)
    assert disparity.min() >= 0
    assert disparity.max() <= disparities - 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"part": "depth"}, "found 'depth'"),
        ({"part": "esti", "maxdisp": 12}, "Esti has no options, found maxdisp"),
        ({"maxdisp": 8}, "multiple of 12, found 8"),
        ({"maxdisp": 0}, "multiple of 12, found 0"),
        ({"channel": 64}, "channel: expected 128, found 64"),
        ({"mchannel": 16}, "mchannel: expected 32, found 16"),
        ({"patchsize": 256}, "patchsize: expected 192, found 256"),
    ],
)
def test_wrong_options_are_named(options, words):
    with pytest.raises(UsageError, match=words):
        build_network("dddnet", **options)


def test_files_merge_in_any_order(both, estd, esti):
    states = [estd.state_dict(), esti.state_dict()]
    for order in (states, states[::-1]):
        merged = PLUGIN.merge(order)
        assert merged.keys() == both.state_dict().keys()
        assert all(torch.equal(merged[key], value) for key, value in both.state_dict().items())
    assert PLUGIN.merge([both.state_dict()]).keys() == merged.keys()


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([], "no file of Estd and Esti$"),
        (["estd"], "no file of Esti$"),
        (["esti"], "no file of Estd$"),
        (["estd", "estd"], "Estd comes twice"),
        (["estd", "esti", "esti"], "Esti comes twice"),
        (["estd", "foreign"], "file 2 of 2 is neither"),
    ],
)
def test_files_that_do_not_make_a_whole_are_named(parts, words, estd, esti):
    states = {"estd": estd.state_dict(), "esti": esti.state_dict(), "foreign": {"head.0.weight": torch.zeros(1)}}
    with pytest.raises(UsageError, match=words):
        PLUGIN.merge([states[part] for part in parts])


def test_the_records_are_true_of_the_network():
    with torch.device("meta"):
        network = build_network("dddnet")
        view = torch.zeros(1, 3, 256, 256)
        cost = count_macs(network, [view, view])
    for record in RECORDS:
        assert record.parameters == parameters(network)
        assert record.macs_256 == cost
        assert record.bits == 8
        assert record.channel_order == "rgb"
        assert [ref.name for ref in record.weights] == [f"{record.variant}/{part}.pkl" for part in ("Estd", "Esti")]
    assert [record.id for record in RECORDS] == ["dddnet", "dddnet-nyu"]


def test_as_a_method_it_takes_small_and_odd_pictures(both):
    rng = np.random.default_rng(2)
    left, right = rng.integers(0, 2**16, (2, 61, 75, 3), dtype=np.uint16)
    method = PLUGIN.build(both, RECORDS[0])
    answer = restore_pair(method, left, right)
    padded = [np.pad((view >> 8) / np.float32(255), ((0, 3), (0, 5), (0, 0)), mode="reflect") for view in (left, right)]
    with torch.inference_mode():
        fed = [torch.from_numpy(view.astype(np.float32)).permute(2, 0, 1)[None] for view in padded]
        expected = both.picture(*fed)[0].clamp(0, 1).permute(1, 2, 0).numpy()[:61, :75]
    assert 0 < expected.mean() < 1
    np.testing.assert_allclose(answer, expected, atol=0.02)
