"""Everything that makes two numbers comparable."""

from typing import Literal

from ldpbench.core.hashing import sha256_document
from ldpbench.records.base import Record
from ldpbench.records.inference_way import InferenceKind

Domain = Literal["native", "white", "sqrt-white"]
Registration = Literal["none", "centre-similarity-1"]

_ADDED_LATER = {"multiple_px": 1}
"""Fields that came after the first records: at these values they are left out of the hash, which stays what it was."""


class Protocol(Record):
    """A scoring protocol bound to the content it was applied to.

    ``hash`` is on every row of every result. Only rows of one hash are ranked together. The id and the title are
    names for people and do not enter it; neither do the regions, because a region's score does not change the others.
    """

    id: str
    """``<dataset>/<name>``, such as ``pixeldp/sqrt-om``."""
    title: str
    dataset_id: str
    dataset_fingerprint: str
    split: str
    bits: int
    """Bit depth of the files that were read."""
    resolution: Literal["full", "half"] = "full"
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
    metrics: tuple[str, ...]
    """Metric ids with versions, such as ``psnr/1``, sorted."""
    regions: tuple[str, ...] = ("all",)

    @property
    def hash(self) -> str:
        """SHA-256 of everything that can change a number."""
        document = self.model_dump(mode="json", exclude={"id", "title", "regions"})
        for name, plain in _ADDED_LATER.items():
            if document[name] == plain:
                del document[name]
        return sha256_document(document)
