"""BaMBNet: four branches of different depth, one for each range of blur (Liang et al., IEEE/CAA JAS 2022).

Names of parameters are the published ones. The network that estimates the circle of confusion is the same but for
its last step.
"""

import itertools
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

from ldpbench.api import OverPicture, picture_mean

WIDTH = 64
BRANCHES = 4
DEPTH = 4
"""Units that halve the size, and units that double it again."""
MASKED_FORWARDS = 20_000
"""After so many training steps each branch sees the whole picture."""
BLUR_EDGES_PX = (0.0, 1.9, 4.2, 6.2, math.inf)
"""Absolute circle of confusion that each branch is meant for."""
COC_LIMIT_PX = 24.0


class ChannelAttention(OverPicture):
    """Scales each channel by a gate computed from the means of all channels."""

    def __init__(self, width: int, reduction: int = 16) -> None:
        super().__init__()
        self.conv_du = nn.Sequential(
            nn.Conv2d(width, width // reduction, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(width // reduction, width, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        gate: Tensor = self.conv_du(picture_mean(x))
        return x * gate


class AttentionBlock(nn.Module):
    """Residual channel attention block (RCAB)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1),
            ChannelAttention(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        residual: Tensor = self.body(x)
        return residual.add_(x)


class ResidualGroup(nn.Module):
    """Some attention blocks and a convolution, around which the input passes."""

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *(AttentionBlock(width) for _ in range(blocks)), nn.Conv2d(width, width, 3, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        residual: Tensor = self.body(x)
        return residual.add_(x)


def _unit(branch: int, resample: nn.Module) -> nn.Sequential:
    """One unit of one branch. Branch 0, for pixels in focus, looks at single pixels and keeps the size."""
    if branch == 0:
        return nn.Sequential(nn.Conv2d(WIDTH, WIDTH, 1), nn.ReLU(inplace=True))
    return nn.Sequential(ResidualGroup(WIDTH, blocks=branch), resample)


def _units(resample: nn.Module) -> nn.ModuleList:
    return nn.ModuleList(_unit(branch, resample) for branch in range(BRANCHES))


class BamBNet(nn.Module):
    """The deblurring network, or with ``coc`` the one that estimates the circle of confusion.

    ``forward`` takes (N, 6, H, W): the left and the right view, BGR in [0, 1]; height and width are multiples of 16.
    The deblurring network also takes (N, 9, H, W), the last three channels being a circle of confusion in px; it only
    matters while ``iter_num`` is below ``MASKED_FORWARDS``. The answer is a list of one picture (N, 3, H, W): BGR in
    [0, 1], or a signed circle of confusion in [-24, 24] px.

    Attributes:
        iter_num: Training steps so far, of which the state dict knows nothing. It starts where masking has ended, so
            that a loaded network is never masked; set it to 0 to train from scratch as published.
    """

    def __init__(self, *, coc: bool = False) -> None:
        super().__init__()
        self.coc = coc
        self.iter_num = MASKED_FORWARDS
        self.head = nn.Sequential(nn.Conv2d(6, WIDTH, 3, padding=1), nn.ReLU(inplace=True))
        self.tail_hard = nn.Sequential(nn.Conv2d(WIDTH, 3, 3, padding=1))
        for number in range(1, 2 * DEPTH + 1):
            resample = nn.MaxPool2d(2) if number <= DEPTH else nn.Upsample(scale_factor=2, mode="nearest")
            self.add_module(f"layer{number}", _units(resample))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Views to a list of one picture."""
        views = x[:, :6].contiguous(memory_format=torch.channels_last)
        features: Tensor = self.head(views)
        shares = self._shares(x)
        pyramid = [features]
        for _ in range(DEPTH):
            pyramid.append(F.avg_pool2d(pyramid[-1], 2))
        total = features
        for branch in range(BRANCHES):
            answer = self._branch(branch, [features] * (DEPTH + 1) if branch == 0 else pyramid)
            total = total + (answer if shares is None else answer * shares[branch])
        answer = self.tail_hard(total)
        answer = answer.clamp(-COC_LIMIT_PX, COC_LIMIT_PX) if self.coc else answer.sigmoid()
        return [answer.contiguous()]

    def _branch(self, branch: int, pyramid: list[Tensor]) -> Tensor:
        """A U-net whose every unit also sees the features, averaged to its size."""
        x = pyramid[0]
        skips: list[Tensor] = []
        for number in range(1, 2 * DEPTH + 1):
            level = DEPTH - abs(number - 1 - DEPTH)
            if number > 1:
                x = x + pyramid[level]
            if number > DEPTH + 1:
                x = x.add_(skips.pop())
            x = self.get_submodule(f"layer{number}.{branch}")(x)
            if number < DEPTH:
                skips.append(x)
        return x

    def _shares(self, x: Tensor) -> list[Tensor] | None:
        """What part of each branch's answer counts, (N, 1, H, W) each. None: all of it.

        While training goes on, the part outside a branch's own range of blur fades in.
        """
        step = self.iter_num
        if self.training:
            self.iter_num += 1
        if self.coc or x.shape[1] == 6 or step >= MASKED_FORWARDS:
            return None
        blur = x[:, 6:].abs().amax(1, keepdim=True)
        weight = math.exp(-((2 * step / MASKED_FORWARDS) ** 2))
        return [
            ((blur >= low) & (blur < high)).to(x.dtype) * weight + (1 - weight)
            for low, high in itertools.pairwise(BLUR_EDGES_PX)
        ]


def build_network(coc: bool = False) -> BamBNet:
    """The network with fresh weights.

    Args:
        coc: The one that estimates the circle of confusion, in place of the deblurring one.
    """
    return BamBNet(coc=coc)


def infer_options(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any] | None:
    """Options that fit a state dict, or None.

    Both networks have the same entries: it is taken for the deblurring one.
    """
    telling = {
        "head.0.weight": (WIDTH, 6, 3, 3),
        "layer1.0.0.weight": (WIDTH, WIDTH, 1, 1),
        "layer8.3.0.body.2.body.3.conv_du.0.weight": (WIDTH // 16, WIDTH, 1, 1),
    }
    return {} if all(tuple(shapes.get(key, ())) == shape for key, shape in telling.items()) else None
