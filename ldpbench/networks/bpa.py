"""The attention block: self-attention over positions, steered by the blur map where it has one."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from ldpbench.networks.attention import Implementation, blur_prior_attention
from ldpbench.networks.nafnet import ChannelNorm

HIDDEN = 32
"""Channels between the two convolutions of ``KernelPredictor``. The paper does not state its layout."""


class KernelPredictor(nn.Module):
    """FFN_conv of Eq. 10: from blur logits to a q x q kernel of additive attention logits for each position.

    The logits are averaged over the area of a position first. Their scale depends on the estimator, from 10 px of
    disparity to 100 times a cosine, so they pass through asinh: nearly linear to 1, a logarithm beyond, and finite for
    any finite map. The last convolution starts at 0: at first the block is plain self-attention.

    Args:
        kernel: q.
        shrinkage: Pixels of the picture along one side of a position.
    """

    def __init__(self, kernel: int, shrinkage: int) -> None:
        super().__init__()
        self.shrinkage = shrinkage
        self.conv1 = nn.Conv2d(1, HIDDEN, 3, padding=1)
        self.conv2 = nn.Conv2d(HIDDEN, kernel * kernel, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias if self.conv2.bias is not None else torch.empty(0))

    def forward(self, logits: Tensor) -> Tensor:
        """Blur logits (N, 1, H, W) to kernels (N, H/s * W/s, q*q), in float32 also under autocast."""
        with torch.autocast(logits.device.type, enabled=False):
            wide = logits if logits.dtype == torch.float64 else logits.float()
            pooled = functional.avg_pool2d(torch.asinh(wide), self.shrinkage)
            kernels: Tensor = self.conv2(functional.gelu(self.conv1(pooled)))
        return kernels.flatten(2).transpose(1, 2)


class AttentionBlock(nn.Module):
    """x + beta * Attention(norm(x)), with beta starting at 0 (Eq. 7-10).

    Args:
        channels: C of (N, C, H, W).
        head_channels: Of one head; the scale of the scores is its square root.
        kernel: q of the blur kernels; None for attention without a blur map.
        shrinkage: Pixels of the picture along one side of a position.
        window: Side of the windows that positions attend within; None for the whole picture. A blur kernel is cut off
            at the border of its window.
    """

    implementation: Implementation = "auto"

    def __init__(
        self, channels: int, head_channels: int, *, kernel: int | None, shrinkage: int, window: int | None
    ) -> None:
        super().__init__()
        self.heads = channels // head_channels
        self.window = window
        self.norm = ChannelNorm(channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)
        self.beta = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.kernels = None if kernel is None else KernelPredictor(kernel, shrinkage)

    def forward(self, x: Tensor, logits: Tensor | None) -> Tensor:
        """Features (N, C, h, w) and blur logits (N, 1, h*s, w*s) to features of the same shape."""
        kernels = None
        if self.kernels is not None:
            assert logits is not None
            kernels = self.kernels(logits)
        qkv = self.qkv(self.norm(x))
        attended = self._global(qkv, kernels) if self.window is None else self._windowed(qkv, kernels, self.window)
        return torch.addcmul(x, self.out(attended), self.beta)

    def _global(self, qkv: Tensor, kernels: Tensor | None, valid: Tensor | None = None) -> Tensor:
        height, width = qkv.shape[-2:]
        count, channels = qkv.shape[:2]
        heads = qkv.reshape(count, 3, self.heads, channels // (3 * self.heads), height * width).transpose(-2, -1)
        q, k, v = heads.unbind(1)
        attended = blur_prior_attention(
            q, k, v, kernels, (height, width), valid=valid, implementation=self.implementation
        )
        return attended.transpose(-2, -1).reshape(count, channels // 3, height, width)

    def _windowed(self, qkv: Tensor, kernels: Tensor | None, side: int) -> Tensor:
        """Attention within windows that do not overlap; windows at the border are filled up and masked."""
        count, _, height, width = qkv.shape
        down, right = -height % side, -width % side
        inside = functional.pad(qkv.new_ones(count, 1, height, width), (0, right, 0, down))
        planes = [functional.pad(qkv, (0, right, 0, down))]
        if kernels is not None:
            spread = kernels.transpose(1, 2).reshape(count, kernels.shape[-1], height, width)
            planes.append(functional.pad(spread, (0, right, 0, down)))
        grid = ((height + down) // side, (width + right) // side)
        cut = [_windows(plane, grid, side) for plane in planes]
        own = None if kernels is None else cut[1].flatten(2).transpose(1, 2)
        valid = _windows(inside, grid, side).flatten(1) > 0 if down or right else None
        attended = self._global(cut[0], own, valid)
        return _joined(attended, count, grid, side)[..., :height, :width]


def _windows(x: Tensor, grid: tuple[int, int], side: int) -> Tensor:
    """(N, C, rows*side, columns*side) to (N*rows*columns, C, side, side)."""
    cut = x.reshape(*x.shape[:2], grid[0], side, grid[1], side)
    return cut.permute(0, 2, 4, 1, 3, 5).flatten(0, 2)


def _joined(x: Tensor, count: int, grid: tuple[int, int], side: int) -> Tensor:
    """The inverse of ``_windows``."""
    apart = x.reshape(count, *grid, *x.shape[1:])
    return apart.permute(0, 3, 1, 4, 2, 5).reshape(count, x.shape[1], grid[0] * side, grid[1] * side)
