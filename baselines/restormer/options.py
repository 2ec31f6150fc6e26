"""The constructor options of a Restormer, read off the shapes of its weights."""

import math
import re
from collections.abc import Mapping
from typing import Any

EMBEDDING = "patch_embed.proj.weight"
TELLING = (EMBEDDING, "down1_2.body.0.weight", "up2_1.body.0.weight", "output.weight")
STAGES = ("encoder_level1", "encoder_level2", "encoder_level3", "latent")

Shapes = Mapping[str, tuple[int, ...]]


def infer_options(shapes: Shapes) -> dict[str, Any] | None:
    """The options behind a state dict; None if it is not of a Restormer.

    Args:
        shapes: Of its entries, by name.
    """
    if any(len(shapes.get(key, ())) != 4 for key in TELLING):
        return None
    dim, inp_channels = shapes[EMBEDDING][:2]
    heads = [_first(shapes, stage, "attn.temperature") for stage in STAGES]
    hidden = [_first(shapes, stage, "ffn.project_in.weight") for stage in STAGES]
    if None in heads or None in hidden:
        return None
    return {
        "inp_channels": inp_channels,
        "out_channels": shapes["output.weight"][0],
        "dim": dim,
        "num_blocks": [_count(shapes, stage) for stage in STAGES],
        "num_refinement_blocks": _count(shapes, "refinement"),
        "heads": heads,
        "ffn_expansion_factor": _expansion([(dim << level, both // 2) for level, both in enumerate(hidden) if both]),
        "bias": any(key.endswith("attn.qkv.bias") for key in shapes),
        "LayerNorm_type": "WithBias" if any(key.endswith("norm1.body.bias") for key in shapes) else "BiasFree",
        "dual_pixel_task": "skip_conv.weight" in shapes,
    }


def _first(shapes: Shapes, stage: str, name: str) -> int | None:
    """The first axis of an entry that is alike in all blocks of a stage."""
    found = (shape for key, shape in shapes.items() if re.fullmatch(rf"{stage}\.\d+\.{re.escape(name)}", key))
    return next((shape[0] for shape in found if shape), None)


def _count(shapes: Shapes, stage: str) -> int:
    numbers = (re.match(rf"{stage}\.(\d+)\.", key) for key in shapes)
    return max((int(number[1]) + 1 for number in numbers if number), default=0)


def _expansion(sides: list[tuple[int, int]]) -> float:
    """The roundest factor that gives all these hidden widths: ``int(channels * factor) == hidden``."""
    low = max(hidden / channels for channels, hidden in sides)
    high = min((hidden + 1) / channels for channels, hidden in sides)
    for digits in range(8):
        scale = float(10**digits)
        factor = math.ceil(low * scale) / scale
        if factor < high and all(int(channels * factor) == hidden for channels, hidden in sides):
            return factor
    return low
