"""DPDNet, whose published form is a Keras model."""

import torch
from torch.nn import functional

from ldpbench.api import build_network
from ldpbench.core.resources import load_folder_package, shipped_root
from ldpbench.networks.cost import count_macs, parameters
from tests.parity.base import Parity, captured, compare, fill_channels_last, load_golden, stored, views

GOLDEN = ("dpdnet",)
PUBLISHED_GMACS = {"dpdnet": 54.83}
PLUGIN = load_folder_package(shipped_root() / "baselines" / "dpdnet")


def check(golden: str) -> Parity:
    """Every stored array; kernels and arrays are stored channels last."""
    facts, arrays = load_golden(golden)
    state = PLUGIN.convert({key: fill_channels_last(key, tuple(shape)) for key, shape, _ in facts["weights"]})
    network = build_network("dpdnet", **facts["options"]).eval()
    own = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    equal = own == {key: value.shape for key, value in state.items()}
    network.load_state_dict({key: torch.from_numpy(value) for key, value in state.items()})
    case, tolerance = facts["cases"]["main"], facts["tolerance"]
    x = views(*case["size"])
    with torch.inference_mode(), captured(network, case["intermediates"]) as seen:
        found = {"main:output": network(x), "main:logits": network.logits(x)}
    comparisons = [
        compare("main", name, value.permute(0, 2, 3, 1), arrays[name], tolerance) for name, value in found.items()
    ]
    for place, part in case["intermediates"].items():
        value = stored(functional.relu(seen[place]).permute(0, 2, 3, 1), part)
        comparisons.append(compare("main", place, value, arrays[facts["stored_as"][place]], tolerance))
    macs = count_macs(network, [torch.zeros(1, 6, 256, 256)])
    return Parity(
        golden,
        "dpdnet",
        equal,
        len(own),
        parameters(network),
        facts["parameters"],
        macs,
        tuple(comparisons),
    )
