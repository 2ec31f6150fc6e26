"""The release's blur map: cells of 40 px shown to whole CLIP one by one; here in batches, with equal numbers.

What the released script does, quirks included: each cell of the left view and the mirrored cell of the right one stand
side by side, 40 x 80 px; CLIP's preprocessing makes the short side 224 px and cuts the middle out, so half of each cell
is never seen; the logit against one prompt is mapped to 255..0 between two thresholds; the map is stretched to its own
minimum and maximum and cut to 8 bits. The script for single pictures turns the polarity around: blurred is 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pictures
from torch import Tensor

from ldpbench.blurmap.clip.encoder import MEAN, STD, ClipEncoder
from ldpbench.blurmap.clip.prompts import RELEASED_DP_PROMPT, RELEASED_SINGLE_PROMPT

CELL_PX = 40
CLIP_PX = 224
Codes = NDArray[np.uint8]


@dataclass(frozen=True)
class Release:
    """The constants of one of the two released scripts."""

    model: Literal["clip-vit-b-16", "clip-vit-b-32"]
    prompt: str
    upper: float
    """Logits above give 0."""
    lower: float
    """Logits below give 255."""


DP = Release("clip-vit-b-16", RELEASED_DP_PROMPT, 29.0, 26.05)
SINGLE = Release("clip-vit-b-32", RELEASED_SINGLE_PROMPT, 26.0, 23.3)


def cells(codes: Codes) -> Codes:
    """A picture in cells, row by row.

    The release fails on sizes that are no multiples of 40; here the last row and column are filled up by repetition.

    Args:
        codes: uint8 (H, W, 3).

    Returns:
        uint8 (rows, columns, 40, 40, 3).
    """
    height, width = codes.shape[:2]
    padded = np.pad(codes, ((0, -height % CELL_PX), (0, -width % CELL_PX), (0, 0)), mode="edge")
    rows, columns = padded.shape[0] // CELL_PX, padded.shape[1] // CELL_PX
    return padded.reshape(rows, CELL_PX, columns, CELL_PX, 3).swapaxes(1, 2)


def pairs(left: Codes, right: Codes) -> Codes:
    """[left cell | mirrored right cell], uint8 (rows, columns, 40, 80, 3)."""
    return np.concatenate([cells(left), cells(right)[..., ::-1, :]], axis=3)


def preprocess(cell: Codes, *, whole: bool = False) -> NDArray[np.float32]:
    """What CLIP is shown of one cell.

    Args:
        cell: uint8 (40, 40 or 80, 3).
        whole: Squeeze all of it into the square, instead of cutting the middle out as the release does.

    Returns:
        float32 (3, 224, 224), mean and standard deviation taken out.
    """
    height, width = cell.shape[:2]
    side = min(height, width)
    left = (width - side) / 2
    # Resizing the middle alone equals resizing everything and cutting: Pillow looks beyond the box it is given.
    box = None if whole else (left, 0, left + side, side)
    picture = Pictures.fromarray(cell).resize((CLIP_PX, CLIP_PX), Pictures.Resampling.BICUBIC, box=box)
    values = np.asarray(picture, dtype=np.float32) / np.float32(255)
    mean, std = np.array(MEAN, dtype=np.float32), np.array(STD, dtype=np.float32)
    return np.asarray(((values - mean) / std).transpose(2, 0, 1), dtype=np.float32)


def patch_logits(encoder: ClipEncoder, shown: Sequence[Codes], prompt: str, *, whole: bool, batch: int) -> Tensor:
    """CLIP's logit of each cell against a prompt; the text goes through CLIP once.

    Args:
        encoder: Frozen.
        shown: Cells, uint8 (40, 40 or 80, 3).
        prompt: One.
        whole: As ``preprocess``.
        batch: Cells at a time.

    Returns:
        float32 (number of cells), 100 times the cosine with OpenAI's weights.
    """
    text = encoder.text_embedding([prompt])[0]
    device = text.device
    logits = []
    with torch.inference_mode():
        for start in range(0, len(shown), batch):
            pictures = np.stack([preprocess(cell, whole=whole) for cell in shown[start : start + batch]])
            embedding = encoder.image_embedding(torch.from_numpy(pictures).to(device))
            logits.append((encoder.scale * embedding @ text).float().cpu())
    return torch.cat(logits)


def released_values(logits: NDArray[np.floating], release: Release) -> NDArray[np.floating]:
    """Grey levels of logits, in the type of the logits: 0 above ``upper``, 255 below ``lower``, a line between.

    The scripts compute in float16 on a GPU and in float32 on a CPU; both are reproduced. At ``lower`` itself rounding
    may leave a little more than 255.
    """
    kind = logits.dtype.type
    upper, lower = kind(release.upper), kind(release.lower)
    line = kind(255) * (upper - logits) / (kind(release.upper - release.lower))
    return np.asarray(np.where(logits > upper, kind(0), np.where(logits < lower, kind(255), line)), dtype=logits.dtype)


def released_picture(values: NDArray[np.floating]) -> Codes:
    """A map stretched to 0..255 and cut to 8 bits; all 0 where all cells are alike, where the release divides 0 by 0.

    Args:
        values: (rows, columns) grey levels.
    """
    low, high = values.min(), values.max()
    if high == low:
        return np.zeros(values.shape, dtype=np.uint8)
    stretched = (values - low) / (high - low) * values.dtype.type(255)
    return np.asarray(stretched.astype(np.uint8))
