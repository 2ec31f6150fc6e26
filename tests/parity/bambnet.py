"""BaMBNet: the deblurring network, with and without the blur masks of its training, and the one for the blur."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ldpbench.api import build_network
from ldpbench.networks.cost import count_macs, parameters
from tests.parity.base import Comparison, Parity, captured, compare, fill, load_golden, own_entries, stored, views

GOLDEN = ("bambnet", "bambnet_coc")
PUBLISHED_GMACS = {"bambnet": 62.65, "bambnet_coc": 62.65}


def input_of(about: Mapping[str, Any]) -> Tensor:
    """Two views, and the circle of confusion where the case has one."""
    height, width, channels, seed = about["views"]
    picture = views(height, width, channels, seed)
    if "blur_map" not in about:
        return picture
    draws = np.random.default_rng(about["blur_map"]["seed"]).random((1, 3, height, width), dtype=np.float32)
    return torch.cat([picture, torch.from_numpy(draws * about["blur_map"]["times"])], dim=1)


def check(golden: str) -> Parity:
    """Every stored array of one golden file."""
    facts, arrays = load_golden(golden)
    network: Any = fill(build_network("bambnet", **facts["options"]))
    comparisons: list[Comparison] = []
    for case, about in facts["cases"].items():
        network.iter_num = about.get("iter_num", network.iter_num)
        with torch.inference_mode(), captured(network, [name for name in about["arrays"] if name != "output"]) as seen:
            (output,) = network(input_of(about))
        for name, part in about["arrays"].items():
            own = stored(output if name == "output" else seen[name], part)
            comparisons.append(compare(case, name, own, arrays[f"{case}:{name}"], facts["tolerance"]))
    own_keys = own_entries(network)
    with torch.device("meta"):
        macs = count_macs(build_network("bambnet", **facts["options"]), [torch.zeros(1, 6, 256, 256)])
    return Parity(
        golden,
        "bambnet",
        own_keys == facts["state_dict"],
        len(own_keys),
        parameters(network),
        facts["parameters"],
        macs,
        tuple(comparisons),
    )
