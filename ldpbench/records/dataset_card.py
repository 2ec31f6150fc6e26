"""What a dataset says of itself: where it comes from, what it holds, how it is scored."""

import csv
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from ldpbench.core.atomic import explaining_storage
from ldpbench.core.errors import UsageError
from ldpbench.core.names import ID_PATTERN
from ldpbench.records.base import Record, validation_sentence
from ldpbench.records.protocol import Domain, Registration

Role = Literal["left", "right", "center", "target", "blur_map", "depth", "calibration"]


class Source(Record):
    """One place the files can be had from. ``{path}`` in the URI stands for a manifest path."""

    uri: str
    revision: str | None = None
    """The publisher's commit or version that is pinned."""
    mirrors: tuple[str, ...] = ()


class ProtocolSpec(Record):
    """A scoring protocol as a card proposes it, before it is bound to a fingerprint and a split."""

    id: str = Field(pattern=ID_PATTERN)
    title: str
    why: str
    """When to read this protocol, in one or two sentences."""
    domain: Domain = "native"
    registration: Registration = "none"
    border_px: int = Field(default=0, ge=0)
    rounding: Literal["none", "u8", "u16"] = "none"
    metrics: tuple[str, ...]
    regions: tuple[str, ...] = ("all",)


class DatasetCard(Record):
    """A dataset's record, ``datasets_cards/<id>/card.yaml``."""

    schema_version: Literal[1] = Field(alias="schema")
    id: str = Field(pattern=ID_PATTERN)
    version: str
    title: str
    summary: str
    homepage: str | None = None
    licence: str
    """As stated by the publisher, or ``none stated``."""
    redistribution: Literal["yes", "no", "unknown"]
    access: Literal["open", "form", "manual", "generated"]
    manual_steps: str | None = None
    sources: tuple[Source, ...] = ()
    adapter: str
    """The adapter that knows the publisher's layout."""
    views: tuple[Literal["left", "right", "center"], ...]
    channels: Literal[1, 3]
    bits: Literal[8, 16]
    """Bit depth of the image files."""
    encoding: Literal["srgb", "linear"]
    width_px: int = Field(gt=0)
    height_px: int = Field(gt=0)
    splits: dict[str, int]
    """Number of samples of each split of the whole set."""
    tasks: tuple[Literal["deblur", "blurmap", "disparity"], ...]
    content: Literal["files", "pixels"]
    """What the fingerprint is taken of: the publisher's files, or the pixels where the encoding is our own."""
    fingerprint: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """Content fingerprint of the whole set; null where nobody could compute it yet."""
    protocols: tuple[ProtocolSpec, ...] = Field(min_length=1)
    """The first one is the primary."""
    known_issues: tuple[str, ...] = ()
    citation: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "DatasetCard":
        if self.access in ("form", "manual") and not self.manual_steps:
            raise ValueError(f"access is {self.access!r}, so manual_steps must say what to do")
        if self.access == "open" and not self.sources:
            raise ValueError("access is 'open', so sources must name at least one place")
        ids = [spec.id for spec in self.protocols]
        if len(ids) != len(set(ids)):
            raise ValueError("two protocols share an id")
        return self


class ManifestRow(Record):
    """One file of the publisher's layout."""

    path: str
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    split: str
    sample_id: str
    role: Role
    bits: int | None = None
    width_px: int | None = None
    height_px: int | None = None


def load_manifest(path: Path) -> tuple[ManifestRow, ...]:
    """Read ``manifest.csv``.

    Raises:
        MissingPrerequisiteError: If the file cannot be read.
        UsageError: If a row is not valid; the line is named.
    """
    with explaining_storage("read", path), path.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    rows = []
    for number, line in enumerate(lines, start=2):
        try:
            rows.append(ManifestRow.model_validate({key: value or None for key, value in line.items()}))
        except ValidationError as error:
            raise UsageError(
                f"{path} line {number}: {validation_sentence(error)}", hint="correct the manifest"
            ) from error
    return tuple(rows)
