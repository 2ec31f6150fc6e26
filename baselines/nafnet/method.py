"""NAFNet as a method: two views to one picture, two to two, or one to one."""

from typing import Any

from torch import Tensor

from ldpbench.api import NetworkMethod


class NafnetMethod(NetworkMethod):
    """See the record beside this file."""

    def answer(self, output: Any) -> Tensor:
        """Where the network restores both views, their mean."""
        pictures: Tensor = output
        return pictures.unflatten(1, (-1, 3)).mean(1)
