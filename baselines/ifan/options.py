"""The constructor options of an IFAN, read off the shapes of its weights."""

import re
from collections.abc import Mapping
from typing import Any

TELLING = ("conv1_1.0.weight", "kconv1_1.0.weight", "F.3.weight", "out_res.0.weight")
DEEP_OVER_FINE = 4
TAPS = (3, 5, 7)
"""Sides of filters to think of, the published one first."""

IGNORED = ("reblurNet.",)
"""Of training alone: it makes a sharp picture blurry again."""


def infer_options(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any] | None:
    """The options behind a state dict; None if it is not of an IFAN.

    How many filters there are and how many taps each has is known as a product alone: three taps, as in all published
    networks, unless that does not divide it.

    Args:
        shapes: Of its entries, by name.
    """
    if any(len(shapes.get(key, ())) != 4 for key in TELLING):
        return None
    ch, _, ks, _ = shapes["conv1_1.0.weight"]
    numbers = shapes["F.3.weight"][0] // (DEEP_OVER_FINE * ch)
    taps = next((taps for taps in TAPS if numbers % (2 * taps + 1) == 0), TAPS[0])
    steps = (re.match(r"DME\.1\.stem\.(\d+)\.", key) for key in shapes)
    return {
        "ch": ch,
        "ks": ks,
        "Fs": taps,
        "N": max(1, numbers // (2 * taps + 1)),
        "res_num": max((int(step[1]) + 1 for step in steps if step), default=0),
        "dual": shapes["kconv1_1.0.weight"][1] == 6,
    }
