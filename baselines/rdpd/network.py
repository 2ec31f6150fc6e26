"""RDPD (Abuolaim et al., ICCV 2021): a U-Net on each frame, with a convolutional LSTM between frames at its bottom.

The published one is a Keras model. Entries are named by what they do; ``convert`` says which of Keras's layers they
are.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from ldpbench.api import UsageError

WIDTHS = (32, 64, 128, 256, 512)
DEEPEST = WIDTHS[-1]


def hard_sigmoid(x: Tensor) -> Tensor:
    """Keras 2's: a line of slope 0.2 between 0 and 1. That of torch and of Keras 3 has another slope."""
    return (0.2 * x + 0.5).clamp(0, 1)


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


class ConvLstm(nn.Module):
    """A convolutional LSTM over the frames of a sequence, which begins with nothing in memory.

    Args:
        channels: C of (N, T, C, H, W), in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.input = nn.Conv2d(channels, 4 * channels, 3, padding=1)
        self.recurrent = nn.Conv2d(channels, 4 * channels, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, T, C, H, W) to the same shape."""
        memory: Tensor | None = None
        answers: list[Tensor] = []
        for frame in x.unbind(1):
            gates = self.input(frame)
            if answers:  # before the first frame there is nothing to convolve
                gates = gates + self.recurrent(answers[-1])
            enter, forget, new, leave = gates.chunk(4, dim=1)
            fresh = hard_sigmoid(enter) * new.tanh()
            memory = fresh if memory is None else hard_sigmoid(forget) * memory + fresh
            answers.append(hard_sigmoid(leave) * memory.tanh())
        return torch.stack(answers, dim=1)


class Rdpd(nn.Module):
    """The network. Heights and widths are multiples of 16.

    Args:
        input_channels: 7 for left BGR, right BGR and the radial map; 6 without the map.
        nb_ch_out: Channels of the answer.
        linear_layer: The last layer is linear and clipped to [0, 1]; else it is a sigmoid.
    """

    def __init__(self, input_channels: int = 7, nb_ch_out: int = 3, linear_layer: bool = True) -> None:
        super().__init__()
        self.linear_layer = linear_layer
        before = (input_channels, *WIDTHS)
        self.down = nn.ModuleList(Pair(before[level], width) for level, width in enumerate(WIDTHS[:-1]))
        self.bottom = nn.Conv2d(WIDTHS[-2], DEEPEST, 3, padding=1)
        self.lstm = ConvLstm(DEEPEST)
        self.up = nn.ModuleList(Up(width) for width in reversed(WIDTHS[1:]))
        self.join = nn.ModuleList(Pair(2 * width, width) for width in reversed(WIDTHS[:-1]))
        self.colours = nn.Conv2d(WIDTHS[0], nb_ch_out, 3, padding=1)
        self.output = nn.Conv2d(nb_ch_out, nb_ch_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Restore a batch of frames or of sequences.

        Args:
            x: Floats (N, input_channels, H, W) or (N, T, input_channels, H, W) in [0, 1]: left BGR, right BGR, and the
                distance from the middle of the full frame.

        Returns:
            (N, nb_ch_out, H, W) or (N, T, nb_ch_out, H, W) in [0, 1].

        Raises:
            UsageError: If it has another number of axes.
        """
        if x.ndim not in (4, 5):
            raise UsageError(f"rdpd: expected (N, C, H, W) or (N, T, C, H, W), found {tuple(x.shape)}")
        frames = x.unsqueeze(1) if x.ndim == 4 else x
        restored = self.unclipped(frames)
        restored = restored.clamp(0, 1) if self.linear_layer else restored.sigmoid()
        return restored[:, 0] if x.ndim == 4 else restored

    def unclipped(self, frames: Tensor) -> Tensor:
        """What the last layer gives, (N, T, nb_ch_out, H, W)."""
        count, length = frames.shape[:2]
        x = frames.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        skips: list[Tensor] = []
        for level, pair in enumerate(self.down):
            x = pair(functional.max_pool2d(x, 2) if level else x)
            skips.append(x)
        x = functional.relu(self.bottom(functional.max_pool2d(x, 2)))
        x = self.lstm(x.reshape(count, length, *x.shape[1:])).flatten(0, 1)
        for up, join in zip(self.up, self.join, strict=True):
            x = join(torch.cat([skips.pop(), up(x)], dim=1))
        made: Tensor = self.output(functional.relu(self.colours(x)))
        return made.reshape(count, length, *made.shape[1:])
