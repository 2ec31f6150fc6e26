"""NAFNet with three and six channels, its local form, and six channels to three."""

import torch

from ldpbench.api import build_network
from ldpbench.networks.cost import count_macs, parameters
from tests.parity.base import Comparison, Parity, captured, compare, fill, load_golden, own_entries, stored, views

FULL_SIZE = ("nafnet_w32_gopro", "nafnet_w32_dp6", "nafnet_w32_sidd")
GOLDEN = (*FULL_SIZE, "nafnet_dp6_tiny", "nafnet_dp6_dark_tiny", "nafnet_dp63_tiny", "nafnet_tlc_dp6_tiny")
PUBLISHED_GMACS = {"nafnet_w32_gopro": 15.96, "nafnet_w32_dp6": 16.07, "nafnet_w32_sidd": 16.05}


def check(golden: str) -> Parity:
    """Every stored array of one golden file; without arrays, names and shapes."""
    facts, arrays = load_golden(golden)
    macs = None
    if golden in FULL_SIZE:
        with torch.device("meta"):
            picture = torch.zeros(1, facts["options"]["img_channel"], 256, 256)
            macs = count_macs(build_network("nafnet", **facts["options"]), [picture])
    with torch.device("cpu" if arrays else "meta"):
        network = build_network("nafnet", **facts["options"])
    comparisons: list[Comparison] = []
    if arrays:
        fill(network, facts["post_fill"])
    for case, about in facts["cases"].items() if arrays else ():
        places = about.get("intermediates", {})
        with torch.inference_mode(), captured(network, places) as seen:
            output = network(views(*about["size"], about["channels"]))
        comparisons.append(compare(case, "output", output, arrays[f"{case}_output"], facts["tolerance"]))
        for place, part in places.items():
            own = stored(seen[place], part)
            comparisons.append(compare(case, place, own, arrays[f"mid:{place}"], facts["tolerance"]))
    entries = own_entries(network)
    return Parity(
        golden,
        "nafnet",
        sorted(entries) == sorted(facts["state_dict"]),
        len(entries),
        parameters(network),
        facts["parameters"],
        macs,
        tuple(comparisons),
    )
