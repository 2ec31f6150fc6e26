"""The release as a method: CLIP's blur map of the whole picture, then the network."""

import numpy as np
import torch
from torch import Tensor, nn

from ldpbench.api import BaselineRecord, NetworkMethod, blur_map_estimator


class LdpRelease(NetworkMethod):
    """See the record beside this file. The blur map is made by the released recipe, with CLIP's own weights."""

    def __init__(self, network: nn.Module, record: BaselineRecord) -> None:
        super().__init__(network, record)
        self._estimator = blur_map_estimator("clip-patch")

    def restore(
        self, *, left: Tensor | None, right: Tensor | None, center: Tensor | None, blur_map: Tensor | None
    ) -> Tensor:
        """Left, right and the blur map as one picture of seven channels."""
        assert left is not None, "declared as an input"
        assert right is not None, "declared as an input"
        maps = torch.stack([self._blur_map(*pair) for pair in zip(left, right, strict=True)]).to(left.device)
        restored: Tensor = self.network(torch.cat([left, right, maps], dim=1))
        return restored

    def _blur_map(self, left: Tensor, right: Tensor) -> Tensor:
        views = [np.ascontiguousarray(view.cpu().numpy().transpose(1, 2, 0)) for view in (left, right)]
        return torch.from_numpy(self._estimator.estimate(*views).probability)[None]
