"""BaMBNet as a method."""

import torch
from torch import Tensor

from ldpbench.api import NetworkMethod


class BamBNetMethod(NetworkMethod):
    """See the record beside this file."""

    def restore(
        self, *, left: Tensor | None, right: Tensor | None, center: Tensor | None, blur_map: Tensor | None
    ) -> Tensor:
        """Restore a batch of views."""
        assert left is not None, "declared as an input"
        assert right is not None, "declared as an input"
        answer: Tensor = self.network(torch.cat([left, right], 1))[0]
        return answer
