"""DP-Wiener: signed blur from the two views, then one joint Wiener deconvolution per radius, blended smoothly."""

import numpy as np
import torch

from ldpbench.api import Deblurrer, SizeRule

from .blend import blend_radii
from .kernels import MAX_RADIUS_PX
from .radius import choose_shape, estimate_radius
from .spectra import PaddedViews


class DpWiener(Deblurrer):
    """See the record beside this file."""

    inputs = ("left", "right")
    size = SizeRule(minimum_px=32)

    def restore(
        self,
        *,
        left: torch.Tensor | None,
        right: torch.Tensor | None,
        center: torch.Tensor | None,
        blur_map: torch.Tensor | None,
    ) -> torch.Tensor:
        """Restore each item of the batch on its own."""
        assert left is not None, "declared as an input"
        assert right is not None, "declared as an input"
        items = [self._restore_one(one, other) for one, other in zip(left, right, strict=True)]
        return torch.stack(items).to(left.device, left.dtype)

    @staticmethod
    def _restore_one(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        one, other = (view.detach().cpu().numpy().astype(np.float32) for view in (left, right))
        views = PaddedViews(one, other, margin_px=2 * MAX_RADIUS_PX)
        shape = choose_shape(views)
        return torch.from_numpy(blend_radii(views, estimate_radius(views, shape), shape))


def build() -> DpWiener:
    """The method."""
    return DpWiener()
