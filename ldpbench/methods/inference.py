"""How a network sees a whole picture: at once, in tiles, or with local averages."""

from dataclasses import dataclass
from typing import Literal

from ldpbench.core.errors import UsageError
from ldpbench.methods.tiling import Tiling


@dataclass(frozen=True)
class Inference:
    """Chosen explicitly and part of every record: scores of different ways are never ranked together.

    Args:
        tiles: Overlapping tiles; None for the picture at once.
        tlc_px: Side of the patches that a network was trained on: its averages over the picture become averages over
            windows of half as much again (TLC, Chu et al., ECCV 2022). None leaves them.

    Raises:
        UsageError: If both are chosen.
    """

    tiles: Tiling | None = None
    tlc_px: int | None = None

    def __post_init__(self) -> None:
        if self.tiles is not None and self.tlc_px is not None:
            raise UsageError("tiles and TLC are two remedies for one ill", hint="choose one of them")

    @property
    def kind(self) -> Literal["whole", "tiled", "tlc"]:
        """Its name in a protocol."""
        return "tiled" if self.tiles is not None else "tlc" if self.tlc_px is not None else "whole"

    @property
    def description(self) -> str:
        """Everything of it, for the record of a run."""
        if self.tiles is not None:
            return f"tiles of {self.tiles.size_px} px, overlap {self.tiles.overlap_px} px"
        return "whole" if self.tlc_px is None else f"local averages for training patches of {self.tlc_px} px"


WHOLE = Inference()
