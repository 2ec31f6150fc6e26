"""A method run on parts of a picture in place of the whole."""

import torch
from torch import Tensor

from ldpbench.core.errors import UsageError
from ldpbench.methods.inference import Inference
from ldpbench.methods.protocol import Deblurrer
from ldpbench.methods.tiling import in_tiles, in_windows


class InParts(Deblurrer):
    """Another method, fed with tiles or windows.

    Args:
        inner: The method.
        inference: With tiles or windows.

    Raises:
        UsageError: If a part is not of a size that the method accepts.
    """

    tiling = "internal"

    def __init__(self, inner: Deblurrer, inference: Inference) -> None:
        side = inference.tiles.size_px if inference.tiles is not None else inference.windows_px
        assert side is not None, "chosen by the caller"
        if inner.size.padded(side) != side:
            raise UsageError(
                f"parts of {side} px: {type(inner).__name__} wants at least {inner.size.minimum_px} px and multiples "
                f"of {inner.size.multiple_of} px",
                hint=f"choose {inner.size.padded(side)} px",
            )
        self._inner = inner
        self._inference = inference
        self.inputs, self.size, self.bits = inner.inputs, inner.size, inner.bits
        self.channel_order, self.device = inner.channel_order, inner.device
        self.channels = inner.channels  # type: ignore[misc]  # of the class in general, of the inner one here

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
        if self._inference.windows_px is not None:
            return in_windows(call, inputs, self._inference.windows_px)
        return in_tiles(call, inputs, self._inference.tiles)
