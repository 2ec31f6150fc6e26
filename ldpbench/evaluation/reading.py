"""A sample as a protocol has it read: at fewer bits, at half the size."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ldpbench.core.errors import UsageError
from ldpbench.data.sample import Image, Sample
from ldpbench.methods.runtime import cut_to_bits
from ldpbench.records.protocol import Resolution

_PICTURES = ("left", "right", "center", "target")


def read_as(sample: Sample, bits: int, resolution: Resolution) -> Sample:
    """The sample at a depth and a resolution; the very same object where nothing changes.

    Low bits are cut off and not rounded, which is what readers of 8 bits do to 16-bit files. At half resolution maps
    and regions are left out: they are in pixels of the full size.

    Args:
        sample: As its dataset decodes it.
        bits: Of what is wanted, at most those of the files.
        resolution: ``half``: the mean of 2x2 pixels; an odd last row or column is left out.

    Raises:
        UsageError: If the files have fewer bits.
    """
    if bits > sample.bits:
        raise UsageError(
            f"{sample.dataset}/{sample.split}/{sample.id} has {sample.bits} bits, the protocol reads {bits}",
            hint="choose another protocol",
        )
    if bits < sample.bits:
        sample = replace(sample, bits=bits, **_pictures(sample, lambda picture: cut_to_bits(picture, bits)))
    if resolution == "half":
        sample = replace(sample, blur_map=None, disparity=None, depth_m=None, regions={}, **_pictures(sample, halved))
    return sample


def _pictures(sample: Sample, change: Callable[[Image], Image]) -> dict[str, Any]:
    """The pictures that are there, changed."""
    present = {name: getattr(sample, name) for name in _PICTURES}
    return {name: change(picture) for name, picture in present.items() if picture is not None}


def halved(picture: Image) -> Image:
    """(H, W, C) to (H // 2, W // 2, C): the mean of 2x2 pixels."""
    height, width = (side // 2 for side in picture.shape[:2])
    blocks: NDArray[np.float32] = picture[: 2 * height, : 2 * width].reshape(height, 2, width, 2, -1)
    return np.asarray(blocks.mean(axis=(1, 3), dtype=np.float64), dtype=np.float32)
