"""RDPD, whose published form is a Keras model."""

import numpy as np
import torch
from torch import Tensor

from ldpbench.api import build_network
from ldpbench.core.resources import load_folder_package, shipped_root
from ldpbench.networks.cost import count_macs, parameters
from tests.parity.base import Comparison, Parity, captured, compare, fill_channels_last, load_golden, stored

GOLDEN = ("rdpd",)
PUBLISHED_GMACS = {"rdpd": 18.04}
PLUGIN = load_folder_package(shipped_root() / "baselines" / "rdpd")
PLACES = {"convlstm_input": ("bottom", "[..., ::64]"), "convlstm": ("lstm", "[..., ::32]")}


def frames(shape: list[int]) -> Tensor:
    """(N, T, 7, H, W): made-up views and the radial map."""
    both = np.random.default_rng(0).random(shape, dtype=np.float32)
    count, length, height, width, _ = shape
    radial = PLUGIN.radial_map(height, width).expand(count, length, -1, -1, -1)
    return torch.cat([torch.from_numpy(both).movedim(-1, 2), radial], dim=2)


def check(golden: str) -> Parity:
    """Every stored array; kernels and arrays are stored channels last."""
    facts, arrays = load_golden(golden)
    state = PLUGIN.convert({key: fill_channels_last(key, tuple(shape)) for key, shape, _ in facts["weights"]})
    network = build_network("rdpd", **facts["options"]).eval()
    own = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    equal = own == {key: value.shape for key, value in state.items()}
    network.load_state_dict({key: torch.from_numpy(value) for key, value in state.items()})
    comparisons: list[Comparison] = []
    for case, about in facts["cases"].items():
        x = frames(about["shape"])
        with torch.inference_mode(), captured(network, ["bottom", "lstm"]) as seen:
            found = {"output": network(x), "unclipped": network.unclipped(x)}
        seen["bottom"] = seen["bottom"].relu().unflatten(0, x.shape[:2])
        for name, (place, part) in PLACES.items():
            if f"{case}:{name}" in arrays:
                value = stored(seen[place].movedim(2, -1), part)
                comparisons.append(compare(case, name, value, arrays[f"{case}:{name}"], facts["tolerance"]))
        for name, value in found.items():
            expected = arrays[f"{case}:{name}"]
            comparisons.append(compare(case, name, value.movedim(2, -1), expected, facts["tolerance"]))
    macs = count_macs(network, [torch.zeros(1, 7, 256, 256)])
    return Parity(golden, "rdpd", equal, len(own), parameters(network), facts["parameters"], macs, tuple(comparisons))
