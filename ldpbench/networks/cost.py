"""What a network costs: its parameters and its multiply-adds."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


def parameters(network: nn.Module) -> int:
    """Numbers that are learnt."""
    return sum(parameter.numel() for parameter in network.parameters())


def macs(network: nn.Module, height: int, width: int) -> int:
    """Multiply-adds of one picture: convolutions and matrix products, as papers count them.

    Norms, activations, softmax, pooling and additions are not counted; the products of attention are.

    Args:
        network: One of ours, called with two views and blur logits.
        height: Of the picture, px.
        width: Of the picture, px.
    """
    device = next(network.parameters()).device
    return count_macs(network, _inputs(network, height, width, device))


def count_macs(network: nn.Module, inputs: Sequence[Tensor]) -> int:
    """Multiply-adds of one call of any network in eval mode, as ``macs`` counts them."""
    was_training = network.training
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network.eval()(*inputs)
    network.train(was_training)
    return int(counter.get_total_flops()) // 2


def _inputs(network: nn.Module, height: int, width: int, device: torch.device) -> list[Tensor]:
    view = torch.zeros(1, 3, height, width, device=device)
    return [view, view, view[:, :1]]
