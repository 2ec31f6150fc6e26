"""DeepRFT as a method: one picture, or two views together."""

import torch
from torch import Tensor

from ldpbench.api import NetworkMethod

from .network import output_of


class DeepRftSingle(NetworkMethod):
    """The ordinary picture."""

    def restore(
        self, *, left: Tensor | None, right: Tensor | None, center: Tensor | None, blur_map: Tensor | None
    ) -> Tensor:
        """Three channels; of the three answers the finest."""
        assert center is not None, "declared as an input"
        return output_of(self.network(center))


class DeepRftDual(NetworkMethod):
    """Left and right together."""

    def restore(
        self, *, left: Tensor | None, right: Tensor | None, center: Tensor | None, blur_map: Tensor | None
    ) -> Tensor:
        """Six channels, the left view first; of the three answers the finest."""
        assert left is not None, "declared as an input"
        assert right is not None, "declared as an input"
        return output_of(self.network(torch.cat([left, right], dim=1)))
