"""Is this CLIP what it should be? Values that others have published, and identities that must hold."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ldpbench.blurmap.clip.encoder import ClipEncoder

_GOLDEN = Path(__file__).parent / "golden.json"
_SAME = 1e-4
"""Largest difference between two ways of computing one embedding in float32."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    ok: bool
    difference: float
    """Largest absolute difference from what it should be."""


@lru_cache(maxsize=1)
def golden() -> dict[str, Any]:
    """The values on record, with their source."""
    document: dict[str, Any] = json.loads(_GOLDEN.read_text(encoding="utf-8"))
    return document


def check_encoder(encoder: ClipEncoder, model: str) -> list[Check]:
    """Compare an encoder with what holds for every CLIP, and with the values on record for its model.

    Args:
        encoder: With OpenAI's weights.
        model: ``clip-vit-b-32``, for which there are values on record, or another one.
    """
    with torch.inference_mode():
        checks = [_pooling(encoder)]
        if model == golden()["model"]:
            checks += [_image(encoder), _class_token(encoder), _embedding(encoder), _text(encoder), _scale(encoder)]
    return checks


def _pooling(encoder: ClipEncoder) -> Check:
    """The class token of the dense path is what CLIP itself pools."""
    size = encoder.size_px
    ramp = torch.linspace(-1, 1, 3 * size * size, device=encoder.mean.device).reshape(1, 3, size, size)
    side = size // encoder.patch_px
    dense = encoder.tokens(ramp, (side, side))[:, 0] @ encoder.visual.proj
    pooled: Tensor = encoder.visual(ramp)
    return _compared("dense tokens pooled = encode_image", dense - pooled, _SAME)


def _flat(encoder: ClipEncoder) -> Tensor:
    """The tokens of the picture on record before the final norm."""
    size = encoder.size_px
    side = size // encoder.patch_px
    picture = torch.full((1, 3, size, size), 0.5, device=encoder.mean.device)
    return encoder.tokens(picture, (side, side), normed=False)[0]


def _image(encoder: ClipEncoder) -> Check:
    record = golden()["image"]["tokens_before_final_norm"]
    found = _flat(encoder)[record["positions"]][:, record["channels"]]
    return _against("image tokens", found, record["values"])


def _class_token(encoder: ClipEncoder) -> Check:
    record = golden()["image"]["class_token_after_final_norm"]
    return _against(
        "image class token", encoder.visual.ln_post(_flat(encoder)[0])[record["channels"]], record["values"]
    )


def _embedding(encoder: ClipEncoder) -> Check:
    record = golden()["image"]["embedding_not_normalised"]
    embedding = encoder.visual.ln_post(_flat(encoder)[0]) @ encoder.visual.proj
    return _against("image embedding", embedding[record["channels"]], record["values"])


def _text(encoder: ClipEncoder) -> Check:
    record = golden()["text"]
    kept = record["tokens_after_final_norm"]
    tokens = encoder.text_tokens(record["prompt"])
    return _against("text tokens", tokens[kept["positions"]][:, kept["channels"]], kept["values"])


def _scale(encoder: ClipEncoder) -> Check:
    return _compared("logit scale", encoder.scale.reshape(1) - golden()["logit_scale"], 0.01)


def _against(name: str, found: Tensor, values: list[Any]) -> Check:
    expected = torch.tensor(values, device=found.device)
    return _compared(name, found.float() - expected, float(golden()["tolerance"]))


def _compared(name: str, difference: Tensor, allowed: float) -> Check:
    largest = float(difference.abs().max())
    return Check(name, largest <= allowed, largest)
