"""Self-ensemble: the mean over the flips of a pair that a dual-pixel camera could have taken."""

import torch
from torch import Tensor

from ldpbench.methods.protocol import Deblurrer
from ldpbench.methods.wrapped import Wrapped


class SelfEnsemble(Wrapped):
    """The mean of a method's answers to a pair, its mirror image, and both upside down.

    A mirrored pair has its views exchanged: what was seen from the left is then seen from the right, and a point behind
    the focus stays behind it. Turns by 90 degrees are left out: no dual-pixel camera sees vertical disparity.

    Args:
        inner: The method.
    """

    def __init__(self, inner: Deblurrer) -> None:
        super().__init__(inner)

    def restore(
        self, *, left: Tensor | None, right: Tensor | None, center: Tensor | None, blur_map: Tensor | None
    ) -> Tensor:
        """Four calls, one after the other, so that memory holds one."""
        total: Tensor | None = None
        for mirrored in (False, True):
            for upside_down in (False, True):
                axes = [axis for axis, turned in ((-1, mirrored), (-2, upside_down)) if turned]
                first, second = (right, left) if mirrored else (left, right)
                made = self._inner.restore(
                    left=_flipped(first, axes),
                    right=_flipped(second, axes),
                    center=_flipped(center, axes),
                    blur_map=_flipped(blur_map, axes),
                ).to(torch.float32)
                turned_back = made.flip(axes)
                total = turned_back if total is None else total + turned_back
        assert total is not None
        return total / 4


def _flipped(plane: Tensor | None, axes: list[int]) -> Tensor | None:
    return None if plane is None else plane.flip(axes)
