"""DeepRFT: its network, and what a file of its weights tells of itself."""

from torch import nn

from ldpbench.api import BaselineRecord, NetworkMethod

from .network import DeepRft, fold
from .options import infer_options

__all__ = ["build", "build_network", "fold", "infer_options"]

build_network = DeepRft


def build(network: nn.Module, record: BaselineRecord) -> NetworkMethod:
    """The method. As in the authors' own test, kernels are multiplied out and only the finest picture is made."""
    assert isinstance(network, DeepRft), "built here"
    fold(network)
    network.inference = True
    return NetworkMethod(network, record)
