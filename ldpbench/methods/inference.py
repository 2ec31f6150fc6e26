"""How a method sees a whole picture: at once, in tiles or windows, with local averages, or cut to size."""

from dataclasses import dataclass

from ldpbench.core.errors import UsageError
from ldpbench.methods.auto_tiles import AutoTiling
from ldpbench.methods.tiling import Tiling
from ldpbench.networks.nafnet import TLC_SHARE
from ldpbench.records.inference_way import InferenceKind


@dataclass(frozen=True)
class Inference:
    """Chosen explicitly and part of every record: scores of different ways are never ranked together.

    Args:
        tiles: Overlapping tiles, of one size or as large as memory allows; None for the picture at once.
        windows_px: Side of windows without overlap, the last ones flush with the border (DeepRFT's test).
        tlc_px: Side of the patches that a network was trained on: its averages over the picture become averages over
            windows of half as much again (TLC, Chu et al., ECCV 2022). None leaves them.
        crop_px: The picture is cut at the bottom and right to a multiple of this, and scored there (IFAN's test).

    Raises:
        UsageError: If more than one is chosen.
    """

    tiles: Tiling | AutoTiling | None = None
    windows_px: int | None = None
    tlc_px: int | None = None
    crop_px: int | None = None

    def __post_init__(self) -> None:
        ways = (self.tiles, self.windows_px, self.tlc_px, self.crop_px)
        if sum(way is not None for way in ways) > 1:
            raise UsageError("tiles, windows, TLC and cropping are remedies for one ill", hint="choose one of them")

    @classmethod
    def parse(cls, text: str) -> "Inference":
        """From a record's ``whole``, ``tiled:512+32``, ``windows:512``, ``tlc:256`` or ``crop:8``."""
        kind, _, size = text.partition(":")
        if kind == "tiled":
            side, _, overlap = size.partition("+")
            return cls(tiles=Tiling(int(side), int(overlap)) if overlap else Tiling(int(side)))
        sizes = {f"{kind}_px": int(size)} if size else {}
        return cls(**sizes)  # type: ignore[arg-type]  # the record's pattern leaves windows, tlc and crop

    @property
    def kind(self) -> InferenceKind:
        """Its name in a protocol."""
        if self.tiles is not None:
            return "tiled"
        if self.windows_px is not None:
            return "windows"
        return "tlc" if self.tlc_px is not None else "crop" if self.crop_px is not None else "whole"

    @property
    def description(self) -> str:
        """Everything of it, for the record of a run."""
        if self.tiles is not None:
            return self.tiles.description
        if self.windows_px is not None:
            return f"windows of {self.windows_px} px"
        if self.crop_px is not None:
            return f"cut to multiples of {self.crop_px} px"
        return "whole" if self.tlc_px is None else f"local averages for training patches of {self.tlc_px} px"

    def for_size(self, height_px: int | None, width_px: int | None) -> "Inference":
        """What it comes to for pictures of one size.

        A crop that cuts nothing is the whole picture, and so is a tile or a local window that holds all of it.
        """
        if height_px is None or width_px is None:
            return self
        if self.crop_px is not None:
            return WHOLE if height_px % self.crop_px == width_px % self.crop_px == 0 else self
        if isinstance(self.tiles, AutoTiling):
            return self
        side = self.tiles.size_px if self.tiles is not None else self.windows_px
        if self.tlc_px is not None:
            side = int(TLC_SHARE * self.tlc_px)
        return WHOLE if side is not None and max(height_px, width_px) <= side else self


WHOLE = Inference()
