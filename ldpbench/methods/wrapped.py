"""A method around another one."""

from ldpbench.methods.protocol import Deblurrer


class Wrapped(Deblurrer):
    """Takes over everything that another method declares; a subclass implements ``restore`` by calling ``_inner``.

    Args:
        inner: The other method.
    """

    tiling = "internal"

    def __init__(self, inner: Deblurrer) -> None:
        self._inner = inner
        self.inputs, self.size, self.bits = inner.inputs, inner.size, inner.bits
        self.channels, self.dtypes = inner.channels, inner.dtypes  # type: ignore[misc]  # of the class elsewhere
        self.channel_order, self.device, self.crop_px = inner.channel_order, inner.device, inner.crop_px

    @property
    def tiles_used(self) -> str | None:
        """As of ``Deblurrer``."""
        return self._inner.tiles_used
