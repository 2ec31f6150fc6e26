"""IFAN with two views as a method: the ordinary picture is restored; the views say how."""

from torch import Tensor

from ldpbench.api import NetworkMethod


class IfanDual(NetworkMethod):
    """All three pictures."""

    def restore(
        self, *, left: Tensor | None, right: Tensor | None, center: Tensor | None, blur_map: Tensor | None
    ) -> Tensor:
        """The network takes the right view before the left one."""
        assert left is not None, "declared as an input"
        assert right is not None, "declared as an input"
        assert center is not None, "declared as an input"
        restored: Tensor = self.network(center, right, left)
        return restored
