"""The public LDP release."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ldpbench.api import build_network
from ldpbench.networks.cost import count_macs, parameters
from tests.parity.base import Comparison, Parity, captured, compare, fill, load_golden, own_entries, stored, views

GOLDEN = ("ldp_release",)
PUBLISHED_GMACS = {"ldp_release": 10.46}
PLACES = {"ca": "[:, ::4, ::4, ::4]", "naf.encoders.0": "[:, ::4, ::4, ::4]", "naf.middle_blks": "[:, ::8]"}


def picture(height: int, width: int) -> Tensor:
    """Two views and a blur map."""
    blur_map = np.random.default_rng(1).random((1, 1, height, width), dtype=np.float32)
    return torch.cat([views(height, width), torch.from_numpy(blur_map)], dim=1)


def run(network: nn.Module, x: Tensor) -> dict[str, Any]:
    """The output, and what the stored places inside the network saw."""
    with torch.inference_mode(), captured(network, PLACES) as seen:
        output = network(x)
        found = {place: stored(seen[place], PLACES[place]) for place in PLACES}
        embedded = network.patch_embed(x[:, :6])
        scores = network.ca.scores(embedded, x[:, -1:])[0]
        # What is added to the cosines: the scores of this map less those of an empty one.
        pooled = scores - network.ca.scores(embedded, torch.zeros_like(x[:, -1:]))[0]
    return {**found, "output": output, "attention_before_softmax": scores, "pooled_mask": pooled}


def check(golden: str) -> Parity:
    """Every stored array of one golden file."""
    facts, arrays = load_golden(golden)
    network = fill(build_network("ldp-official", **facts["options"]))
    comparisons: list[Comparison] = []
    for case, about in facts["cases"].items():
        seen = run(network, picture(*about["size"]))
        for key, expected in arrays.items():
            if key.startswith(f"{case}:"):
                place = key.removeprefix(f"{case}:")
                comparisons.append(compare(case, place, seen[place], expected, facts["tolerance"]))
    own = own_entries(network)
    return Parity(
        golden,
        "ldp-official",
        sorted(own) == sorted(facts["state_dict"]),
        len(own),
        parameters(network),
        facts["parameters"],
        count_macs(network, [torch.zeros(1, 7, 256, 256)]),
        tuple(comparisons),
    )
