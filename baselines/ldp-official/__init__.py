"""The public release of LDP: its network and its blur-map recipe."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from ldpbench.api import BaselineRecord

from .method import LdpRelease
from .network import LdpOfficial

__all__ = ["build", "build_network", "infer_options"]


def build_network(inp_channels: int = 6, out_channels: int = 3, bias: bool = False) -> nn.Module:
    """See ``LdpOfficial``."""
    return LdpOfficial(inp_channels, out_channels, bias)


def infer_options(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any] | None:
    """The options behind a state dict of the release."""
    telling = ("patch_embed.proj.weight", "ca.qkv_dwconv.weight", "naf.intro.weight")
    if any(len(shapes.get(key, ())) != 4 for key in telling):
        return None
    output = shapes.get("output.weight", (3,))
    return {
        "inp_channels": shapes["patch_embed.proj.weight"][1],
        "out_channels": output[0],
        "bias": "ca.qkv.bias" in shapes,
    }


def build(network: nn.Module, record: BaselineRecord) -> LdpRelease:
    """The method."""
    return LdpRelease(network, record)
