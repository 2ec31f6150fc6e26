"""NAFNet: its network, and what a file of its weights tells of itself."""

from torch import nn

from ldpbench.api import BaselineRecord, NetworkMethod

from .method import NafnetMethod
from .network import Nafnet
from .options import infer_options

__all__ = ["build", "build_network", "infer_options"]

build_network = Nafnet


def build(network: nn.Module, record: BaselineRecord) -> NetworkMethod:
    """The method."""
    return NafnetMethod(network, record)
