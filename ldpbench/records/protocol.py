"""Everything that makes two numbers comparable."""

from typing import Literal

from pydantic import Field

from ldpbench.core.hashing import sha256_document
from ldpbench.records.base import Record
from ldpbench.records.inference_way import InferenceKind

Domain = Literal["native", "white", "sqrt-white"]
Registration = Literal["none", "centre-similarity-1"]
Resolution = Literal["full", "half"]

Task = Literal["deblur", "blurmap", "disparity"]
Ensemble = Literal["none", "x4"]
Dtype = Literal["float32", "bfloat16", "float16"]

_ADDED_LATER: dict[str, object] = {
    "multiple_px": 1,
    "task": "deblur",
    "truth": None,
    "limit": None,
    "ensemble": "none",
    "dtype": "float32",
}
"""Fields that came after the first records: at these values they are left out of the hash, which stays what it was."""


class MapTruth(Record):
    """What an estimated map is compared with."""

    reference: Literal["blur_map", "disparity"]
    """The sample's map that is the truth; its NaN pixels are left out."""
    magnitude: bool = False
    """Whether the amount of a signed reference is the truth: blur maps have no sign."""
    scale: float = Field(default=1.0, gt=0)
    """The reference is divided by this, so that it lies in [0, 1] where a metric has an absolute floor."""
    frame: Literal["whole", "iccp2020"] = "whole"
    """``iccp2020``: half size and the central crop of the released evaluation of Punnappurath et al."""


class Protocol(Record):
    """A scoring protocol bound to the content it was applied to.

    ``hash`` is on every row of every result. Only rows of one hash are ranked together. The id and the title are
    names for people and do not enter it; neither do the regions, because a region's score does not change the others.
    """

    id: str
    """``<dataset>/<name>``, such as ``pixeldp/sqrt-om``."""
    title: str
    task: Task = "deblur"
    dataset_id: str
    dataset_fingerprint: str
    split: str
    bits: int
    """Bit depth at which the pictures are read; deeper files lose their low bits, views and target alike."""
    resolution: Resolution = "full"
    """``half``: views and target are halved by 2x2 means after reading, and methods see only that."""
    views: tuple[str, ...]
    """The views that a method is offered."""
    border_px: int
    """Pixels cut from every side before scoring."""
    rounding: Literal["none", "u8", "u16"] = "none"
    domain: Domain
    """``native``: as they are. ``white``: divided by the white level. ``sqrt-white``: the square root of that."""
    registration: Registration
    """``centre-similarity-1``: the target is first shifted and scaled onto the centre view, alike for every method.
    The number is the version of the estimator."""
    inference: InferenceKind = "whole"
    multiple_px: int = 1
    """Pictures are scored on their upper left part of this multiple in height and width: where a method's own test
    cuts them down."""
    truth: MapTruth | None = None
    """Of a protocol for maps."""
    limit: int | None = None
    """Only the first so many scenes of the split."""
    ensemble: Ensemble = "none"
    """``x4``: the mean over the four flips, the views exchanged where left and right are."""
    dtype: Dtype = "float32"
    """Of the network's arithmetic."""
    metrics: tuple[str, ...]
    """Metric ids with versions, such as ``psnr/1``, sorted."""
    regions: tuple[str, ...] = ("all",)

    @property
    def heading(self) -> str:
        """The title, and whatever was not done in the plain way: ``sRGB (tiled, x4)``."""
        marks = [
            *([] if self.inference == "whole" else [self.inference]),
            *([] if self.ensemble == "none" else [f"ensemble {self.ensemble}"]),
            *([] if self.dtype == "float32" else [self.dtype]),
            *([] if self.limit is None else [f"first {self.limit} scenes"]),
        ]
        return f"{self.title} ({', '.join(marks)})" if marks else self.title

    @property
    def reading(self) -> tuple[int, Resolution]:
        """Bit depth and resolution at which methods see the pictures: one run serves all protocols of one reading."""
        return self.bits, self.resolution

    @property
    def hash(self) -> str:
        """SHA-256 of everything that can change a number."""
        document = self.model_dump(mode="json", exclude={"id", "title", "regions"})
        for name, plain in _ADDED_LATER.items():
            if document[name] == plain:
                del document[name]
        return sha256_document(document)
