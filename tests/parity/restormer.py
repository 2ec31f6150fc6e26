"""Restormer, dual-pixel and single."""

import torch
from torch.nn import functional

from ldpbench.api import build_network
from ldpbench.networks.cost import count_macs, parameters
from tests.parity.base import Comparison, Parity, captured, compare, fill, load_golden, own_entries, stored, views

FULL_SIZE = ("restormer_dp", "restormer_single")
GOLDEN = (*FULL_SIZE, "restormer_dp_tiny", "restormer_dp_dark_tiny", "restormer_single_biasfree_tiny")
PUBLISHED_GMACS = {"restormer_dp": 155.3}


def check(golden: str) -> Parity:
    """Every stored array of one golden file; of the full-size networks, names and shapes without numbers."""
    facts, arrays = load_golden(golden)
    full_size = golden in FULL_SIZE
    with torch.device("meta" if full_size else "cpu"):
        network = build_network("restormer", **facts["options"])
        picture = torch.zeros(1, facts["options"]["inp_channels"], 256, 256)
    macs = count_macs(network, [picture]) if full_size else None
    comparisons: list[Comparison] = []
    if arrays:
        fill(network, facts["post_fill"])
    for case, about in facts["cases"].items() if arrays else ():
        (height, width), (rows, columns) = about["size"], about["network_size"]
        x = functional.pad(views(height, width, about["channels"]), (0, columns - width, 0, rows - height), "reflect")
        places = about.get("intermediates", {})
        with torch.inference_mode(), captured(network, places) as seen:
            output = network(x)[..., :height, :width]
        comparisons.append(compare(case, "output", output, arrays[f"{case}_output"], facts["tolerance"]))
        for place, part in places.items():
            own = stored(seen[place], part)
            comparisons.append(compare(case, place, own, arrays[f"mid:{place}"], facts["tolerance"]))
    own_list = own_entries(network)
    return Parity(
        golden,
        "restormer",
        own_list == facts["state_dict"],
        len(own_list),
        parameters(network),
        facts["parameters"],
        macs,
        tuple(comparisons),
    )
