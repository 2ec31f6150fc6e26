"""DMENet's map, whose published form is a TensorLayer model."""

import torch
from torch.nn import functional

from ldpbench.api import build_network
from ldpbench.core.resources import load_folder_package, shipped_root
from ldpbench.networks.cost import count_macs, parameters
from tests.parity.base import Parity, captured, compare, fill_channels_last, load_golden, stored, views

GOLDEN = ("dmenet",)
PUBLISHED_GMACS = {"dmenet": 80.53}
PLUGIN = load_folder_package(shipped_root() / "baselines" / "dmenet")


def check(golden: str) -> Parity:
    """Every stored array; kernels and arrays are stored channels last."""
    facts, arrays = load_golden(golden)
    state = PLUGIN.convert({key: fill_channels_last(key, tuple(shape)) for key, shape, _ in facts["weights"]})
    network = build_network("dmenet").eval()
    own = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    equal = own == {key: value.shape for key, value in state.items()} if len(state) == len(facts["weights"]) else False
    network.load_state_dict({key: torch.from_numpy(value) for key, value in state.items()})
    x = views(*facts["cases"]["main"]["size"], 3)
    with torch.inference_mode(), captured(network, ["encoder.conv1_2", "encoder.conv5_4", "decoder.u0"]) as seen:
        logits, output = network.logits(x), network(x)
        heads = network.auxiliary(x)
        start = network._levels(x)["u0"]
    found = {
        "output": (output, "[...]"),
        "logits": (logits, "[...]"),
        "conv1_2": (functional.relu(seen["encoder.conv1_2"]), "[:, ::4, ::4, ::4]"),
        "conv5_4": (functional.relu(seen["encoder.conv5_4"]), "[..., ::32]"),
        "u0_init": (start, "[:, ::4, ::4, ::8]"),
        "refined": (seen["decoder.u0"], "[:, ::4, ::4, ::8]"),
        "u4_aux": (heads["u4"], "[...]"),
        "u0_aux": (heads["u0"], "[:, ::4, ::4]"),
    }
    comparisons = tuple(
        compare("main", name, stored(value.permute(0, 2, 3, 1), part), arrays[f"main:{name}"], facts["tolerance"])
        for name, (value, part) in found.items()
    )
    # The published count takes moving statistics along; they are not learnt.
    learnt = parameters(network) + sum(buffer.numel() for buffer in network.buffers())
    macs = count_macs(network, [torch.zeros(1, 3, 256, 256)])
    return Parity(golden, "dmenet", equal, len(own), learnt, facts["parameters"], macs, comparisons)
