"""What a method says of itself."""

from typing import Literal

from pydantic import Field

from ldpbench.core.names import ID_PATTERN
from ldpbench.records.base import Record


class Paper(Record):
    """Where a method was published."""

    title: str
    venue: str
    year: int
    url: str | None = None


class WeightsRef(Record):
    """Weights a method can be run with."""

    name: str
    uri: str
    bytes: int | None = None
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    licence: str


class ReportedScore(Record):
    """A number printed by somebody else, never ranked with measured ones."""

    dataset: str
    group: str
    metric: str
    value: float
    source: str


class BaselineRecord(Record):
    """A method's record, ``baselines/<id>/baseline.yaml``."""

    schema_version: Literal[1] = Field(alias="schema")
    id: str = Field(pattern=ID_PATTERN)
    version: str
    title: str
    summary: str
    """One or two sentences for people who choose a method."""
    kind: Literal["reference", "training-free", "network"]
    paper: Paper | None = None
    inputs: tuple[Literal["left", "right", "center", "blur_map"], ...] = Field(min_length=1)
    licence_code: str
    licence_weights: str | None = None
    weights: tuple[WeightsRef, ...] = ()
    parameters: int | None = None
    known_issues: tuple[str, ...] = ()
    reported: tuple[ReportedScore, ...] = ()
