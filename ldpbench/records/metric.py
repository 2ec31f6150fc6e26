"""What a metric's id stands for."""

from typing import Literal

from pydantic import Field

from ldpbench.records.base import Record


class MetricSpec(Record):
    """One metric with its whole convention behind one id.

    A change of meaning raises ``version``; rows made under another version are never ranked together.
    """

    id: str = Field(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$")
    version: int = Field(ge=1)
    title: str
    """Short name for table headings."""
    unit: str
    """``"dB"``, or ``"1"`` for a plain number."""
    higher_is_better: bool
    task: Literal["deblur", "blurmap", "disparity"] = "deblur"
    needs_target: bool = True
    decimals: int = Field(ge=0, le=8)
    convention: str
    """Window, channels, rounding and border in one sentence."""
    used_by: tuple[str, ...] = ()
    """Papers and codes that score this way."""
    extra: str | None = None
    """The optional install it needs, such as ``"perceptual"``."""

    @property
    def ref(self) -> str:
        """Id and version, as protocols name it: ``"psnr/1"``."""
        return f"{self.id}/{self.version}"
