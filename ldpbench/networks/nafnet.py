"""NAFNet (Chen et al., ECCV 2022) and its blocks, in the names of its state dict."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from ldpbench.networks.statistics import OverPicture, picture_mean

EPSILON = 1e-6
Window = int | tuple[int, int] | None
"""Rows and columns of a local window, or the side of a square one; None for the whole map."""
TLC_SHARE = 1.5
"""A local window is so many times the training size (Chu et al., ECCV 2022)."""


class ChannelNorm(nn.Module):
    """Layer norm over the channels of each position, biased variance, in float32 also under autocast.

    Args:
        channels: C of (N, C, H, W).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (N, C, H, W). What comes out is laid out channels last, as the fused norm leaves it."""
        last = x.permute(0, 2, 3, 1)
        return functional.layer_norm(last, last.shape[-1:], self.weight, self.bias, EPSILON).permute(0, 3, 1, 2)


def gate(x: Tensor) -> Tensor:
    """The first half of the channels times the second."""
    first, second = x.chunk(2, dim=1)
    return first * second


class Pool(OverPicture):
    """The mean over all positions; or over a window around each, the test-time local form (TLC).

    Args:
        window: In positions; None for all of them.
    """

    def __init__(self, window: Window = None) -> None:
        super().__init__()
        self.window = (window, window) if isinstance(window, int) else window

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, 1, 1), or to (N, C, H, W) where the window does not cover the map."""
        height, width = x.shape[-2:]
        if self.window is None or (self.window[0] >= height and self.window[1] >= width):
            return picture_mean(x)
        return local_mean(x, min(self.window[0], height), min(self.window[1], width))


def local_mean(x: Tensor, rows: int, columns: int) -> Tensor:
    """The mean of a window around each position; at the border, that of the nearest window inside.

    Sums are taken in float64: a cumulative sum over a whole picture loses digits in float32.
    """
    sums = functional.pad(x.double().cumsum(-1).cumsum(-2), (1, 0, 1, 0))
    box = (
        sums[..., rows:, columns:]
        - sums[..., :-rows, columns:]
        - sums[..., rows:, :-columns]
        + sums[..., :-rows, :-columns]
    )
    inside = (box / (rows * columns)).to(x.dtype)
    top, left = (x.shape[-2] - inside.shape[-2]) // 2, (x.shape[-1] - inside.shape[-1]) // 2
    bottom, right = x.shape[-2] - inside.shape[-2] - top, x.shape[-1] - inside.shape[-1] - left
    return functional.pad(inside, (left, right, top, bottom), mode="replicate")


class NafBlock(nn.Module):
    """Gated convolutions with channel attention, then gated 1x1 convolutions; each added with a scale that starts at 0.

    Args:
        channels: C of (N, C, H, W), in and out.
        window: Of the pooling, see ``Pool``.
    """

    def __init__(self, channels: int, window: Window = None) -> None:
        super().__init__()
        self.norm1 = ChannelNorm(channels)
        self.conv1 = nn.Conv2d(channels, 2 * channels, 1)
        self.conv2 = nn.Conv2d(2 * channels, 2 * channels, 3, padding=1, groups=2 * channels)
        self.sca = nn.Sequential(Pool(window), nn.Conv2d(channels, channels, 1))
        self.conv3 = nn.Conv2d(channels, channels, 1)
        self.norm2 = ChannelNorm(channels)
        self.conv4 = nn.Conv2d(channels, 2 * channels, 1)
        self.conv5 = nn.Conv2d(channels, channels, 1)
        self.beta = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.gamma = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        inner = gate(self.conv2(self.conv1(self.norm1(x))))
        y = torch.addcmul(x, self.conv3(inner * self.sca(inner)), self.beta)
        return torch.addcmul(y, self.conv5(gate(self.conv4(self.norm2(y)))), self.gamma)


def blocks(channels: int, count: int, window: Window = None) -> nn.Sequential:
    """So many blocks in a row."""
    return nn.Sequential(*(NafBlock(channels, window) for _ in range(count)))


def down(channels: int) -> nn.Conv2d:
    """Half the size, twice the channels."""
    return nn.Conv2d(channels, 2 * channels, 2, stride=2)


def up(channels: int) -> nn.Sequential:
    """Twice the size, half the channels."""
    return nn.Sequential(nn.Conv2d(channels, 2 * channels, 1, bias=False), nn.PixelShuffle(2))


class NafBody(nn.Module):
    """NAFNet without what it adds to its answer: a U-Net of gated convolutions.

    It pads what it is given with zeros at the bottom and right, and cuts its answer back.

    Args:
        channels_in: Of what it is given.
        channels_out: Of its answer.
        width: Channels at full size; each halving doubles them.
        encoder: Blocks of each level on the way down.
        middle: Blocks at the smallest size.
        decoder: Blocks of each level on the way up; as many levels as ``encoder``.
        windows: Of the pooling at each level, full size first and the smallest size last, see ``Pool``; None for means
            over the whole map.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        *,
        width: int,
        encoder: Sequence[int],
        middle: int,
        decoder: Sequence[int],
        windows: Sequence[Window] | None = None,
    ) -> None:
        super().__init__()
        depth = len(encoder)
        windows = [None] * (depth + 1) if windows is None else windows
        self.multiple = 1 << depth
        self.intro = nn.Conv2d(channels_in, width, 3, padding=1)
        self.ending = nn.Conv2d(width, channels_out, 3, padding=1)
        self.encoders = nn.ModuleList(
            blocks(width << level, count, windows[level]) for level, count in enumerate(encoder)
        )
        self.decoders = nn.ModuleList(
            blocks(width << level, count, windows[level])
            for level, count in zip(reversed(range(depth)), decoder, strict=True)
        )
        self.middle_blks = blocks(width << depth, middle, windows[depth])
        self.ups = nn.ModuleList(up(width << level) for level in range(depth, 0, -1))
        self.downs = nn.ModuleList(down(width << level) for level in range(depth))

    def forward(self, inp: Tensor) -> Tensor:
        """(N, channels_in, H, W), of any size, to (N, channels_out, H, W)."""
        height, width = inp.shape[-2:]
        x = functional.pad(inp, (0, -width % self.multiple, 0, -height % self.multiple))
        # The norms work on channels last; laid out so from the start, no block has to copy its features.
        x = self.intro(x.contiguous(memory_format=torch.channels_last))
        skips = []
        for encoder, shrink in zip(self.encoders, self.downs, strict=True):
            x = encoder(x)
            skips.append(x)
            x = shrink(x)
        x = self.middle_blks(x)
        for grow, decoder in zip(self.ups, self.decoders, strict=True):
            x = decoder(grow(x) + skips.pop())
        answer: Tensor = self.ending(x)
        return answer[..., :height, :width]
