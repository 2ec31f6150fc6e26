"""IFAN: its network, and what a file of its weights tells of itself."""

from torch import nn

from ldpbench.api import BaselineRecord, NetworkMethod

from .method import IfanDual
from .network import Ifan, adaptive_convolution
from .options import IGNORED, infer_options

__all__ = ["IGNORED", "adaptive_convolution", "build", "build_network", "infer_options"]

build_network = Ifan


def build(network: nn.Module, record: BaselineRecord) -> NetworkMethod:
    """The method of a variant."""
    return NetworkMethod(network, record) if record.inputs == ("center",) else IfanDual(network, record)
