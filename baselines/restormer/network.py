"""Restormer (Zamir et al., CVPR 2022), in the names of its state dict.

A U-Net of four levels. Attention goes between channels, not between positions: its map is as large as the channels of
a head, and its cost grows only linearly with the picture.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from ldpbench.api import OverPicture, UsageError, owned_positions, picture_sums

NORM_EPSILON = 1e-5
LENGTH_EPSILON = 1e-12
LEVELS = 4
STRIP_NUMBERS = 1 << 21
"""How much of a wide map a processor works on at once: 8 MiB, which stay in its cache."""


class BiasFreeNorm(nn.Module):
    """Divides by the standard deviation over the last axis, without taking the mean off first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(..., channels) to the same shape."""
        return x * (x.var(-1, correction=0, keepdim=True) + NORM_EPSILON).rsqrt() * self.weight


class ChannelNorm(nn.Module):
    """Layer norm over the channels of each position.

    Args:
        channels: C of (N, C, H, W).
        kind: ``WithBias``: the usual one. ``BiasFree``: see ``BiasFreeNorm``.
    """

    def __init__(self, channels: int, kind: str) -> None:
        super().__init__()
        self.body = nn.LayerNorm(channels, NORM_EPSILON) if kind == "WithBias" else BiasFreeNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape, laid out channels last."""
        normed: Tensor = self.body(x.permute(0, 2, 3, 1))
        return normed.permute(0, 3, 1, 2)


def strips(pointwise: nn.Conv2d, depthwise: nn.Conv2d, x: Tensor) -> Iterator[Tensor]:
    """``depthwise(pointwise(x))``, a 3x3 after a 1x1 convolution, some rows at a time; together they are all rows.

    The map between the two is many times wider than what goes in and out: of a full-size picture it takes gigabytes.
    No row is computed twice. On a GPU all rows come at once.

    Args:
        pointwise: 1x1, to a wide map.
        depthwise: 3x3 over each channel of it, padded with a row and a column of zeros.
        x: (N, C, H, W).
    """
    rows = max(2, STRIP_NUMBERS // (pointwise.out_channels * x.shape[-1]))
    if x.device.type != "cpu" or rows >= x.shape[-2]:
        yield depthwise(pointwise(x))
        return

    def inside(wide: Tensor) -> Tensor:
        return functional.conv2d(wide, depthwise.weight, depthwise.bias, padding=(0, 1), groups=depthwise.groups)

    above = x.new_zeros(x.shape[0], pointwise.out_channels, 1, x.shape[-1])
    for part in torch.split(x, rows, dim=-2):
        wide = torch.cat([above, pointwise(part)], dim=-2)
        yield inside(wide)
        above = wide[..., -2:, :]
    yield inside(functional.pad(above, (0, 0, 0, 1)))


class Attention(OverPicture):
    """Attention between the channels of each head, over all positions.

    Args:
        channels: C of (N, C, H, W), in and out.
        heads: Groups of neighbouring channels that attend among themselves.
        bias: Of all convolutions.
    """

    def __init__(self, channels: int, heads: int, *, bias: bool) -> None:
        super().__init__()
        self.heads = heads
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv = nn.Conv2d(channels, 3 * channels, 1, bias=bias)
        self.qkv_dwconv = nn.Conv2d(3 * channels, 3 * channels, 3, padding=1, groups=3 * channels, bias=bias)
        self.project_out = nn.Conv2d(channels, channels, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        products = squares_q = squares_k = x.new_zeros(())
        values = []
        owned, row = owned_positions(*x.shape[-2:], x.device), 0
        for part in strips(self.qkv, self.qkv_dwconv, x):
            # (N, heads, channels of a head, positions) each.
            q, k, v = torch.unflatten(part.flatten(2), 1, (3 * self.heads, -1)).chunk(3, dim=1)
            if owned is not None:
                inside = owned[row : row + part.shape[-2]].flatten().to(part.dtype)
                q, k, row = q * inside, k * inside, row + part.shape[-2]
            products = products + q @ k.transpose(-2, -1)
            squares_q, squares_k = squares_q + q.square().sum(-1), squares_k + k.square().sum(-1)
            values.append(v.transpose(-2, -1).contiguous())
        products, squares_q, squares_k = picture_sums(products, squares_q, squares_k)
        # The cosine of every two channels: their lengths divide the small map rather than the large q and k.
        lengths_q, lengths_k = (squares.clamp_min(LENGTH_EPSILON**2).sqrt() for squares in (squares_q, squares_k))
        cosine = products / (lengths_q.unsqueeze(-1) * lengths_k.unsqueeze(-2))
        scores = (cosine * self.temperature).softmax(-1).transpose(-2, -1)
        return torch.cat([self._project(value @ scores, x.shape[-1]) for value in values], dim=-2)

    def _project(self, mixed: Tensor, width: int) -> Tensor:
        """(N, heads, positions, channels of a head) to (N, C, rows, width), laid out channels last."""
        picture = torch.unflatten(mixed.transpose(1, 2).flatten(2), 1, (-1, width)).permute(0, 3, 1, 2)
        projected: Tensor = self.project_out(picture)
        return projected


class FeedForward(nn.Module):
    """Gated convolutions: one half of the channels, through an exact GELU, times the other.

    Args:
        channels: C of (N, C, H, W), in and out.
        hidden: Channels of a half.
        bias: Of all convolutions.
    """

    def __init__(self, channels: int, hidden: int, *, bias: bool) -> None:
        super().__init__()
        self.project_in = nn.Conv2d(channels, 2 * hidden, 1, bias=bias)
        self.dwconv = nn.Conv2d(2 * hidden, 2 * hidden, 3, padding=1, groups=2 * hidden, bias=bias)
        self.project_out = nn.Conv2d(hidden, channels, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        halves = (part.chunk(2, dim=1) for part in strips(self.project_in, self.dwconv, x))
        return torch.cat([self.project_out(functional.gelu(gate) * value) for gate, value in halves], dim=-2)


class Block(nn.Module):
    """Attention, then the gated convolutions, each on normed features and added."""

    def __init__(self, channels: int, heads: int, expansion: float, *, bias: bool, norm: str) -> None:
        super().__init__()
        self.norm1 = ChannelNorm(channels, norm)
        self.attn = Attention(channels, heads, bias=bias)
        self.norm2 = ChannelNorm(channels, norm)
        self.ffn = FeedForward(channels, int(channels * expansion), bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        x = x + self.attn(self.norm1(x))
        residual: Tensor = self.ffn(self.norm2(x))
        return x + residual


class PatchEmbed(nn.Module):
    """The first convolution; never with a bias."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels_in, channels, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, H, W) to (N, channels, H, W)."""
        embedded: Tensor = self.proj(x)
        return embedded


class Resize(nn.Module):
    """A convolution, never with a bias, and a shuffle between channels and positions.

    Args:
        channels: That come in.
        down: Half the size and twice the channels; or else twice the size and half the channels.
    """

    def __init__(self, channels: int, *, down: bool) -> None:
        super().__init__()
        shuffle = nn.PixelUnshuffle(2) if down else nn.PixelShuffle(2)
        convolved = channels // 2 if down else 2 * channels
        self.body = nn.Sequential(nn.Conv2d(channels, convolved, 3, padding=1, bias=False), shuffle)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, 2 C, H / 2, W / 2), or to (N, C / 2, 2 H, 2 W)."""
        resized: Tensor = self.body(x)
        return resized


class Restormer(nn.Module):
    """The network. Heights and widths are multiples of 8.

    Args:
        inp_channels: Of the picture; 6 for left and right RGB together.
        out_channels: Of the answer.
        dim: Channels at full size; each halving doubles them.
        num_blocks: Blocks of the four levels; the first three also have as many on the way up.
        num_refinement_blocks: Blocks after those, at full size.
        heads: Of the four levels.
        ffn_expansion_factor: Channels of the gated convolutions over those of the block, rounded down.
        bias: Of the convolutions in blocks, of the 1x1 ones between them and of the last.
        LayerNorm_type: ``WithBias`` or ``BiasFree``.
        dual_pixel_task: Nothing of the picture is added to the answer; its first features are added to the last.

    Raises:
        UsageError: If an option has no meaning, or a picture that is added has other channels than the answer.
    """

    def __init__(
        self,
        inp_channels: int = 3,
        out_channels: int = 3,
        dim: int = 48,
        num_blocks: Sequence[int] = (4, 6, 6, 8),
        num_refinement_blocks: int = 4,
        heads: Sequence[int] = (1, 2, 4, 8),
        ffn_expansion_factor: float = 2.66,
        bias: bool = False,
        LayerNorm_type: str = "WithBias",
        dual_pixel_task: bool = False,
    ) -> None:
        super().__init__()
        _demand_levels(dim, num_blocks, heads)
        if LayerNorm_type not in ("WithBias", "BiasFree"):
            raise UsageError(
                f"restormer: LayerNorm_type: found {LayerNorm_type!r}", hint="use 'WithBias' or 'BiasFree'"
            )
        if not dual_pixel_task and inp_channels != out_channels:
            raise UsageError(
                f"restormer: the picture is added to the answer, but inp_channels is {inp_channels} and out_channels "
                f"{out_channels}",
                hint="make them equal, or set dual_pixel_task",
            )

        def blocks(channels: int, level: int, count: int) -> nn.Sequential:
            made = (
                Block(channels, heads[level], ffn_expansion_factor, bias=bias, norm=LayerNorm_type)
                for _ in range(count)
            )
            return nn.Sequential(*made)

        width = [dim << level for level in range(LEVELS)]
        self.patch_embed = PatchEmbed(inp_channels, dim)
        self.encoder_level1 = blocks(width[0], 0, num_blocks[0])
        self.down1_2 = Resize(width[0], down=True)
        self.encoder_level2 = blocks(width[1], 1, num_blocks[1])
        self.down2_3 = Resize(width[1], down=True)
        self.encoder_level3 = blocks(width[2], 2, num_blocks[2])
        self.down3_4 = Resize(width[2], down=True)
        self.latent = blocks(width[3], 3, num_blocks[3])
        self.up4_3 = Resize(width[3], down=False)
        self.reduce_chan_level3 = nn.Conv2d(width[3], width[2], 1, bias=bias)
        self.decoder_level3 = blocks(width[2], 2, num_blocks[2])
        self.up3_2 = Resize(width[2], down=False)
        self.reduce_chan_level2 = nn.Conv2d(width[2], width[1], 1, bias=bias)
        self.decoder_level2 = blocks(width[1], 1, num_blocks[1])
        self.up2_1 = Resize(width[1], down=False)
        # Nothing is reduced at full size: what comes up and what was kept stay side by side, in one head.
        self.decoder_level1 = blocks(width[1], 0, num_blocks[0])
        self.refinement = blocks(width[1], 0, num_refinement_blocks)
        self.skip_conv = nn.Conv2d(width[0], width[1], 1, bias=bias) if dual_pixel_task else None
        self.output = nn.Conv2d(width[1], out_channels, 3, padding=1, bias=bias)

    def forward(self, inp_img: Tensor) -> Tensor:
        """Restore a batch.

        Args:
            inp_img: Floats (N, inp_channels, H, W) in [0, 1]; left RGB before right RGB.

        Returns:
            (N, out_channels, H, W), not clamped.
        """
        embedded = self.patch_embed(inp_img.contiguous(memory_format=torch.channels_last))
        level1 = self.encoder_level1(embedded)
        level2 = self.encoder_level2(self.down1_2(level1))
        level3 = self.encoder_level3(self.down2_3(level2))
        x = self.latent(self.down3_4(level3))
        x = self.decoder_level3(self.reduce_chan_level3(torch.cat([self.up4_3(x), level3], dim=1)))
        x = self.decoder_level2(self.reduce_chan_level2(torch.cat([self.up3_2(x), level2], dim=1)))
        x = self.refinement(self.decoder_level1(torch.cat([self.up2_1(x), level1], dim=1)))
        if self.skip_conv is None:
            residual: Tensor = self.output(x)
            return residual + inp_img
        restored: Tensor = self.output(x + self.skip_conv(embedded))
        return restored


def _demand_levels(dim: int, num_blocks: Sequence[int], heads: Sequence[int]) -> None:
    """Four levels, whose heads share their channels out evenly."""
    for name, values in (("num_blocks", num_blocks), ("heads", heads)):
        if len(values) != LEVELS:
            raise UsageError(f"restormer: {name}: expected {LEVELS} numbers, found {list(values)}")
    for level, count in enumerate(heads):
        if count < 1 or (dim << level) % count:
            raise UsageError(f"restormer: {dim << level} channels cannot be shared out to {count} heads")
