"""What a dataset says of itself: where it comes from, what it holds, how it is scored."""

import csv
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from ldpbench.core.atomic import explaining_storage
from ldpbench.core.errors import UsageError
from ldpbench.core.names import ID_PATTERN
from ldpbench.records.base import Record, validation_sentence
from ldpbench.records.dataset_source import Packaging
from ldpbench.records.protocol import Domain, MapTruth, Registration, Resolution, Task

Role = Literal["left", "right", "center", "target", "blur_map", "disparity", "depth", "calibration"]


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
    bits: Literal[8, 16] | None = None
    """Bit depth at which the pictures are read; None for that of the files."""
    resolution: Resolution = "full"
    metrics: tuple[str, ...]
    regions: tuple[str, ...] = ("all",)


class MapProtocolSpec(Record):
    """How an estimated blur or disparity map is compared with the set's own."""

    id: str = Field(pattern=ID_PATTERN)
    title: str
    why: str
    """When to read this protocol, in one or two sentences."""
    task: Literal["blurmap", "disparity"]
    truth: MapTruth
    metrics: tuple[str, ...] = Field(min_length=1)


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
    sources: tuple[Packaging, ...] = ()
    """Every known packaging; those that a program can fetch are tried in this order."""
    adapter: str
    """The adapter that knows the publisher's layout."""
    views: tuple[Literal["left", "right", "center"], ...]
    channels: Literal[1, 3]
    bits: Literal[8, 16]
    """Bit depth of the image files."""
    encoding: Literal["srgb", "linear"]
    width_px: int = Field(gt=0)
    height_px: int = Field(gt=0)
    splits: dict[str, int | None]
    """Number of samples of each split of the whole set; null where nobody stated it."""
    aliases: dict[str, str] = Field(default_factory=dict)
    """Names the publisher uses for a split that is another one, such as a validation set that is the test set."""
    groups: dict[str, dict[str, int]] = Field(default_factory=dict)
    """Groups of scenes within a split, such as indoor and outdoor, and their sizes."""
    tasks: tuple[Task, ...]
    content: Literal["files", "pixels"]
    """What the fingerprint is taken of: the publisher's files, or the pixels where the encoding is our own."""
    fingerprint: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """Content fingerprint of the whole set; null where nobody could compute it yet."""
    protocols: tuple[ProtocolSpec, ...] = ()
    """How restored pictures are scored. The first one is the primary."""
    map_protocols: tuple[MapProtocolSpec, ...] = ()
    """How estimated maps are scored."""
    known_issues: tuple[str, ...] = ()
    citation: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "DatasetCard":
        if self.access in ("form", "manual") and not self.manual_steps:
            raise ValueError(f"access is {self.access!r}, so manual_steps must say what to do")
        if self.access == "open" and not any(source.automatic for source in self.sources):
            raise ValueError("access is 'open', so sources must name at least one place that a program can fetch")
        for kind, ids in (
            ("protocols", [spec.id for spec in self.protocols + self.map_protocols]),
            ("sources", [source.id for source in self.sources]),
        ):
            if len(ids) != len(set(ids)):
                raise ValueError(f"two {kind} share an id")
        if ("deblur" in self.tasks) != bool(self.protocols):
            raise ValueError("protocols are needed exactly when deblur is among the tasks")
        if {spec.task for spec in self.map_protocols} != set(self.tasks) - {"deblur"}:
            raise ValueError("map_protocols are needed for exactly the tasks blurmap and disparity that the set has")
        if not set(self.aliases.values()) <= set(self.splits) or set(self.aliases) & set(self.splits):
            raise ValueError("aliases must map names that are no splits to splits")
        if not set(self.groups) <= set(self.splits):
            raise ValueError("groups must be those of a split")
        return self

    def split_name(self, name: str) -> str | None:
        """The split that a name means, also if it is an alias; None if it means none."""
        return name if name in self.splits else self.aliases.get(name)


class ManifestRow(Record):
    """One file of the publisher's layout."""

    path: str
    bytes: int | None = Field(default=None, ge=0)
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """Empty where no checksum was published; the file's own checksums and its header are checked then."""
    split: str
    sample_id: str
    role: Role
    group: str | None = None
    channels: int | None = None
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
