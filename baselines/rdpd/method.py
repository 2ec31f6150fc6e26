"""RDPD as a method: single frames, with the distance from the middle of the frame beside the views."""

import torch
from torch import Tensor

from ldpbench.api import NetworkMethod, SizeRule, pad_to

MAP_CODES = 255
NETWORK_SIZE = SizeRule(minimum_px=16, multiple_of=16)
WITH_MAP = 7
"""Channels of a network that takes the radial map."""


def radial_map(height: int, width: int) -> Tensor:
    """How far each pixel is from the middle of the frame, as the authors' 8-bit files say it.

    Args:
        height: Of the full frame, px.
        width: Of the full frame, px.

    Returns:
        float32 (1, H, W) in [0, 1]; 1 at the upper left corner.
    """
    rows, columns = torch.arange(height, dtype=torch.float64), torch.arange(width, dtype=torch.float64)
    distance = torch.hypot((rows - height / 2)[:, None], columns - width / 2)
    return ((MAP_CODES * distance / distance[0, 0]).round() / MAP_CODES).float()[None]


class RdpdMethod(NetworkMethod):
    """A sequence of one frame: nothing is in memory.

    It takes frames of any size and pads them itself, as the radial map is that of the frame before its padding.
    """

    def restore(
        self, *, left: Tensor | None, right: Tensor | None, center: Tensor | None, blur_map: Tensor | None
    ) -> Tensor:
        """Left, right, and the radial map if the network takes it."""
        assert left is not None, "declared as an input"
        assert right is not None, "declared as an input"
        height, width = left.shape[-2:]
        planes = [left, right]
        if self.network.get_parameter("down.0.first.weight").shape[1] == WITH_MAP:
            radial = radial_map(height, width).to(left.device)
            planes.append(radial.expand(left.shape[0], -1, -1, -1))
        restored: Tensor = self.network(pad_to(torch.cat(planes, dim=1), NETWORK_SIZE))
        return restored[..., :height, :width]
