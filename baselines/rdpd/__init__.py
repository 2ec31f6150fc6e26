"""RDPD: its network, and the layers of its Keras files."""

from torch import nn

from ldpbench.api import BaselineRecord, NetworkMethod

from .convert import convert, infer_options, model_options
from .method import RdpdMethod, radial_map
from .network import Rdpd

__all__ = ["build", "build_network", "convert", "infer_options", "model_options", "radial_map"]

build_network = Rdpd


def build(network: nn.Module, record: BaselineRecord) -> NetworkMethod:
    """The method."""
    return RdpdMethod(network, record)
