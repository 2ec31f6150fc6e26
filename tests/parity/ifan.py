"""IFAN for two views and for one."""

from typing import Any

import torch
from torch import Tensor, nn

from ldpbench.api import build_network
from ldpbench.networks.cost import count_macs, parameters
from tests.parity.base import Comparison, Parity, captured, compare, fill, load_golden, own_entries, stored, views

GOLDEN = ("ifan_dual", "ifan_single", "ifan_dual_tiny")
PUBLISHED_GMACS = {"ifan_dual": 25.8}
FULL_SIZE = ("ifan_dual", "ifan_single")
FILTERS = "F"
BEFORE_FILTERS = "F.2"
"""The filters are made one by one, so the module that makes them is never called as a whole."""


def pictures(height: int, width: int, *, dual: bool) -> list[Tensor]:
    """The combined picture, and for two views the right and the left one; cut to multiples of 8."""
    both, center = views(height, width), views(height, width, 3, seed=1)
    given = [center, both[:, 3:], both[:, :3]] if dual else [center]
    return [picture[..., : height - height % 8, : width - width % 8] for picture in given]


def run(network: nn.Module, given: list[Tensor], places: dict[str, str]) -> dict[str, Any]:
    """The output, and the stored parts of what modules gave."""
    names = [BEFORE_FILTERS if place == FILTERS else place for place in places]
    with torch.inference_mode(), captured(network, names) as seen:
        found = {"output": network(*given)}
        if FILTERS in places:
            seen[FILTERS] = network.F[3](seen[BEFORE_FILTERS])
    return {**found, **{place: stored(seen[place], part) for place, part in places.items()}}


def check(golden: str) -> Parity:
    """Every stored array of one golden file; without arrays, names and shapes."""
    facts, arrays = load_golden(golden)
    options = facts["options"]
    network = fill(build_network("ifan", **options), facts["post_fill"])
    comparisons: list[Comparison] = []
    for case, about in facts["cases"].items() if arrays else ():
        found = run(network, pictures(*about["size"], dual=options["dual"]), about["intermediates"])
        for name, own in found.items():
            expected = arrays[f"{case}_output" if name == "output" else f"mid:{name}"]
            comparisons.append(compare(case, name, own, expected, facts["tolerance"]))
    macs = None
    if golden in FULL_SIZE:
        count = 3 if options["dual"] else 1
        macs = count_macs(network, [torch.zeros(1, 3, 256, 256)] * count)
    own = own_entries(network)
    return Parity(
        golden,
        "ifan",
        own == facts["state_dict"],
        len(own),
        parameters(network),
        facts["parameters"],
        macs,
        tuple(comparisons),
    )
