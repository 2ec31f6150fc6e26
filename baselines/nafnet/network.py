"""NAFNet (Chen et al., ECCV 2022) and its local form (Chu et al., ECCV 2022), in the names of its state dict."""

from collections.abc import Sequence

from torch import Tensor

from ldpbench.api import NafBody, UsageError

LOCAL_SHARE = 1.5
"""A local window spans so many times the training size."""


class Nafnet(NafBody):
    """A U-Net of gated convolutions for pictures of any size, whose answer is added to its picture.

    Args:
        img_channel: Of the picture; 6 for left and right RGB together.
        width: Channels at full size; each halving doubles them.
        middle_blk_num: Blocks at the smallest size.
        enc_blk_nums: Blocks of each level on the way down.
        dec_blk_nums: Blocks of each level on the way up; as many levels.
        out_channels: Of the answer; None for those of the picture. Half of those of the picture: two views become one,
            and their mean is added.
        train_size: (N, channels, H, W) of the pictures it was trained on: means over the whole picture become means
            over windows of 1.5 times that size (TLC). None leaves them. The weights are the same.
        fast_imp: The approximate windows of the published code, which are not offered.

    Raises:
        UsageError: If an option has no meaning.
    """

    def __init__(
        self,
        img_channel: int = 3,
        width: int = 16,
        middle_blk_num: int = 1,
        enc_blk_nums: Sequence[int] = (),
        dec_blk_nums: Sequence[int] = (),
        out_channels: int | None = None,
        train_size: Sequence[int] | None = None,
        fast_imp: bool = False,
    ) -> None:
        out_channels = img_channel if out_channels is None else out_channels
        _demand_channels(img_channel, out_channels)
        if len(enc_blk_nums) != len(dec_blk_nums):
            raise UsageError(
                f"nafnet: enc_blk_nums has {len(enc_blk_nums)} levels and dec_blk_nums {len(dec_blk_nums)}",
                hint="give as many",
            )
        if fast_imp:
            raise UsageError("nafnet: the approximate windows of fast_imp are not offered", hint="leave fast_imp out")
        super().__init__(
            img_channel,
            out_channels,
            width=width,
            encoder=enc_blk_nums,
            middle=middle_blk_num,
            decoder=dec_blk_nums,
            windows=_windows(train_size, img_channel, len(enc_blk_nums)),
        )
        self.out_channels = out_channels

    def forward(self, inp: Tensor) -> Tensor:
        """Restore a batch.

        Args:
            inp: Floats (N, img_channel, H, W) in [0, 1], of any size; left RGB before right RGB.

        Returns:
            (N, out_channels, H, W), not clamped.
        """
        residual = super().forward(inp)
        if inp.shape[1] == self.out_channels:
            return residual + inp
        left, right = inp.chunk(2, dim=1)
        return residual + 0.5 * (left + right)


def _demand_channels(img_channel: int, out_channels: int) -> None:
    if img_channel not in (out_channels, 2 * out_channels):
        raise UsageError(
            f"nafnet: what is added to the answer is the picture or the mean of its two views, but img_channel is "
            f"{img_channel} and out_channels {out_channels}",
            hint="make them equal, or img_channel twice out_channels",
        )


def _windows(train_size: Sequence[int] | None, channels: int, depth: int) -> list[tuple[int, int]] | None:
    """Rows and columns of the local window at each level, the smallest size last.

    Feature maps of a training picture have the sizes after padding; the window grows with them.
    """
    if train_size is None:
        return None
    if len(train_size) != 4 or train_size[1] != channels or min(train_size) < 1:
        raise UsageError(
            f"nafnet: train_size: expected (1, {channels}, height, width), found {tuple(train_size)}",
            hint="its channels are those of the picture",
        )
    multiple = 1 << depth

    def span(size: int, level: int) -> int:
        features = (size + -size % multiple) >> level
        return features * int(LOCAL_SHARE * size) // size

    height, width = train_size[2:]
    return [(span(height, level), span(width, level)) for level in range(depth + 1)]
