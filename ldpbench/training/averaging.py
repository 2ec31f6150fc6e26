"""The exponential moving average of the weights."""

import torch
from torch import Tensor, nn

WARM_UP = 10.0


class AveragedWeights:
    """Averaged weights beside those that are trained; always float32, on the same device.

    The decay of step n is at most (1 + n) / (10 + n), so that the beginning is forgotten soon.

    Args:
        network: Whose floating-point state is averaged.
        decay: 0 copies the weights.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._decay = decay
        self._own = {key: value.detach().clone() for key, value in network.state_dict().items()}

    def update(self, network: nn.Module, step: int) -> None:
        """Move towards the weights after a step, counted from 0."""
        decay = min(self._decay, (1 + step) / (WARM_UP + step))
        state = network.state_dict()
        floating = [key for key, value in self._own.items() if value.is_floating_point()]
        own = [self._own[key] for key in floating]
        with torch.no_grad():
            torch._foreach_lerp_(own, [state[key] for key in floating], 1 - decay)
            for key in self._own.keys() - set(floating):
                self._own[key].copy_(state[key])

    def state_dict(self) -> dict[str, Tensor]:
        """The averaged state."""
        return dict(self._own)

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Go on from a stored state."""
        for key, value in self._own.items():
            value.copy_(state[key])
