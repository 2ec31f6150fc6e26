"""A CLIP of a few thousand weights with the structure of OpenAI's: QuickGELU, class token, 77 text tokens."""

from typing import Any

import open_clip
import torch
from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg
from torch import nn

from ldpbench.blurmap.clip.encoder import ClipEncoder

SIZE_PX, PATCH_PX, CHANNELS = 224, 32, 16


def tiny_clip(seed: int = 0, *, quick_gelu: bool = True, patch_px: int = PATCH_PX) -> nn.Module:
    """Made-up weights, 224 px pictures."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CLIP(
            CHANNELS,
            CLIPVisionCfg(layers=2, width=32, head_width=16, patch_size=patch_px, image_size=SIZE_PX),
            CLIPTextCfg(width=32, heads=2, layers=2),
            quick_gelu=quick_gelu,
        ).eval()


def tokenizer() -> Any:
    """OpenAI's own."""
    return open_clip.get_tokenizer("ViT-B-32-quickgelu")


def tiny_encoder(seed: int = 0, **options: Any) -> ClipEncoder:
    """The encoder around ``tiny_clip``."""
    return ClipEncoder(tiny_clip(seed, **options), tokenizer(), f"random-{seed}")
