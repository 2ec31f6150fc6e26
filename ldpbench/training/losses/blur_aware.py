"""The blur-aware loss (Eq. 13): how blurred a frozen CLIP finds the restored picture."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ldpbench.core.errors import MethodError, UsageError
from ldpbench.training.losses.deviation import full_precision
from ldpbench.training.losses.stopwatch import Stopwatch


class BlurAwareLoss(nn.Module):
    """Mean over positions and pictures of the unnormalised blur-aware map of the restored picture.

    The map has one value per position of CLIP's grid. Its mean stands for the mean over pixels of Eq. 14: stretching
    the map to the picture's size first would only weigh the border differently.

    On a CUDA device the map is computed under bfloat16 autocast, elsewhere in float32, whatever autocast surrounds it;
    the mean is always taken in float32.

    Args:
        logits: From pictures (N, 3, H, W) to a map (N, h, w) that grows with blur. What is inside must be frozen; a
            module is frozen here.
    """

    def __init__(self, logits: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.logits = logits
        if isinstance(logits, nn.Module):
            logits.requires_grad_(requires_grad=False)
        self._watch = Stopwatch()
        self.calls = 0
        self.eval()

    def train(self, mode: bool = True) -> "BlurAwareLoss":
        """Stays in evaluation mode: what is frozen does not train with the network."""
        del mode
        return super().train(mode=False)

    @property
    def seconds(self) -> float:
        """Time of all calls so far, forward and backward."""
        return self._watch.seconds

    @property
    def ms_per_call(self) -> float:
        """Mean time of one call with its backward pass, in ms; 0 before the first."""
        return 1000 * self.seconds / max(self.calls, 1)

    def forward(self, restored: Tensor) -> Tensor:
        """The loss of a batch.

        Args:
            restored: Floats (N, 3, H, W), white is 1. Not clamped: what lies outside [0, 1] keeps its gradient.

        Returns:
            A float32 scalar. It can be negative: the map has no zero point.

        Raises:
            UsageError: If the pictures have not three channels.
            MethodError: If the map is not (N, h, w).
        """
        if restored.ndim != 4 or restored.shape[1] != 3:
            raise UsageError(f"the blur-aware loss: expected pictures (N, 3, H, W), found {tuple(restored.shape)}")
        stop = self._watch.start(restored.device)
        # A tensor of its own, so that the end of this part's backward pass can be seen.
        entry = full_precision(restored).view_as(restored)
        with torch.autocast(restored.device.type, dtype=torch.bfloat16, enabled=restored.device.type == "cuda"):
            logits = self.logits(entry)
        if logits.ndim != 3 or len(logits) != len(restored):
            raise MethodError(f"a blur-aware map: expected ({len(restored)}, h, w), found {tuple(logits.shape)}")
        loss = full_precision(logits).mean()
        stop()
        self.calls += 1
        if loss.requires_grad and entry.requires_grad:
            self._time_backward(entry, loss)
        return loss

    def _time_backward(self, entry: Tensor, loss: Tensor) -> None:
        """Let autograd start a lap when it comes to the loss and stop it when it leaves by the picture."""
        device = entry.device
        laps: list[Callable[[], None]] = []
        # torch leaves register_hook untyped.
        loss.register_hook(lambda _: laps.append(self._watch.start(device)))  # type: ignore[no-untyped-call]
        entry.register_hook(lambda _: laps.pop()())  # type: ignore[no-untyped-call]
