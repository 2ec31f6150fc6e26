"""The total loss (Eq. 14)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ldpbench.core.errors import UsageError
from ldpbench.training.losses.blur_aware import BlurAwareLoss
from ldpbench.training.losses.blur_weighting import blur_weighting
from ldpbench.training.losses.charbonnier import charbonnier
from ldpbench.training.losses.weights import LossWeights

__all__ = ["LossParts", "LossWeights", "TotalLoss"]


@dataclass(frozen=True, eq=False)
class LossParts:
    """The loss of a batch.

    Args:
        total: The weighted sum, a scalar with its graph.
        parts: By name, each part that was computed, not weighted, cut off from the graph.
    """

    total: Tensor
    parts: Mapping[str, Tensor]


class TotalLoss(nn.Module):
    """Charbonnier + lambda_1 blur-aware + lambda_2 blur weighting.

    Every part is a mean over pictures of one size, so the mean of the losses of equal batches is the loss of all of
    them: averaging gradients over devices or micro-batches is exact.

    Args:
        weights: Of the parts; those of weight 0 are not computed.
        blur_aware: From pictures (N, 3, H, W) to their unnormalised blur-aware map (N, h, w); needed where its weight
            is above 0.

    Raises:
        UsageError: If the blur-aware part has a weight but no map.
    """

    def __init__(self, weights: LossWeights, blur_aware: Callable[[Tensor], Tensor] | None = None) -> None:
        super().__init__()
        if weights.blur_aware > 0 and blur_aware is None:
            raise UsageError(
                f"the blur-aware loss has weight {weights.blur_aware} but no blur-aware map",
                hint="give the loss its CLIP, or set the weight blur_aware to 0",
            )
        self.weights = weights
        self.blur_aware = BlurAwareLoss(blur_aware) if weights.blur_aware > 0 and blur_aware is not None else None

    def forward(
        self, restored: Tensor, target: Tensor, left: Tensor, right: Tensor, probability: Tensor | None = None
    ) -> LossParts:
        """The loss of a batch.

        Args:
            restored: Floats (N, C, H, W), white is 1, not clamped.
            target: Floats of the same shape.
            left: Floats of the same shape.
            right: Floats of the same shape.
            probability: Floats (N, 1, H, W) in [0, 1], large means blurred; needed where blur weighting counts.

        Raises:
            UsageError: If shapes do not fit or the probability is missing.
        """
        weights = self.weights
        parts: dict[str, Tensor] = {}
        if weights.charbonnier > 0:
            parts["charbonnier"] = charbonnier(restored, target)
        if weights.blur_weighting > 0:
            if probability is None:
                raise UsageError(
                    f"the blur weighting loss has weight {weights.blur_weighting} but no blur map",
                    hint="estimate blur maps for the batch, or set the weight blur_weighting to 0",
                )
            parts["blur_weighting"] = blur_weighting(restored, target, left, right, probability)
        if self.blur_aware is not None:
            parts["blur_aware"] = self.blur_aware(restored)
        total = torch.stack([getattr(weights, name) * part for name, part in parts.items()]).sum()
        return LossParts(total, {name: part.detach() for name, part in parts.items()})
