"""CLIP, frozen: dense image tokens of any picture, pooled embeddings, text embeddings."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from open_clip.transformer import QuickGELU
from torch import Tensor, nn
from torch.nn import functional

from ldpbench.core.errors import IntegrityError, UsageError

MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


class ClipEncoder(nn.Module):
    """A frozen CLIP with a ViT.

    Args:
        model: An ``open_clip.model.CLIP`` whose image tower is a ViT with OpenAI's way of pooling.
        tokenizer: From texts to token ids (N, context).
        weights_sha256: Of the weights file; ``random-<seed>`` for made-up weights.

    Raises:
        IntegrityError: If a block's activation is not QuickGELU, which OpenAI's weights were trained with: plain GELU
            gives numbers that look right and are not.
    """

    def __init__(self, model: nn.Module, tokenizer: Any, weights_sha256: str) -> None:
        super().__init__()
        demand_quick_gelu(model)
        self.model = model.eval().requires_grad_(requires_grad=False)
        self.weights_sha256 = weights_sha256
        self._tokenizer = tokenizer
        self._texts: dict[str, Tensor] = {}
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(STD)[:, None, None], persistent=False)

    def train(self, mode: bool = True) -> "ClipEncoder":
        """Stay in evaluation mode, whatever contains this."""
        del mode
        return super().train(mode=False)

    @property
    def visual(self) -> Any:
        """The image tower."""
        return self.model.visual

    @property
    def patch_px(self) -> int:
        """Side of a patch."""
        return int(self.visual.conv1.kernel_size[0])

    @property
    def size_px(self) -> int:
        """Side of the pictures it was trained on."""
        size = self.visual.image_size
        return int(size[0] if isinstance(size, tuple | list) else size)

    @property
    def scale(self) -> Tensor:
        """What a cosine is multiplied by to be a logit; 100 in OpenAI's weights."""
        return cast("Tensor", self.model.logit_scale).exp()

    def grid_of(self, height: int, width: int) -> tuple[int, int]:
        """Tokens of a picture: its size in patches, rounded, at least one."""
        return max(1, round(height / self.patch_px)), max(1, round(width / self.patch_px))

    def fitted(self, images: Tensor) -> Tensor:
        """Pictures (N, 3, H, W) resized to a whole number of patches: bicubic, antialiased; as they are if they fit."""
        grid = self.grid_of(*images.shape[-2:])
        wanted = (grid[0] * self.patch_px, grid[1] * self.patch_px)
        if wanted == tuple(images.shape[-2:]):
            return images
        return functional.interpolate(images, wanted, mode="bicubic", antialias=True, align_corners=False)

    def image_tokens(self, images: Tensor) -> Tensor:
        """Dense embeddings: every token after the last block goes through the final norm and projection, as one does.

        Args:
            images: Floats (N, 3, H, W), nominally in [0, 1]. Gradients flow back to them.

        Returns:
            (N, h, w, c), not normalised; h and w as ``grid_of``.
        """
        fitted = self.fitted(images)
        grid = (fitted.shape[-2] // self.patch_px, fitted.shape[-1] // self.patch_px)
        tokens = self.tokens((fitted - self.mean) / self.std, grid)[:, 1:]
        projected: Tensor = tokens @ self.visual.proj
        return projected.reshape(len(images), *grid, -1)

    def tokens(self, pictures: Tensor, grid: tuple[int, int], *, normed: bool = True) -> Tensor:
        """All tokens of prepared pictures, the class token first, before any projection.

        Args:
            pictures: (N, 3, H, W), mean and standard deviation taken out.
            grid: (H, W) in patches.
            normed: After the final norm.

        Returns:
            (N, 1 + h w, width).
        """
        visual = self.visual
        x = visual.conv1(pictures).flatten(2).transpose(1, 2)
        first = visual.class_embedding.to(x.dtype).expand(len(x), 1, -1)
        x = torch.cat([first, x], dim=1) + interpolated(visual.positional_embedding, grid).to(x.dtype)
        last: Tensor = visual.transformer(visual.ln_pre(x))
        return cast("Tensor", visual.ln_post(last)) if normed else last

    def text_tokens(self, prompt: str) -> Tensor:
        """All tokens of a text after the final norm, (context, width)."""
        model: Any = self.model
        ids = self._tokenizer([prompt]).to(self.mean.device)
        x = model.token_embedding(ids) + model.positional_embedding
        return cast("Tensor", model.ln_final(model.transformer(x, attn_mask=model.attn_mask)))[0]

    def image_embedding(self, pictures: Tensor) -> Tensor:
        """The pooled embedding as CLIP defines it, normalised.

        Args:
            pictures: (N, 3, s, s) of CLIP's own size, mean and standard deviation taken out already.

        Returns:
            (N, c).
        """
        encoded: Tensor = self.model.encode_image(pictures, normalize=True)  # type: ignore[operator]  # open_clip's
        return encoded

    def text_embedding(self, prompts: Sequence[str]) -> Tensor:
        """Normalised embeddings of texts, (P, c); each is computed once.

        Raises:
            UsageError: If there is no prompt.
        """
        if not prompts:
            raise UsageError("CLIP was asked about no prompt", hint="name at least one")
        fresh = [prompt for prompt in dict.fromkeys(prompts) if prompt not in self._texts]
        if fresh:
            device = self.mean.device
            with torch.no_grad(), torch.autocast(device.type, enabled=False):
                encode: Any = self.model.encode_text
                made = encode(self._tokenizer(fresh).to(device), normalize=True)
            self._texts |= dict(zip(fresh, made, strict=True))
        return torch.stack([self._texts[prompt] for prompt in prompts]).to(self.mean.device)

    def similarity(self, tokens: Tensor, prompts: Sequence[str]) -> Tensor:
        """Cosine between tokens (..., c) and prompts: (..., P), in float32 under autocast too.

        A logit near 25 has steps of an eighth in bfloat16, more than a map spans.
        """
        with torch.autocast(tokens.device.type, enabled=False):
            return functional.normalize(tokens.float(), dim=-1) @ self.text_embedding(prompts).float().T


def interpolated(positions: Tensor, grid: tuple[int, int]) -> Tensor:
    """Position embeddings (1 + s s, width) for another grid: bicubic; exactly themselves for their own.

    Args:
        positions: The class token's first, then those of a square grid.
        grid: (h, w).

    Returns:
        (1 + h w, width).
    """
    side = round((len(positions) - 1) ** 0.5)
    if grid == (side, side):
        return positions
    plane = positions[1:].float().reshape(1, side, side, -1).permute(0, 3, 1, 2)
    resized = functional.interpolate(plane, grid, mode="bicubic", align_corners=False)
    return torch.cat([positions[:1].float(), resized.flatten(2)[0].T])


def demand_quick_gelu(model: nn.Module) -> None:
    """Check the activation of every block of both towers.

    Raises:
        IntegrityError: If there is another one than QuickGELU, or none.
    """
    found = {
        type(module.gelu).__name__ if not isinstance(module.gelu, QuickGELU) else "QuickGELU"
        for module in model.modules()
        if isinstance(module, nn.Sequential) and hasattr(module, "gelu")
    }
    if found != {"QuickGELU"}:
        raise IntegrityError(
            f"CLIP's blocks have the activations {sorted(found) or 'none'}, expected QuickGELU everywhere",
            hint="OpenAI's weights belong to the -quickgelu variants of open_clip",
        )
