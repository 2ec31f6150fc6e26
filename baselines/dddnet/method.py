"""DDDNet as a method."""

from torch import Tensor

from ldpbench.api import NetworkMethod

from .network import DddNet


class DddNetMethod(NetworkMethod):
    """See the record beside this file."""

    def restore(
        self, *, left: Tensor | None, right: Tensor | None, center: Tensor | None, blur_map: Tensor | None
    ) -> Tensor:
        """Restore a batch of views; the disparity is not decoded."""
        assert left is not None, "declared as an input"
        assert right is not None, "declared as an input"
        assert isinstance(self.network, DddNet), "the record asks for both parts"
        return self.network.picture(left, right)
