"""DPDNet as a method."""

import torch
from torch import Tensor

from ldpbench.api import NetworkMethod


class DpdNetMethod(NetworkMethod):
    """Left and right together."""

    def restore(
        self, *, left: Tensor | None, right: Tensor | None, center: Tensor | None, blur_map: Tensor | None
    ) -> Tensor:
        """Six channels, the left view first."""
        assert left is not None, "declared as an input"
        assert right is not None, "declared as an input"
        restored: Tensor = self.network(torch.cat([left, right], dim=1))
        return restored
