"""DeepRFT: its network, and what a file of its weights tells of itself."""

from torch import nn

from ldpbench.api import BaselineRecord, NetworkMethod

from .method import DeepRftDual, DeepRftSingle
from .network import DeepRft, fold
from .options import infer_options

__all__ = ["build", "build_network", "fold", "infer_options"]

build_network = DeepRft


def build(network: nn.Module, record: BaselineRecord) -> NetworkMethod:
    """The method of a variant. Kernels are multiplied out, as the authors' own test does it."""
    assert isinstance(network, DeepRft), "built here"
    fold(network)
    network.inference = True
    return DeepRftSingle(network, record) if record.inputs == ("center",) else DeepRftDual(network, record)
