"""DPDNet (Abuolaim and Brown, ECCV 2020): a U-Net on both views. The published one is a Keras model.

Entries are named by what they do; ``convert`` says which of Keras's layers they are.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTHS = (64, 128, 256, 512, 1024)
LEVELS = len(WIDTHS) - 1


class Pair(nn.Module):
    """Two 3x3 convolutions, each with its rectifier."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels_in, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, H, W) to (N, channels, H, W)."""
        return functional.relu(self.second(functional.relu(self.first(x))))


class Up(nn.Module):
    """Twice the size and half the channels: every pixel four times, then a 2x2 convolution with its rectifier.

    An even kernel has no middle; TensorFlow pads it at the bottom and right alone.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels // 2, 2)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C / 2, 2 H, 2 W)."""
        large = functional.interpolate(x, scale_factor=2, mode="nearest")
        return functional.relu(self.conv(functional.pad(large, (0, 1, 0, 1))))


class DpdNet(nn.Module):
    """The network. Heights and widths are multiples of 16.

    Args:
        input_channels: 6 for left and right BGR together; 3 for a single picture.
        nb_ch: Channels of the answer.
        dropout_rate: Of training, at the two deepest levels.
    """

    def __init__(self, input_channels: int = 6, nb_ch: int = 3, dropout_rate: float = 0.4) -> None:
        super().__init__()
        before = (input_channels, *WIDTHS)
        self.down = nn.ModuleList(Pair(before[level], width) for level, width in enumerate(WIDTHS))
        self.up = nn.ModuleList(Up(width) for width in reversed(WIDTHS[1:]))
        self.join = nn.ModuleList(Pair(2 * width, width) for width in reversed(WIDTHS[:-1]))
        self.colours = nn.Conv2d(WIDTHS[0], nb_ch, 3, padding=1)
        self.output = nn.Conv2d(nb_ch, nb_ch, 1)
        self.dropout = nn.Dropout(dropout_rate)

    def logits(self, x: Tensor) -> Tensor:
        """What the last sigmoid is given, (N, nb_ch, H, W)."""
        x = x.contiguous(memory_format=torch.channels_last)
        skips: list[Tensor] = []
        for level, pair in enumerate(self.down):
            x = pair(functional.max_pool2d(x, 2) if level else x)
            if level >= LEVELS - 1:
                x = self.dropout(x)  # of the fourth level also what is kept for later
            skips.append(x)
        skips.pop()
        for up, join in zip(self.up, self.join, strict=True):
            x = join(torch.cat([skips.pop(), up(x)], dim=1))
        logits: Tensor = self.output(functional.relu(self.colours(x)))
        return logits

    def forward(self, x: Tensor) -> Tensor:
        """Restore a batch.

        Args:
            x: Floats (N, input_channels, H, W) in [0, 1]; left BGR before right BGR.

        Returns:
            (N, nb_ch, H, W) in (0, 1).
        """
        return self.logits(x).sigmoid()
