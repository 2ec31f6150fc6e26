"""The paper's blur map: dense tokens of whole pictures against prompts (Yang et al., CVPR 2024, Eq. 2-6)."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ldpbench.blurmap.clip.encoder import ClipEncoder
from ldpbench.blurmap.clip.prompts import BLUR_PROMPTS
from ldpbench.core.names import unknown_name

__all__ = ["BLUR_PROMPTS", "NORMALISATIONS", "blur_aware_logits", "dense_logits", "dp_aware_logits", "normalise"]


def blur_aware_logits(encoder: ClipEncoder, images: Tensor, prompts: Sequence[str]) -> Tensor:
    """How blurred CLIP finds each token of single pictures: similarity with prompts that talk of blur (Eq. 4).

    Args:
        encoder: Frozen.
        images: Floats (N, 3, H, W) in [0, 1]; gradients flow back to them.
        prompts: Their similarities are averaged.

    Returns:
        (N, h, w): 100 times the cosine with OpenAI's weights, not normalised; large means blurred.
    """
    return encoder.scale * encoder.similarity(encoder.image_tokens(images), prompts).mean(-1)


def dp_aware_logits(encoder: ClipEncoder, left: Tensor, right: Tensor, prompts: Sequence[str]) -> Tensor:
    """How little [left | mirrored right] looks symmetric to CLIP (Eq. 5 and 6, before the sigmoid).

    Each token is averaged with its true mirror image: column j of 2w with column 2w - 1 - j, counted from 0. The
    printed Eq. 5 pairs it with the neighbour of that one. Both views are fitted to whole patches first, so that the
    seam lies between two tokens.

    Args:
        encoder: Frozen.
        left: Floats (N, 3, H, W) in [0, 1].
        right: The same shape.
        prompts: They talk of symmetry; their similarities are averaged.

    Returns:
        (N, h, w), large means blurred: 1 - sigma(s) is sigma(-s), so the sign is turned here.
    """
    pair = torch.cat([encoder.fitted(left), encoder.fitted(right).flip(-1)], dim=-1)
    tokens = encoder.image_tokens(pair)
    half = tokens.shape[2] // 2
    mirrored = (tokens[:, :, :half] + tokens[:, :, half:].flip(2)) / 2
    return -encoder.scale * encoder.similarity(mirrored, prompts).mean(-1)


def dense_logits(encoder: ClipEncoder, left: Tensor, right: Tensor, blur: Sequence[str], dual: Sequence[str]) -> Tensor:
    """The ensemble of both formats: the mean over all prompts, each with one vote.

    The paper does not say how eight maps become one; the mean of their logits is the plainest way.

    Args:
        encoder: Frozen.
        left: Floats (N, 3, H, W) in [0, 1].
        right: The same shape.
        blur: Prompts of the blur-aware format, asked of the mean of the views; may be empty.
        dual: Prompts of the DP-aware format; may be empty, but not both.

    Returns:
        (N, h, w), large means blurred.
    """
    parts = []
    if blur:
        parts.append(len(blur) * blur_aware_logits(encoder, (left + right) / 2, blur))
    if dual:
        parts.append(len(dual) * dp_aware_logits(encoder, left, right, dual))
    return torch.stack(parts).sum(0) / (len(blur) + len(dual))


def _standardised(logits: Tensor, scale: Tensor) -> Tensor:
    del scale
    spread = logits.std(unbiased=False)
    return torch.sigmoid((logits - logits.mean()) / spread.clamp(min=1e-6))


def _stretched(logits: Tensor, scale: Tensor) -> Tensor:
    del scale
    low, high = logits.min(), logits.max()
    return (logits - low) / (high - low).clamp(min=1e-6)


NORMALISATIONS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "standardised": _standardised,
    "min-max": _stretched,
    "sigmoid": lambda logits, _: torch.sigmoid(logits),
    "sigmoid-cosine": lambda logits, scale: torch.sigmoid(logits / scale),
}
"""From the logits of one picture to its probabilities; the paper says only that there is a sigma.

``standardised``: the sigmoid of the logits in standard deviations from their mean, so that 0.5 splits a picture at its
mean. ``min-max``: each picture stretched to [0, 1], as the release does. ``sigmoid``: of the logits, which lie near 25
(or -25 for symmetry), where it is flat: it says nothing, and is here to show that. ``sigmoid-cosine``: Eq. 4 and 6 as
they are printed, of the cosine without CLIP's scale; all values lie between 0.27 and 0.73.
"""


def normalise(logits: Tensor, name: str, scale: Tensor | float = 100.0) -> Tensor:
    """Probabilities of one picture's logits.

    Args:
        logits: Of any shape.
        name: One of ``NORMALISATIONS``.
        scale: What the cosines were multiplied by: ``ClipEncoder.scale``.

    Raises:
        UsageError: If there is no such normalisation.
    """
    if name not in NORMALISATIONS:
        raise unknown_name("normalisation", name, NORMALISATIONS)
    return NORMALISATIONS[name](logits, torch.as_tensor(scale, device=logits.device))


def to_picture_size(plane: Tensor, height: int, width: int, mode: str) -> Tensor:
    """A map (h, w) at a picture's size: ``bilinear`` or ``nearest``."""
    corners = False if mode == "bilinear" else None
    return functional.interpolate(plane[None, None], (height, width), mode=mode, align_corners=corners)[0, 0]
