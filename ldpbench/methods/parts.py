"""A method run on parts of a picture in place of the whole."""

from typing import Any

import torch
from torch import Tensor, nn

from ldpbench.core.errors import UsageError
from ldpbench.methods.auto_tiles import Tiler
from ldpbench.methods.inference import Inference
from ldpbench.methods.protocol import Deblurrer
from ldpbench.methods.tiling import Tiling, in_windows
from ldpbench.methods.wrapped import Wrapped
from ldpbench.networks.statistics import has_picture_statistics


class InParts(Wrapped):
    """Another method, fed with tiles or windows.

    Args:
        inner: The method.
        inference: With tiles or windows.

    Raises:
        UsageError: If a part is not of a size that the method accepts.
    """

    def __init__(self, inner: Deblurrer, inference: Inference) -> None:
        super().__init__(inner)
        if isinstance(inference.tiles, Tiling):
            _demand_fitting(inner, inference.tiles.size_px)
        elif inference.windows_px is not None:
            _demand_fitting(inner, inference.windows_px)
        self._windows_px = inference.windows_px
        network: Any = getattr(inner, "network", None)
        shared = isinstance(network, nn.Module) and has_picture_statistics(network)
        self._tiler = Tiler(inference.tiles, inner.size, shared=shared)

    def restore(
        self, *, left: Tensor | None, right: Tensor | None, center: Tensor | None, blur_map: Tensor | None
    ) -> Tensor:
        """Restore part by part."""
        planes = {"left": left, "right": right, "center": center, "blur_map": blur_map}
        names = [name for name, plane in planes.items() if plane is not None]

        def call(*parts: Tensor | None) -> Tensor:
            given: dict[str, Tensor | None] = dict.fromkeys(planes) | dict(zip(names, parts, strict=True))
            return self._inner.restore(**given).to(torch.float32)

        inputs = [planes[name] for name in names]
        if self._windows_px is not None:
            return in_windows(call, inputs, self._windows_px)
        return self._tiler.run(call, inputs)

    @property
    def tiles_used(self) -> str | None:
        """As of ``Deblurrer``."""
        return self._tiler.words


def _demand_fitting(inner: Deblurrer, side: int) -> None:
    if inner.size.padded(side) != side:
        raise UsageError(
            f"parts of {side} px: {type(inner).__name__} wants at least {inner.size.minimum_px} px and multiples "
            f"of {inner.size.multiple_of} px",
            hint=f"choose {inner.size.padded(side)} px",
        )
