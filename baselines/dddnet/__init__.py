"""DDDNet: see the record beside this file."""

from torch import nn

from ldpbench.api import BaselineRecord

from .method import DddNetMethod
from .network import build_network, infer_options, merge

__all__ = ["build", "build_network", "infer_options", "merge"]


def build(network: nn.Module, record: BaselineRecord) -> DddNetMethod:
    """The method around a network that has its weights."""
    return DddNetMethod(network, record)
