"""DDDNet: each of its two networks, and both in sequence."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ldpbench.api import build_network
from ldpbench.networks.cost import count_macs, parameters
from tests.parity.base import Comparison, Parity, captured, compare, fill, load_golden, own_entries, stored, views

GOLDEN = ("dddnet_estd", "dddnet_esti")
PUBLISHED_GMACS = {"dddnet_estd": 81.74, "dddnet_esti": 57.85}


def run_estd(network: Any, left: Tensor, right: Tensor) -> dict[str, Tensor]:
    """Disparity and intermediates; those of the features are of the left view."""
    with captured(network, ["matching", "matching.conv1a"]) as seen:
        disparity = network(left, right)
    with captured(network, ["feature.branch1"]) as of_left:
        features = network.feature(left)
    return {**seen, **of_left, "disparity": disparity, "feature_left": features}


def run_esti(network: Any, left: Tensor, right: Tensor, about: Mapping[str, Any]) -> dict[str, Tensor]:
    """Picture, disparity and intermediates."""
    if "disparity_of" in about:
        golden, name = about["disparity_of"]
        disparity = load_golden(golden)[1][name]
    else:
        source = about["disparity"]
        disparity = np.random.default_rng(source["seed"]).random((1, *left.shape[2:]), dtype=np.float32)
        disparity = disparity * source["times"]
    with captured(network, ["encoder1", "decoder2", "cam_attention"]) as seen:
        picture, middle = network(left, right, torch.from_numpy(disparity))
    return {**seen, "image": picture, "disparity": middle}


def check(golden: str) -> Parity:
    """Every stored array of one golden file."""
    facts, arrays = load_golden(golden)
    network = fill(build_network("dddnet", **facts["options"]))
    of_estd = golden == "dddnet_estd"
    comparisons: list[Comparison] = []
    for case, about in facts["cases"].items():
        height, width, channels, seed = about["views"]
        left, right = views(height, width, channels, seed).split(3, dim=1)
        with torch.inference_mode():
            seen = run_estd(network, left, right) if of_estd else run_esti(network, left, right, about)
        for name, part in about["arrays"].items():
            own = stored(seen[name], part)
            comparisons.append(compare(case, name, own, arrays[f"{case}:{name}"], facts["tolerance"]))
    own_keys = own_entries(network)
    with torch.device("meta"):
        view, disparity = torch.zeros(1, 3, 256, 256), torch.zeros(1, 256, 256)
        inputs = [view, view] if of_estd else [view, view, disparity]
        macs = count_macs(build_network("dddnet", **facts["options"]), inputs)
    return Parity(
        golden,
        "dddnet",
        own_keys == facts["state_dict"],
        len(own_keys),
        parameters(network),
        facts["parameters"],
        macs,
        tuple(comparisons),
    )
