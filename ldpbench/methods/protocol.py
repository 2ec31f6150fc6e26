"""What a method is to the engine."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

View = Literal["left", "right", "center", "blur_map"]


@dataclass(frozen=True)
class SizeRule:
    """Which heights and widths a method accepts.

    Args:
        minimum_px: Smallest height and width.
        multiple_of: Height and width are multiples of this.
    """

    minimum_px: int = 1
    multiple_of: int = 1

    def padded(self, size_px: int) -> int:
        """The smallest accepted size that is at least ``size_px``."""
        wanted = max(size_px, self.minimum_px)
        return -(-wanted // self.multiple_of) * self.multiple_of


class Deblurrer(ABC):
    """A method that turns dual-pixel views into a sharp picture.

    A subclass declares its needs and implements ``restore``. The runtime checks and normalises the views, cuts them to
    the bit depth, orders their channels, pads them to the size rule, moves them to the device, clamps the result to
    [0, 1], crops it and takes the time; a method does none of that.
    """

    inputs: tuple[View, ...] = ("left", "right")
    """The views it wants; the others arrive as None."""
    size: SizeRule = SizeRule()
    tiling: ClassVar[Literal["supported", "discouraged", "internal"]] = "supported"
    channels: ClassVar[tuple[int, ...]] = (1, 3)
    """Channel counts it accepts. A grey picture is repeated three times for a method that wants only 3."""
    dtypes: ClassVar[tuple[torch.dtype, ...]] = (torch.float32,)
    bits: Literal[8, 16] | None = None
    """Deeper pictures are cut to this many bits first, as the readers of 8-bit methods do (``v >> 8``); None: any."""
    channel_order: Literal["rgb", "bgr"] = "rgb"
    """Of the pictures it is given and of its answer."""
    device: torch.device = torch.device("cpu")
    """Where it wants its tensors."""
    crop_px: int | None = None
    """Pictures are cut at the bottom and right to a multiple of this, and only that part is restored."""

    @property
    def tiles_used(self) -> str | None:
        """How the last picture was cut into tiles; None if it was seen whole, or nobody knows."""
        return None

    @abstractmethod
    def restore(
        self,
        *,
        left: torch.Tensor | None,
        right: torch.Tensor | None,
        center: torch.Tensor | None,
        blur_map: torch.Tensor | None,
    ) -> torch.Tensor:
        """Restore a batch.

        Args:
            left: (N, C, H, W) in [0, 1], or None unless declared in ``inputs``; the same for the others.
            right: As ``left``.
            center: As ``left``: the ordinary picture, or the mean of the views where a set has none.
            blur_map: (N, 1, H, W).

        Returns:
            (N, C, H, W), nominally in [0, 1]; one sharp picture per item, independent of its neighbours in the batch.
        """
