"""What a method says of itself: ``baselines/<id>/baseline.yaml``."""

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from ldpbench.core.errors import UsageError
from ldpbench.core.names import ID_PATTERN
from ldpbench.records.base import Record, load_yaml_document, validation_sentence
from ldpbench.records.inference_way import INFERENCE_PATTERN, InferenceKind

RECORD_FILE = "baseline.yaml"
Kind = Literal["reference", "training-free", "network", "estimator"]
"""``estimator``: makes blur maps and restores no picture."""
InputView = Literal["left", "right", "center", "blur_map"]
INPUT_VIEWS: tuple[InputView, ...] = ("left", "right", "center", "blur_map")


class Paper(Record):
    """Where a method was published."""

    title: str
    venue: str
    year: int
    url: str | None = None


class CodeRef(Record):
    """The published code that a method was compared with."""

    url: str
    commit: str | None = None


class SizeFacts(Record):
    """Heights and widths that a method accepts."""

    multiple_of: int = Field(default=1, ge=1)
    minimum_px: int = Field(default=1, ge=1)


class InferenceFacts(Record):
    """How a method sees a whole picture."""

    default: str = Field(default="whole", pattern=INFERENCE_PATTERN)
    """As the authors' own test does it."""
    supported: tuple[InferenceKind, ...] = ("whole",)
    """Ways that make sense for it."""

    @model_validator(mode="after")
    def _consistent(self) -> "InferenceFacts":
        if self.default.partition(":")[0] not in self.supported:
            raise ValueError(f"the default {self.default} is not among the supported {', '.join(self.supported)}")
        return self


class WeightsRef(Record):
    """A file of weights that somebody published."""

    name: str = Field(pattern=r"^[^/\\\x00][^\\\x00]*$")
    """The name it is kept under: a relative path with forward slashes."""
    uris: tuple[str, ...] = ()
    """Addresses of the same bytes that a program can fetch; empty where only a page is known."""
    page: str | None = None
    """Where a person gets it."""
    member: str | None = None
    """Its path inside the archive, where the addresses are of an archive."""
    bytes: int | None = Field(default=None, ge=1)
    """Of the file itself, not of its archive."""
    checksum: str | None = Field(default=None, pattern=r"^(sha256:[0-9a-f]{64}|git-sha1:[0-9a-f]{40})$")
    """Of the file itself. ``git-sha1`` is the id of the blob in the publisher's repository."""
    checksum_from: Literal["publisher", "third-party", "ldpbench"] | None = None
    licence: str

    @model_validator(mode="after")
    def _consistent(self) -> "WeightsRef":
        if any(part in ("", ".", "..") for part in self.name.split("/")):
            raise ValueError(f"name {self.name!r} must be a relative path without . and ..")
        if (self.checksum is None) != (self.checksum_from is None):
            raise ValueError(f"{self.name}: checksum and checksum_from come together")
        if not self.uris and not self.page:
            raise ValueError(f"{self.name}: name an address, or the page where a person gets it")
        return self


class ReportedScore(Record):
    """A number printed by somebody else, never ranked with measured ones."""

    dataset: str
    group: str
    metric: str
    value: float
    source: str


class BaselineRecord(Record):
    """One method. A folder with variants holds several of them."""

    schema_version: Literal[1] = Field(alias="schema")
    id: str = Field(pattern=ID_PATTERN)
    variant: str | None = Field(default=None, pattern=ID_PATTERN)
    """Its name among the variants of its folder."""
    version: str
    title: str
    summary: str
    """One or two sentences for people who choose a method."""
    kind: Kind
    paper: Paper | None = None
    code: CodeRef | None = None
    inputs: tuple[InputView, ...] = Field(min_length=1)
    options: dict[str, Any] = Field(default_factory=dict)
    """Of its network, for ``build_network``."""
    channel_order: Literal["rgb", "bgr"] = "rgb"
    """What it is fed, and answers in."""
    value_range: tuple[float, float] = (0.0, 1.0)
    bits: Literal[8, 16] | None = None
    """Bit depth of the files it was published with: deeper ones are cut to it, as its readers do. None: any."""
    size: SizeFacts = SizeFacts()
    residual: str = "none"
    """What a network adds to its own answer."""
    inference: InferenceFacts = InferenceFacts()
    licence_code: str
    """Of the published code; what runs here is our own."""
    licence_weights: str | None = None
    weights: tuple[WeightsRef, ...] = ()
    """Published files; all of them are needed together."""
    parameters: int | None = None
    macs_256: int | None = None
    """Multiply-adds at 256 x 256: convolutions and matrix products."""
    known_issues: tuple[str, ...] = ()
    reported: tuple[ReportedScore, ...] = ()
    skipped: str | None = None
    """Why it cannot be run faithfully, if so."""

    @property
    def needs_weights(self) -> bool:
        """Whether it is nothing without weights."""
        return self.kind == "network"


def read_records(folder: Path) -> tuple[BaselineRecord, ...]:
    """The methods of a plugin folder, the default one first.

    Without variants that is one. A variant's fields replace the common ones; the first variant bears the folder's id,
    each further one the id and its own name.

    Raises:
        MissingPrerequisiteError: If the file cannot be read.
        UsageError: If it is not YAML or not a valid record; every wrong key is named.
    """
    path = folder / RECORD_FILE
    document = load_yaml_document(path)
    variants = document.pop("variants", None) if isinstance(document, dict) else None
    if variants is None:
        return (_validated(path, document, ""),)
    if not isinstance(variants, dict) or not variants or not all(isinstance(part, dict) for part in variants.values()):
        raise UsageError(f"{path}: variants: expected names with fields below them", hint="correct the file")
    for name in variants:
        if not re.fullmatch(ID_PATTERN, str(name)):
            raise UsageError(f"{path}: variants: {name!r} is no name", hint="use small letters, digits and dashes")
    own_id = document.get("id")
    return tuple(
        _validated(
            path,
            {**document, **part, "variant": str(name), "id": own_id if not number else f"{own_id}-{name}"},
            f"variants.{name}: ",
        )
        for number, (name, part) in enumerate(variants.items())
    )


def _validated(path: Path, document: Any, where: str) -> BaselineRecord:
    try:
        return BaselineRecord.model_validate(document)
    except ValidationError as error:
        raise UsageError(
            f"{path} is not a valid BaselineRecord: {where}{validation_sentence(error)}", hint="correct the file"
        ) from error
