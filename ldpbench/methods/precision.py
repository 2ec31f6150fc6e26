"""Short floats: the products of a network in 16 bits, its sums and norms in 32."""

import torch
from torch import Tensor

from ldpbench.core.errors import UsageError
from ldpbench.methods.protocol import Deblurrer
from ldpbench.methods.wrapped import Wrapped
from ldpbench.records.protocol import Dtype

_TORCH: dict[Dtype, torch.dtype] = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class InPrecision(Wrapped):
    """A method under torch's autocast, which decides by operator what may be short.

    Args:
        inner: The method.
        dtype: ``bfloat16`` or ``float16``.

    Raises:
        UsageError: If the device has no such arithmetic.
    """

    def __init__(self, inner: Deblurrer, dtype: Dtype) -> None:
        super().__init__(inner)
        self._dtype = _TORCH[dtype]
        if not torch.amp.autocast_mode.is_autocast_available(inner.device.type):
            raise UsageError(f"--dtype {dtype}: {inner.device.type} has no automatic precision", hint="leave it out")

    def restore(
        self, *, left: Tensor | None, right: Tensor | None, center: Tensor | None, blur_map: Tensor | None
    ) -> Tensor:
        """One call; the answer is float32 again."""
        with torch.autocast(self.device.type, dtype=self._dtype):
            made = self._inner.restore(left=left, right=right, center=center, blur_map=blur_map)
        return made.to(torch.float32)
