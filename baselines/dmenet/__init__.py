"""DMENet: its network, the variables of its TensorLayer files, and the deconvolution by its map."""

from torch import nn

from ldpbench.api import BaselineRecord, NetworkMethod

from .convert import convert, infer_options
from .method import DmeNetMethod, sigma_px
from .network import DmeNet

__all__ = ["build", "build_network", "convert", "infer_options", "sigma_px"]

build_network = DmeNet


def build(network: nn.Module, record: BaselineRecord) -> NetworkMethod:
    """The method."""
    return DmeNetMethod(network, record)
