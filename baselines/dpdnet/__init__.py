"""DPDNet: its network, and the layers of its Keras files."""

from torch import nn

from ldpbench.api import BaselineRecord, NetworkMethod

from .convert import convert, infer_options
from .network import DpdNet

__all__ = ["build", "build_network", "convert", "infer_options"]

build_network = DpdNet


def build(network: nn.Module, record: BaselineRecord) -> NetworkMethod:
    """The method."""
    return NetworkMethod(network, record)
