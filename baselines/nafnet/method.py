"""NAFNet as a method: two views to one picture, two to two, or one to one."""

import torch
from torch import Tensor

from ldpbench.api import NetworkMethod


class NafnetDual(NetworkMethod):
    """Left and right together; where the network restores both, their mean is the answer."""

    def restore(
        self, *, left: Tensor | None, right: Tensor | None, center: Tensor | None, blur_map: Tensor | None
    ) -> Tensor:
        """Six channels, the left view first."""
        assert left is not None, "declared as an input"
        assert right is not None, "declared as an input"
        restored: Tensor = self.network(torch.cat([left, right], dim=1))
        return torch.unflatten(restored, 1, (-1, 3)).mean(1)


class NafnetSingle(NetworkMethod):
    """The ordinary picture."""

    def restore(
        self, *, left: Tensor | None, right: Tensor | None, center: Tensor | None, blur_map: Tensor | None
    ) -> Tensor:
        """Three channels."""
        assert center is not None, "declared as an input"
        restored: Tensor = self.network(center)
        return restored
