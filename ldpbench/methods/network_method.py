"""A published network as a method: everything around its forward pass is read off its record."""

import torch
from torch import nn

from ldpbench.methods.protocol import Deblurrer, SizeRule
from ldpbench.records import BaselineRecord


class NetworkMethod(Deblurrer):
    """Base of methods that are a network. A subclass implements ``restore``, often in one line.

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
