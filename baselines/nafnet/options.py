"""The constructor options of a NAFNet, read off the shapes of its weights."""

import re
from collections.abc import Mapping
from typing import Any

ENDS = ("intro.weight", "ending.weight")
MIDDLE = "middle_blks.0.sca.1.weight"

Shapes = Mapping[str, tuple[int, ...]]


def infer_options(shapes: Shapes) -> dict[str, Any] | None:
    """The options behind a state dict; None if it is not of a NAFNet.

    The local form has the same weights, so ``train_size`` is not among them.

    Args:
        shapes: Of its entries, by name.
    """
    if any(len(shapes.get(key, ())) != 4 for key in (*ENDS, MIDDLE)):
        return None
    width, img_channel = shapes["intro.weight"][:2]
    depth = _count(shapes, r"downs\.(\d+)\.")
    return {
        "img_channel": img_channel,
        "width": width,
        "middle_blk_num": _count(shapes, r"middle_blks\.(\d+)\."),
        "enc_blk_nums": [_count(shapes, rf"encoders\.{level}\.(\d+)\.") for level in range(depth)],
        "dec_blk_nums": [_count(shapes, rf"decoders\.{level}\.(\d+)\.") for level in range(depth)],
        "out_channels": shapes["ending.weight"][0],
    }


def _count(shapes: Shapes, pattern: str) -> int:
    """One more than the largest number in a name, since lists are numbered from 0."""
    numbers = (re.match(pattern, key) for key in shapes)
    return max((int(number[1]) + 1 for number in numbers if number), default=0)
