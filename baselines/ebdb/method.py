"""EBDB as a method: its map says where which Gaussian blurred the picture; the deconvolution takes it away."""

import numpy as np
import torch
from torch import Tensor

from ldpbench.api import Deblurrer, SizeRule, edge_blur_map, hyper_laplacian_deblur


class Ebdb(Deblurrer):
    """See the record beside this file."""

    inputs = ("center",)
    size = SizeRule(minimum_px=16)

    def restore(
        self, *, left: Tensor | None, right: Tensor | None, center: Tensor | None, blur_map: Tensor | None
    ) -> Tensor:
        """Restore each picture of the batch on its own."""
        assert center is not None, "declared as an input"
        return torch.stack([self._restore_one(picture) for picture in center])

    @staticmethod
    def _restore_one(picture: Tensor) -> Tensor:
        image = np.ascontiguousarray(picture.detach().cpu().numpy().transpose(1, 2, 0))
        restored = hyper_laplacian_deblur(image, edge_blur_map(image))
        return torch.from_numpy(np.ascontiguousarray(restored.transpose(2, 0, 1))).to(picture)
