"""Configurations: what is refused, what the zoo holds, what a variant changes, what each costs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from ldpbench.core.errors import UsageError
from ldpbench.networks.build import build_named, build_network
from ldpbench.networks.config import NetworkConfig
from ldpbench.networks.cost import macs, parameters
from ldpbench.networks.zoo import PRIORS, variant, zoo_config, zoo_names

COSTS = json.loads((Path(__file__).parents[2] / "golden" / "network_costs.json").read_text())
SIZES = {"name": "ldp-test", "width": 8, "encoder": (1, 1), "middle": 1, "decoder": (1, 1), "head_channels": 8}


def test_the_zoo_is_the_one_that_is_pinned():
    assert (
        zoo_names()
        == sorted({key.partition("/")[0] for key in COSTS["costs"]})
        == ["ldp-large", "ldp-small", "ldp-tiny"]
    )
    for name in zoo_names():
        assert zoo_config(name).name == name


@pytest.mark.parametrize("key", COSTS["costs"])
def test_costs_are_pinned(key):
    name, prior = key.split("/")
    network = build_network(variant(zoo_config(name), prior))
    size = COSTS["size_px"]
    assert {"parameters": parameters(network), "macs": macs(network, size, size)} == COSTS["costs"][key]


def test_macs_are_those_of_the_layers_counted_by_hand():
    """One level, no block: 3x3 6->4, 2x2 4->8, attention on 4 positions, 1x1 8->16, 3x3 4->3."""
    config = NetworkConfig(
        name="ldp-hand",
        width=4,
        encoder=(0,),
        middle=0,
        decoder=(0,),
        prior="sa",
        attention=("middle",),
        head_channels=8,
    )
    convolutions = 16 * 9 * 6 * 4 + 4 * 4 * 4 * 8 + 4 * 8 * 24 + 4 * 8 * 8 + 4 * 8 * 16 + 16 * 9 * 4 * 3
    products = 2 * 4 * 4 * 8
    assert macs(build_network(config), 4, 4) == convolutions + products


def test_counting_leaves_the_network_as_it_was():
    network = build_named("ldp-tiny").train()
    macs(network, 32, 32)
    assert network.training
    assert all(module.training for module in network.modules())


def test_the_sizes_are_what_they_are_called():
    cost = {name: COSTS["costs"][f"{name}/bpa"] for name in zoo_names()}
    assert cost["ldp-tiny"]["parameters"] <= 1_000_000
    assert 0.8 < cost["ldp-small"]["parameters"] / 7_624_961 < 1.2
    assert 0.8 < macs(build_named("ldp-small"), 256, 256) / 10_457_796_608 < 1.2  # of the released network
    assert 2 < cost["ldp-large"]["macs"] / cost["ldp-small"]["macs"] < 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kernel": 4}, "odd"),
        ({"encoder": (1,)}, "levels"),
        ({"encoder": (), "decoder": ()}, "encoder"),
        ({"decoder": (1, -1)}, "fewer than 0"),
        ({"attention": ("middel",)}, "middel"),
        ({"attention": ("encoder-2",)}, "encoder-2"),
        ({"attention": ("middle", "middle")}, "twice"),
        ({"attention": ()}, "at least one level"),
        ({"head_channels": 5}, "no multiple of 5"),
        ({"pooling": "local"}, "pooling_px"),
        ({"pooling_px": 256}, "pooling_px"),
        ({"pooling": "local", "pooling_px": 3}, "at least 4"),
        ({"prior": "blur"}, "prior"),
        ({"width": 0}, "width"),
        ({"name": "LDP Test"}, "name"),
        ({"depth": 3}, "depth"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    with pytest.raises(ValidationError, match=message):
        NetworkConfig.model_validate({**SIZES, **change})


def test_levels_halve_and_double():
    config = NetworkConfig.model_validate({**SIZES, "encoder": (1, 1, 1), "decoder": (1, 1, 1)})
    assert config.multiple_of == 8
    assert config.levels == ("encoder-0", "encoder-1", "encoder-2", "middle", "decoder-0", "decoder-1", "decoder-2")
    assert [config.shrinkage(level) for level in config.levels] == [1, 2, 4, 8, 4, 2, 1]
    assert [config.channels(level) for level in config.levels] == [8, 16, 32, 64, 32, 16, 8]


def test_a_configuration_survives_json():
    for name in zoo_names():
        config = zoo_config(name)
        assert NetworkConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize("prior", PRIORS)
def test_a_variant_changes_the_prior_and_the_name_alone(prior):
    config = zoo_config("ldp-small")
    other = variant(config, prior)
    assert other.prior == prior
    assert other.model_dump(exclude={"prior", "name"}) == config.model_dump(exclude={"prior", "name"})
    assert len({variant(config, each).name for each in PRIORS}) == len(PRIORS)
    # There and back is the same network, so that its name means one thing.
    assert variant(other, "bpa").prior == "bpa"
    assert build_network(variant(zoo_config("ldp-tiny"), prior)).config.prior == prior


def test_unknown_names_are_refused_with_the_closest_one():
    calls = (
        lambda: zoo_config("ldp-tinny"),
        lambda: build_named("ldp-tinny"),
        lambda: variant(zoo_config("ldp-tiny"), "bpaa"),
    )
    for call in calls:
        with pytest.raises(UsageError) as refused:
            call()
        assert "did you mean" in refused.value.hint


def test_options_of_the_zoo_are_fields_of_its_configuration():
    assert build_named("ldp-tiny", prior="concat").config.prior == "concat"
    with pytest.raises(UsageError, match="widht"):
        build_named("ldp-tiny", widht=8)
    with pytest.raises(UsageError, match="odd"):
        build_named("ldp-tiny", kernel=4)


def test_configurations_are_read_without_torch():
    code = (
        "import sys; from ldpbench.networks.zoo import *; zoo_config(zoo_names()[0]); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", ["ldp-tiny", "ldp-small"])
def test_a_network_of_the_zoo_restores_and_learns(name):
    config = zoo_config(name)
    network = build_network(config)
    side = 2 * config.multiple_of
    left, right = torch.rand(2, 1, 3, side, side)
    restored = network(left, right, torch.randn(1, 1, side, side))
    assert restored.shape == left.shape
    restored.square().mean().backward()
    assert network.ending.weight.grad.abs().max() > 0
