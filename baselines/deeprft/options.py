"""The constructor options of a DeepRFT, read off the shapes of its weights."""

import re
from collections.abc import Mapping
from typing import Any

FIRST = "feat_extract.0.main.0.W"
TELLING = (FIRST, "Encoder.0.layers.0.main_fft.0.main.0.W", "SCM1.main.0.main.0.W")


def infer_options(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any] | None:
    """The options behind a state dict, factored or folded; None if it is not of a DeepRFT.

    Args:
        shapes: Of its entries, by name.
    """
    if any(len(shapes.get(key, ())) not in (3, 4) for key in TELLING):
        return None
    blocks = (re.match(r"Encoder\.0\.layers\.(\d+)\.", key) for key in shapes)
    return {
        "num_res": max(int(block[1]) + 1 for block in blocks if block),
        "in_channels": shapes[FIRST][1],
        "folded": len(shapes[FIRST]) == 4,
    }
