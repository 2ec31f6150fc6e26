"""The released network's quirks; its numbers are compared in the parity tests."""

import numpy as np
import pytest
import torch

from ldpbench.api import UsageError, build_network
from ldpbench.blurmap.estimator import BlurMap
from ldpbench.core.resources import load_folder_package, shipped_root
from ldpbench.methods.find import find_method
from ldpbench.methods.runtime import restore_pair
from tests.parity.base import fill, load_golden
from tests.parity.ldp_official import picture

FACTS, _ = load_golden("ldp_release")


@pytest.fixture(scope="module")
def network():
    return fill(build_network("ldp-official", **FACTS["options"]))


def test_the_children_have_their_published_sizes(network):
    found = {name: sum(p.numel() for p in child.parameters()) for name, child in network.named_children()}
    assert found == FACTS["parameters_by_child"]


def test_only_the_last_channel_is_the_map(network):
    x = picture(32, 48)
    with torch.inference_mode():
        expected = network(x)
        nine = torch.cat([x[:, :6], torch.rand(1, 2, 32, 48), x[:, -1:]], dim=1)
        assert torch.equal(network(nine), expected)
        assert not torch.allclose(network(torch.cat([x[:, :6], x[:, -1:].flip(-2)], dim=1)), expected, atol=1e-2)


def test_a_map_that_is_alike_along_rows_changes_nothing(network):
    """It moves all scores of a channel by one number, which a softmax does not see."""
    x = picture(64, 64)
    rows = torch.rand(1, 1, 64, 1).expand(1, 1, 64, 64)
    with torch.inference_mode():
        flat, sloped = (network(torch.cat([x[:, :6], plane], dim=1)) for plane in (torch.zeros_like(rows), rows))
    torch.testing.assert_close(flat, sloped, rtol=0, atol=1e-4)


def test_the_unused_convolution_is_not_used(network):
    x = picture(32, 32)
    kept = network.ca.qkv_dwconv.weight.detach().clone()
    with torch.inference_mode():
        expected = network(x)
        network.ca.qkv_dwconv.weight.zero_()
        found = network(x)
        network.ca.qkv_dwconv.weight.copy_(kept)
    assert torch.equal(found, expected)


@pytest.mark.parametrize("options", [{"inp_channel": 6}, {"inp_channels": 3}, {"biass": True}])
def test_wrong_options_are_refused(options):
    with pytest.raises(UsageError) as refused:
        build_network("ldp-official", **options)
    if "inp_channels" not in options:
        assert "did you mean" in refused.value.hint


def test_a_wrong_name_is_refused_with_the_closest_one():
    with pytest.raises(UsageError) as refused:
        build_network("ldp-oficial")
    assert "'ldp-official'" in refused.value.hint


class Recipe:
    """In place of CLIP, whose weights are not ours to ship: a map that depends on both views."""

    def estimate(self, left, right):
        blur_map = np.abs(left - right).mean(axis=2)
        return BlurMap(probability=blur_map, logits=-blur_map, normalisation="none")


def test_the_method_feeds_it_8_bits_and_the_blur_map_of_the_recipe(network, monkeypatch):
    recipe = Recipe()
    plugin = load_folder_package(shipped_root() / "baselines" / "ldp-official")
    monkeypatch.setattr(f"{plugin.__name__}.method.blur_map_estimator", lambda name: {"clip-patch": recipe}[name])
    method = plugin.build(network, find_method("ldp-official").record)
    left, right = (np.random.default_rng(seed).random((48, 90, 3), dtype=np.float32) for seed in (1, 2))
    cut = [np.floor(np.rint(view * 65535) / 256).astype(np.float32) / 255 for view in (left, right)]
    blur_map = recipe.estimate(*cut).probability
    planes = [torch.from_numpy(plane.transpose(2, 0, 1))[None] for plane in (*cut, blur_map[:, :, None])]
    with torch.inference_mode():
        expected = network(torch.cat(planes, dim=1))[0].permute(1, 2, 0).clamp(0, 1).numpy()
    np.testing.assert_allclose(restore_pair(method, left, right), expected, atol=1e-6)


def test_options_are_read_off_the_entries():
    plugin = load_folder_package(shipped_root() / "baselines" / "ldp-official")
    for options in ({"inp_channels": 6, "out_channels": 3, "bias": True}, FACTS["options"]):
        state = build_network("ldp-official", **options).state_dict()
        assert plugin.infer_options({key: tuple(value.shape) for key, value in state.items()}) == options
    assert plugin.infer_options({"patch_embed.proj.weight": (48, 6, 3, 3)}) is None
