"""The constructor options of an IFAN, read off the shapes of its weights."""

import re
from collections.abc import Mapping
from typing import Any

TELLING = ("conv1_1.0.weight", "kconv1_1.0.weight", "F.3.weight", "out_res.0.weight")
DEEP_OVER_FINE = 4

IGNORED = ("reblurNet.",)
"""Of training alone: it makes a sharp picture blurry again."""


def infer_options(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any] | None:
    """The options behind a state dict; None if it is not of an IFAN.

    The number of filters and of their taps is known as a product alone; all published networks have three taps.

    Args:
        shapes: Of its entries, by name.
    """
    if any(len(shapes.get(key, ())) != 4 for key in TELLING):
        return None
    ch, _, ks, _ = shapes["conv1_1.0.weight"]
    per_filter = DEEP_OVER_FINE * ch * (2 * 3 + 1)
    steps = (re.match(r"DME\.1\.stem\.(\d+)\.", key) for key in shapes)
    return {
        "ch": ch,
        "ks": ks,
        "Fs": 3,
        "N": max(1, shapes["F.3.weight"][0] // per_filter),
        "res_num": max((int(step[1]) + 1 for step in steps if step), default=0),
        "dual": shapes["kconv1_1.0.weight"][1] == 6,
    }
