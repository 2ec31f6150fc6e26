"""One call of a method, with a meter around nothing but the call."""

import time
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from ldpbench.data.sample import Sample
from ldpbench.methods.protocol import Deblurrer
from ldpbench.methods.runtime import restore_sample
from ldpbench.methods.wrapped import Wrapped


class Call(Wrapped):
    """A method whose calls are metered. Its name is what the runtime's errors begin with: "Call failed: ...".

    Args:
        inner: The method.
        meter: Entered before every call and left after it.
    """

    def __init__(self, inner: Deblurrer, meter: AbstractContextManager[object]) -> None:
        super().__init__(inner)
        self._meter = meter
        self.seconds = 0.0
        """Of the last call."""

    def restore(
        self, *, left: Tensor | None, right: Tensor | None, center: Tensor | None, blur_map: Tensor | None
    ) -> Tensor:
        """The call itself; the device has done all its work before the clock starts and before it stops."""
        with self._meter:
            _wait_for(self.device)
            start = time.perf_counter()
            made = self._inner.restore(left=left, right=right, center=center, blur_map=blur_map)
            _wait_for(self.device)
            self.seconds = time.perf_counter() - start
        return made


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def metered_call(deblurrer: Deblurrer, scene: Sample, meter: AbstractContextManager[object] | None = None) -> float:
    """Restore a scene through the runtime of every evaluation.

    Cutting to the bit depth, padding and moving to the device happen before the clock starts; clamping and cropping
    after it has stopped. What the method does itself, such as estimating a blur map or cutting into tiles, is inside.

    Args:
        deblurrer: The method.
        scene: What to restore.
        meter: Entered just before the call and left just after it, without the clock.

    Returns:
        Seconds.

    Raises:
        MethodError: If the method fails, or returns something that is not a picture of the right shape.
        UsageError: If the method wants a view that the scene does not have.
    """
    metered = Call(deblurrer, nullcontext() if meter is None else meter)
    restore_sample(metered, scene)
    return metered.seconds
