"""The network that the authors of LDP released, which is not the one their paper describes.

One channel-attention block at full resolution, whose 32 x 32 map of channels gets the blur map, pooled to 32 x 32,
added to it; then a NAFNet without its image residual. Written from the description of the released checkpoint: names
and shapes of the state dict are the release's own.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from ldpbench.api import NafBody, UsageError

WIDTH = 32
ENCODER = DECODER = (2, 2, 2, 2)
MIDDLE_BLOCKS = 2
VIEWS = 6


class PatchEmbed(nn.Module):
    """The first convolution."""

    def __init__(self, channels_in: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels_in, width, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, width, H, W)."""
        embedded: Tensor = self.proj(x)
        return embedded


class ChannelAttention(nn.Module):
    """Attention between channels, with the blur map added to its map of channels. Nothing is added to the result."""

    def __init__(self, width: int, *, bias: bool) -> None:
        super().__init__()
        self.temperature = nn.Parameter(torch.ones(1, 1, 1))
        self.qkv = nn.Conv2d(width, 3 * width, 1, bias=bias)
        # In the checkpoint, and never used: the release goes without it.
        self.qkv_dwconv = nn.Conv2d(3 * width, 3 * width, 3, padding=1, groups=3 * width, bias=bias)
        self.project_out = nn.Conv2d(width, width, 1, bias=bias)

    def scores(self, x: Tensor, blur_map: Tensor) -> tuple[Tensor, Tensor]:
        """The map before the softmax, (N, width, width): rows are channels of the query; and the values."""
        q, k, v = self.qkv(x).flatten(2).chunk(3, dim=1)
        cosine = functional.normalize(q, dim=-1) @ functional.normalize(k, dim=-1).transpose(-2, -1)
        pooled = functional.adaptive_avg_pool2d(blur_map, (cosine.shape[-2], cosine.shape[-1]))[:, 0]
        return cosine * self.temperature + pooled, v

    def forward(self, x: Tensor, blur_map: Tensor) -> Tensor:
        """Features (N, width, H, W) and blur map (N, 1, H, W) to features."""
        scores, v = self.scores(x, blur_map)
        mixed: Tensor = self.project_out((scores.softmax(-1) @ v).reshape(x.shape))
        return mixed


class LdpOfficial(nn.Module):
    """The released network.

    Args:
        inp_channels: Of the two views together.
        out_channels: Of the answer.
        bias: Of the convolutions outside the NAFNet.

    Raises:
        UsageError: If the views have not 6 channels, which the released forward pass cuts out.
    """

    def __init__(self, inp_channels: int = VIEWS, out_channels: int = 3, bias: bool = False) -> None:
        super().__init__()
        if inp_channels != VIEWS:
            raise UsageError(f"ldp-official: expected inp_channels={VIEWS}, found {inp_channels}")
        self.patch_embed = PatchEmbed(inp_channels, WIDTH)
        self.ca = ChannelAttention(WIDTH, bias=bias)
        self.naf = NafBody(WIDTH, WIDTH, width=WIDTH, encoder=ENCODER, middle=MIDDLE_BLOCKS, decoder=DECODER)
        self.skip_conv = nn.Conv2d(WIDTH, WIDTH, 1, bias=bias)
        self.output = nn.Conv2d(WIDTH, out_channels, 3, padding=1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Restore a batch.

        Args:
            x: Floats (N, 7 or more, H, W) in [0, 1]: left RGB, right RGB, and the blur map as the last channel.

        Returns:
            (N, 3, H, W), without a residual of the image and not clamped.
        """
        attended = self.ca(self.patch_embed(x[:, :VIEWS]), x[:, -1:])
        restored: Tensor = self.output(self.naf(attended) + self.skip_conv(attended))
        return restored
