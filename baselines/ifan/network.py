"""IFAN (Lee et al., CVPR 2021), in the names of its state dict.

The main branch restores the ordinary picture. At an eighth of its size, features go through filters of their own for
every position and channel, which a second branch predicts from the two views, or from the same picture.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ldpbench.api import UsageError

SLOPE = 0.1
LEVELS = 3
"""Halvings between the picture and the filtered features."""


def activated(x: Tensor) -> Tensor:
    """The leaky rectifier that follows nearly every convolution."""
    return functional.leaky_relu(x, SLOPE)


def conv(channels_in: int, channels_out: int, kernel: int = 3, *, stride: int = 1) -> nn.Sequential:
    """A convolution and its activation."""
    return nn.Sequential(linear(channels_in, channels_out, kernel, stride=stride), nn.LeakyReLU(SLOPE))


def linear(channels_in: int, channels_out: int, kernel: int = 3, *, stride: int = 1) -> nn.Conv2d:
    """A convolution alone."""
    return nn.Conv2d(channels_in, channels_out, kernel, stride=stride, padding=kernel // 2)


class Residual(nn.Module):
    """Pairs of convolutions, each added to what goes in; with more than one, the unit's own input is added again.

    Args:
        channels: C of (N, C, H, W), in and out.
        steps: Pairs.
        kernel: Side of the convolutions.
    """

    def __init__(self, channels: int, steps: int, kernel: int = 3) -> None:
        super().__init__()
        self.stem = nn.ModuleList(
            nn.Sequential(linear(channels, channels, kernel), nn.LeakyReLU(SLOPE), linear(channels, channels, kernel))
            for _ in range(steps)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        y = x
        for pair in self.stem:
            y = activated(y + pair(y))
        return y + x if len(self.stem) > 1 else y


def head(channels_in: int, channels: int, steps: int, kernel: int, last: nn.Module) -> nn.Sequential:
    """A convolution, two residual units, and what comes last."""
    return nn.Sequential(
        conv(channels_in, channels, kernel),
        Residual(channels, steps, kernel),
        Residual(channels, steps, kernel),
        last,
    )


def filter_once(x: Tensor, rows: Tensor, columns: Tensor, bias: Tensor) -> Tensor:
    """One separable filter of its own for every position and channel, then the activation.

    Args:
        x: (N, C, H, W).
        rows: (N, C, taps, H, W), applied down the column first; tap 0 is for the position above.
        columns: As ``rows``, applied along the row.
        bias: (N, C, H, W).
    """
    reach = rows.shape[2] // 2
    height, width = x.shape[-2:]
    tall = functional.pad(x, (0, 0, reach, reach), mode="replicate")
    y = tall[..., :height, :] * rows[:, :, 0]
    for tap in range(1, rows.shape[2]):
        y = torch.addcmul(y, tall[..., tap : tap + height, :], rows[:, :, tap])
    wide = functional.pad(y, (reach, reach, 0, 0), mode="replicate")
    y = bias
    for tap in range(columns.shape[2]):
        y = torch.addcmul(y, wide[..., tap : tap + width], columns[:, :, tap])
    return activated(y)


def adaptive_convolution(
    x: Tensor, filters: Tensor, count: int, taps: int, *, behaviour: Literal["released", "intended"] = "released"
) -> Tensor:
    """Filters applied one after the other.

    Args:
        x: (N, C, H, W).
        filters: (N, count (2 C taps) + count C, H, W): for each filter, the taps down a column and those along a row,
            channel by channel; then the biases.
        count: Filters.
        taps: Of each.
        behaviour: ``released``: the taps for columns serve along rows too, and the others are never read; published
            weights were trained so. ``intended``: as the paper describes it.
    """
    channels = x.shape[1]
    kernels, biases = torch.split(filters, [2 * count * channels * taps, count * channels], dim=1)
    kernels = torch.unflatten(kernels, 1, (count, 2, channels, taps))
    biases = torch.unflatten(biases, 1, (count, channels))
    for index in range(count):
        down = kernels[:, index, 0]
        along = down if behaviour == "released" else kernels[:, index, 1]
        x = filter_once(x, down, along, biases[:, index])
    return x


class Ifan(nn.Module):
    """The network. Heights and widths are multiples of 8.

    Args:
        ch: Channels at full size.
        ks: Side of the convolutions.
        Fs: Taps of a filter.
        N: Filters.
        res_num: Steps of the residual units in the middle.
        dual: Whether the filters are predicted from the two views; else from the picture itself.

    Raises:
        UsageError: If a side is even, so that it has no middle.
    """

    def __init__(
        self, ch: int = 32, ks: int = 3, Fs: int = 3, N: int = 17, res_num: int = 2, dual: bool = True
    ) -> None:
        super().__init__()
        if ks % 2 == 0 or Fs % 2 == 0:
            raise UsageError(f"ifan: expected odd ks and Fs, found ks={ks} and Fs={Fs}")
        self.dual, self.count, self.taps = dual, N, Fs
        widths = (ch, 2 * ch, 4 * ch, 4 * ch)
        deep = widths[-1]
        self._encoder("conv", 3, widths, ks)
        self.conv4_4 = head(2 * deep, deep, res_num, ks, conv(deep, deep, ks))
        self.conv_res = nn.Sequential(conv(deep, deep, ks), Residual(deep, 3, ks), conv(deep, deep, ks))
        for level in range(LEVELS, 0, -1):
            narrow = widths[level - 1]
            up = nn.ConvTranspose2d(widths[level], narrow, 4, stride=2, padding=1)
            self.add_module(f"upconv{level}_u", nn.Sequential(up, nn.LeakyReLU(SLOPE)))
            self.add_module(f"upconv{level}_1", Residual(narrow, 1, ks))
            self.add_module(f"upconv{level}_2", Residual(narrow, 1, ks))
        self.out_res = conv(ch, 3, ks)
        self._encoder("kconv", 6 if dual else 3, widths, ks)
        self.DME = head(deep, deep, res_num, ks, linear(deep, 1, ks))
        self.conv_DME = conv(1, deep, ks)
        self.F = head(deep, deep, res_num, ks, nn.Conv2d(deep, N * deep * (2 * Fs + 1), 1))

    def _encoder(self, name: str, channels_in: int, widths: tuple[int, ...], kernel: int) -> None:
        for level, width in enumerate(widths, start=1):
            for number in (1, 2, 3):
                stride = 2 if level > 1 and number == 1 else 1
                self.add_module(f"{name}{level}_{number}", conv(channels_in, width, kernel, stride=stride))
                channels_in = width

    def _encode(self, name: str, x: Tensor) -> list[Tensor]:
        """Features at the four sizes."""
        levels = []
        for level in range(1, LEVELS + 2):
            for number in (1, 2, 3):
                x = self.get_submodule(f"{name}{level}_{number}")(x)
            levels.append(x)
        return levels

    def forward(self, C: Tensor, R: Tensor | None = None, L: Tensor | None = None) -> Tensor:
        """Restore a batch.

        Args:
            C: The ordinary picture, RGB floats (N, 3, H, W) in [0, 1].
            R: The right view, of a network for two views.
            L: The left view.

        Returns:
            (N, 3, H, W), clipped to [0, 1] in eval mode.

        Raises:
            UsageError: If the views do not go with the network.
        """
        if (R is None or L is None) == self.dual:
            wanted = "C, R and L" if self.dual else "C alone"
            raise UsageError(f"ifan: this network is called with {wanted}")
        seen = C if R is None or L is None else torch.cat([R, L], dim=1)
        skips = self._encode("conv", self._laid_out(C))
        x = skips.pop()
        x = self._filtered(x, self.predicted(self._laid_out(seen)))
        x = self.conv_res(x)
        for level in range(LEVELS, 0, -1):
            x = self.get_submodule(f"upconv{level}_u")(x) + skips.pop()
            x = self.get_submodule(f"upconv{level}_2")(self.get_submodule(f"upconv{level}_1")(x))
        restored: Tensor = self.out_res(x) + C
        return restored if self.training else restored.clamp(0, 1)

    @staticmethod
    def _laid_out(x: Tensor) -> Tensor:
        return x.contiguous(memory_format=torch.channels_last)

    def predicted(self, seen: Tensor) -> Tensor:
        """What the filters are made of: (N, C, H / 8, W / 8), before the last convolution of ``F``."""
        encoded = self._encode("kconv", seen)[-1]
        disparity = self.DME(encoded)
        mixed = self.conv4_4(torch.cat([encoded, self.conv_DME(disparity)], dim=1))
        made: Tensor = self.F[:3](mixed)
        return made

    def _filtered(self, x: Tensor, made: Tensor) -> Tensor:
        """The adaptive convolution, one filter at a time.

        All filters of a full-size picture take gigabytes, and the half of them that the released code never reads need
        not be made at all.
        """
        last = self.F[3]
        assert isinstance(last, nn.Conv2d), "built so"
        assert last.bias is not None, "built so"
        channels = x.shape[1]
        size = channels * self.taps
        first_bias = 2 * self.count * size
        for index in range(self.count):
            kernel = slice(2 * index * size, (2 * index + 1) * size)
            bias = slice(first_bias + index * channels, first_bias + (index + 1) * channels)
            flat = functional.conv2d(made, last.weight[kernel], last.bias[kernel])
            down = torch.unflatten(flat, 1, (channels, self.taps))
            x = filter_once(x, down, down, functional.conv2d(made, last.weight[bias], last.bias[bias]))
        return x
