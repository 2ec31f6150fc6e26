"""DMENet as a method: its map says where which Gaussian blurred the picture; the deconvolution takes it away."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ldpbench.api import NetworkMethod, hyper_laplacian_deblur

LARGEST_COC_PX = 15.0
"""A circle of confusion of so many pixels is 1 in the network's map."""


def sigma_px(defocus: NDArray[np.floating]) -> NDArray[np.float64]:
    """Standard deviations of Gaussian blur, px, behind values of the network's map in [0, 1]."""
    return np.maximum((LARGEST_COC_PX * defocus.astype(np.float64) - 1) / 2, 0)


class DmeNetMethod(NetworkMethod):
    """The ordinary picture."""

    def restore(
        self, *, left: Tensor | None, right: Tensor | None, center: Tensor | None, blur_map: Tensor | None
    ) -> Tensor:
        """Estimate the map of each picture, in 8 bits as the authors store it, and deconvolve."""
        assert center is not None, "declared as an input"
        maps: Tensor = self.network(center)
        codes = (maps * 255).round() / 255
        restored = [self._deconvolved(*item) for item in zip(center, codes[:, 0], strict=True)]
        return torch.stack(restored).to(center.device)

    @staticmethod
    def _deconvolved(picture: Tensor, defocus: Tensor) -> Tensor:
        image = np.ascontiguousarray(picture.cpu().numpy().transpose(1, 2, 0))
        restored = hyper_laplacian_deblur(image, sigma_px(defocus.cpu().numpy()))
        return torch.from_numpy(np.ascontiguousarray(restored.transpose(2, 0, 1))).to(picture.dtype)
