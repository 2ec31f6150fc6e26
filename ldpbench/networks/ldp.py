"""LDP as the paper describes it: a NAFNet-style encoder-decoder with attention that the blur map steers."""

import torch
from torch import Tensor, nn

from ldpbench.networks.bpa import AttentionBlock
from ldpbench.networks.config import MIDDLE, NetworkConfig
from ldpbench.networks.nafnet import TLC_SHARE, blocks, down, up

VIEW_CHANNELS = 6
DIFFERENCE_GAIN = 4.0
"""The views enter as their mean and so many times their difference, which holds the same and is easier to learn from:
the views differ little, and convolutions on the bare views took thousands of steps before they noticed. In the first
600 steps of ``cpu-smoke`` it is worth 0.5 dB, and only then does hiding the difference cost anything (1.3 dB)."""


class Ldp(nn.Module):
    """One class for every row of Table 6; the configuration decides.

    The answer is the mean of the views plus what the network adds, which is almost nothing at first. Pictures of a
    batch do not see each other.

    Args:
        config: Sizes, prior, levels with attention.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        width, depth = config.width, len(config.encoder)
        concatenates = config.prior in ("concat", "concat+sa")
        self.intro = nn.Conv2d(VIEW_CHANNELS + int(concatenates), width, 3, padding=1)
        self.ending = nn.Conv2d(width, 3, 3, padding=1)
        nn.init.zeros_(self.ending.weight)
        if self.ending.bias is not None:
            nn.init.zeros_(self.ending.bias)
        self.encoders = nn.ModuleList(
            blocks(width << level, count, self._pool(f"encoder-{level}")) for level, count in enumerate(config.encoder)
        )
        self.downs = nn.ModuleList(down(width << level) for level in range(depth))
        self.middle = blocks(width << depth, config.middle, self._pool(MIDDLE))
        self.ups = nn.ModuleList(up(width << level) for level in range(depth, 0, -1))
        self.decoders = nn.ModuleList(
            blocks(config.channels(f"decoder-{level}"), count, self._pool(f"decoder-{level}"))
            for level, count in enumerate(config.decoder)
        )
        self.attention = nn.ModuleDict(
            {level: self._attention(level) for level in config.attention} if config.has_attention else {}
        )

    def _pool(self, level: str) -> int | None:
        """The window of local pooling at a level, in positions."""
        config = self.config
        return None if config.pooling_px is None else int(TLC_SHARE * config.pooling_px) // config.shrinkage(level)

    def _attention(self, level: str) -> AttentionBlock:
        config = self.config
        return AttentionBlock(
            config.channels(level),
            config.head_channels,
            kernel=config.kernel if config.prior == "bpa" else None,
            shrinkage=config.shrinkage(level),
            window=config.window if config.span == "window" else None,
        )

    def forward(self, left: Tensor, right: Tensor, blur_logits: Tensor | None = None) -> Tensor:
        """Restore a batch.

        Args:
            left: Floats (N, 3, H, W), nominally in [0, 1]; H and W are multiples of ``config.multiple_of``.
            right: The same shape.
            blur_logits: Floats (N, 1, H, W), large means blurred; needed where ``config.needs_blur_map``.

        Returns:
            (N, 3, H, W), not clamped.

        Raises:
            ValueError: If a size does not fit or the map is missing.
        """
        self._check(left, right, blur_logits)
        mean = (left + right) / 2
        views = torch.cat([mean - 0.5, DIFFERENCE_GAIN * (left - right)], dim=1)
        if self.intro.in_channels > VIEW_CHANNELS:
            assert blur_logits is not None
            # As in attention, maps of any scale come in compressed.
            views = torch.cat([views, torch.asinh(blur_logits)], dim=1)
        x = self.intro(views)
        skips = []
        for level, (encoder, shrink) in enumerate(zip(self.encoders, self.downs, strict=True)):
            x = self._attend(f"encoder-{level}", encoder(x), blur_logits)
            skips.append(x)
            x = shrink(x)
        x = self._attend(MIDDLE, self.middle(x), blur_logits)
        for level, (grow, decoder) in enumerate(zip(self.ups, self.decoders, strict=True)):
            x = self._attend(f"decoder-{level}", decoder(grow(x) + skips.pop()), blur_logits)
        restored: Tensor = mean + self.ending(x)
        return restored

    def _attend(self, level: str, x: Tensor, blur_logits: Tensor | None) -> Tensor:
        if level not in self.attention:
            return x
        attended: Tensor = self.attention[level](x, blur_logits)
        return attended

    def _check(self, left: Tensor, right: Tensor, blur_logits: Tensor | None) -> None:
        config = self.config
        count, _, height, width = left.shape
        if right.shape != left.shape:
            raise ValueError(f"{config.name}: the left view is {tuple(left.shape)}, the right {tuple(right.shape)}")
        if height % config.multiple_of or width % config.multiple_of:
            raise ValueError(f"{config.name}: expected multiples of {config.multiple_of} px, found {height}x{width}")
        if not config.needs_blur_map:
            return
        if blur_logits is None:
            raise ValueError(f"{config.name} with the prior {config.prior} needs blur logits")
        # A map of another batch or size would be broadcast or averaged into something that only looks right.
        if blur_logits.shape != (count, 1, height, width):
            raise ValueError(
                f"{config.name}: expected blur logits {(count, 1, height, width)}, found {tuple(blur_logits.shape)}"
            )
