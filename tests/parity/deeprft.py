"""DeepRFT with three channels and with six."""

from typing import Any

import torch
from torch import nn

from ldpbench.api import build_network
from ldpbench.methods.tiling import in_windows
from ldpbench.networks.cost import count_macs, parameters
from tests.parity.base import Comparison, Parity, captured, compare, fill, load_golden, own_entries, stored, views

FULL_SIZE = ("deeprft", "deeprft_dp6")
GOLDEN = (*FULL_SIZE, "deeprft_tiny", "deeprft_dp6_tiny")
PUBLISHED_GMACS = {"deeprft": 76.9}
OUTPUTS = ("output", "output_scale1", "output_scale2")


def run(network: nn.Module, about: dict[str, Any], channels: int) -> dict[str, Any]:
    """The outputs of one case, and the stored parts of what modules gave."""
    places, x = about["intermediates"], views(*about["size"], channels)
    with torch.inference_mode(), captured(network, places) as seen:
        if "window" in about:
            return {"output": in_windows(lambda part: network(part)[0], [x], about["window"])}
        outputs = dict(zip(OUTPUTS, network(x), strict=True))
        return {**outputs, **{place: stored(seen[place], part) for place, part in places.items()}}


def check(golden: str) -> Parity:
    """Every stored array of one golden file; without arrays, names and shapes."""
    facts, arrays = load_golden(golden)
    network = fill(build_network("deeprft", **facts["options"]), facts["post_fill"])
    channels = facts["options"].get("in_channels", 3)
    comparisons: list[Comparison] = []
    for case, about in facts["cases"].items() if arrays else ():
        for name, own in run(network, about, channels).items():
            expected = arrays[f"{case}_{name}" if name in OUTPUTS else f"mid:{name}"]
            comparisons.append(compare(case, name, own, expected, facts["tolerance"]))
    entries = own_entries(network)
    macs = count_macs(network, [torch.zeros(1, channels, 256, 256)]) if golden in FULL_SIZE else None
    return Parity(
        golden,
        "deeprft",
        entries == facts["state_dict"],
        len(entries),
        parameters(network),
        facts["parameters"],
        macs,
        tuple(comparisons),
    )
