"""The mean of the views: the score every method has to beat."""

import torch

from ldpbench.api import Deblurrer


class BlurryInput(Deblurrer):
    """Returns what the sensor's two halves saw together."""

    inputs = ("left", "right")

    def restore(
        self,
        *,
        left: torch.Tensor | None,
        right: torch.Tensor | None,
        center: torch.Tensor | None,
        blur_map: torch.Tensor | None,
    ) -> torch.Tensor:
        """The mean of the views."""
        assert left is not None, "declared as an input"
        assert right is not None, "declared as an input"
        return (left + right) / 2


def build() -> BlurryInput:
    """The method."""
    return BlurryInput()
