"""BaMBNet: see the record beside this file."""

from torch import nn

from ldpbench.api import BaselineRecord

from .method import BamBNetMethod
from .network import build_network, infer_options

__all__ = ["build", "build_network", "infer_options"]


def build(network: nn.Module, record: BaselineRecord) -> BamBNetMethod:
    """The method around a network that has its weights."""
    return BamBNetMethod(network, record)
