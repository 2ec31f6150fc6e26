"""The released network against numbers of the official code: names, shapes, every stored array."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from ldpbench.core.errors import UsageError
from ldpbench.networks.build import build_named
from ldpbench.networks.cost import macs, parameters
from tests.fill import fill, views

GOLDEN = Path(__file__).parents[2] / "golden"
FACTS = json.loads((GOLDEN / "ldp_release_network.json").read_text())
ARRAYS = np.load(GOLDEN / "ldp_release_network.npz")
TOLERANCE = FACTS["suggested_tolerance"]


@pytest.fixture(scope="module")
def network():
    return fill(build_named("ldp-official", **FACTS["constructor"])).eval()


def picture(height, width):
    blur_map = np.random.default_rng(1).random((1, 1, height, width), dtype=np.float32)
    return torch.from_numpy(np.concatenate([views(height, width), blur_map], axis=1))


def run(network, x):
    """The output and what the stored places inside the network saw."""
    seen = {}
    hooks = [
        network.ca.register_forward_hook(lambda _, __, y: seen.update({"ca": y[:, ::4, ::4, ::4]})),
        network.naf.encoders[0].register_forward_hook(
            lambda _, __, y: seen.update({"naf.encoders.0": y[:, ::4, ::4, ::4]})
        ),
        network.naf.middle_blks.register_forward_hook(lambda _, __, y: seen.update({"naf.middle_blks": y[:, ::8]})),
    ]
    with torch.inference_mode():
        seen["output"] = network(x)
        blur_map = x[:, -1:]
        seen["attention_before_softmax"] = network.ca.scores(network.patch_embed(x[:, :6]), blur_map)[0]
        # What is added to the cosines: the scores of this map less those of an empty one.
        empty = network.ca.scores(network.patch_embed(x[:, :6]), torch.zeros_like(blur_map))[0]
        seen["pooled_mask"] = seen["attention_before_softmax"] - empty
    for hook in hooks:
        hook.remove()
    return seen


@pytest.mark.parametrize("case", FACTS["cases"])
def test_every_stored_array(network, case):
    seen = run(network, picture(*FACTS["cases"][case]["size"]))
    stored = {key.removeprefix(f"{case}:"): ARRAYS[key] for key in ARRAYS.files if key.startswith(f"{case}:")}
    assert set(stored) <= set(seen)
    assert len(stored) >= 3
    for place, expected in stored.items():
        np.testing.assert_allclose(seen[place].numpy(), expected, **TOLERANCE, err_msg=f"{case}: {place}")


def test_the_state_dict_has_the_names_shapes_and_order_of_the_checkpoint(network):
    own = [
        [key, list(value.shape), str(value.dtype).removeprefix("torch.")] for key, value in network.state_dict().items()
    ]
    assert sorted(own) == sorted(FACTS["state_dict"])


def test_parameters_and_operations(network):
    assert parameters(network) == FACTS["parameters"] == 7_624_961
    children = {name: parameters(child) for name, child in network.named_children()}
    assert children == FACTS["parameters_by_child"]
    assert macs(network, 256, 256) == FACTS["macs_256x256"]


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
        build_named("ldp-official", **options)
    if "inp_channels" not in options:
        assert "did you mean" in refused.value.hint


def test_a_wrong_name_is_refused_with_the_closest_one():
    with pytest.raises(UsageError) as refused:
        build_named("ldp-oficial")
    assert "'ldp-official'" in refused.value.hint
