"""A published network as a method: everything around its forward pass is read off its record."""

from typing import Any

import torch
from torch import Tensor, nn

from ldpbench.methods.protocol import Deblurrer, SizeRule, View
from ldpbench.records import BaselineRecord


class NetworkMethod(Deblurrer):
    """A network that is given the inputs of its record side by side, and whose output is the picture.

    A subclass for a network that gives more than the picture overrides ``answer``; one for a network that is fed in
    another way overrides ``restore``.

    Args:
        network: The module, with its weights, in eval mode and on its device.
        record: What says how it is fed.
    """

    channels = (3,)

    def __init__(self, network: nn.Module, record: BaselineRecord) -> None:
        self.network = network
        self.record = record
        self.inputs = record.inputs
        self.size = SizeRule(record.size.minimum_px, record.size.multiple_of)
        self.bits = record.bits
        self.channel_order = record.channel_order
        place = next(network.parameters(), None)
        self.device = torch.device("cpu") if place is None else place.device

    def restore(
        self, *, left: Tensor | None, right: Tensor | None, center: Tensor | None, blur_map: Tensor | None
    ) -> Tensor:
        """Concatenate the inputs along the channels, in the order of the record, and ask the network."""
        views: dict[View, Tensor | None] = {"left": left, "right": right, "center": center, "blur_map": blur_map}
        given = [view for name in self.inputs if (view := views[name]) is not None]
        assert len(given) == len(self.inputs), "declared as inputs"
        return self.answer(self.network(torch.cat(given, dim=1)))

    def answer(self, output: Any) -> Tensor:
        """The pictures (N, C, H, W) in what the network gave; here that is all of it."""
        restored: Tensor = output
        return restored
