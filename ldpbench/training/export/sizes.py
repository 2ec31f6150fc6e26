"""Sizes of the pictures that a network is traced with and compared on.

A file cannot take the branches that a network takes by the size of a picture, so the traced size must be one that takes
the general ones: windows of attention that do not fit, and pooling in windows that do.
"""

from dataclasses import dataclass

from ldpbench.networks.config import NetworkConfig
from ldpbench.networks.nafnet import TLC_SHARE

_LEAST_PX = 32

Shape = tuple[int, int, int]
"""Batch, height and width."""


@dataclass(frozen=True)
class ExportSizes:
    """What to trace and to compare."""

    smallest_px: int
    """Sides from which on a file is right: where pooling is local, its windows have to fit."""
    traced: Shape
    compared: tuple[Shape, ...]
    """Other batches, heights and widths than the traced ones; windows of attention fit the first."""


def export_sizes(config: NetworkConfig) -> ExportSizes:
    """The sizes for a network."""
    multiple = config.multiple_of
    smallest = multiple
    if config.pooling_px is not None:
        smallest = (int(TLC_SHARE * config.pooling_px) // multiple + 1) * multiple
    count = max(2, -(-max(smallest, _LEAST_PX) // multiple))
    window = config.window if config.has_attention and config.span == "window" else 1
    fitting = -(-count // window) * window

    def shape(batch: int, rows: int, columns: int) -> Shape:
        return batch, rows * multiple, columns * multiple

    # One more than fits does not fit at any level where it can fail to: sides there are this times a power of two.
    return ExportSizes(
        smallest,
        shape(2, fitting + 1, fitting + 2),
        (shape(1, fitting, 3 * fitting), shape(3, fitting + 3, fitting + 1)),
    )
