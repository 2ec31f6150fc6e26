"""What happened in one run, and one row per image of it."""

from typing import Any, Literal

from pydantic import Field

from ldpbench.core.hashing import sha256_document
from ldpbench.records.base import Record
from ldpbench.records.protocol import Protocol

RunStatus = Literal["running", "complete", "partial", "failed"]
ScoreStatus = Literal["ok", "identical", "undefined", "failed"]


class MethodRef(Record):
    """The method that ran."""

    id: str
    version: str
    title: str
    kind: str
    inputs: tuple[str, ...]
    code_sha256: str
    """Over the sources of the plugin folder."""
    weights_sha256: str | None = None
    """Of the file; of several files, over their checksums."""
    weights_files: tuple[str, ...] = ()
    """Their names."""
    untrained: bool = False
    """Run with fresh weights, for its time alone: such a run has no scores."""
    parameters: int | None = None


class DatasetRef(Record):
    """The content it ran on."""

    id: str
    version: str
    split: str
    fingerprint: str
    n_images: int
    complete: bool
    """False for a subset that was accepted with ``--allow-partial``."""
    n_images_whole: int | None
    """Number of images the whole split has; null where nobody knows."""


class Environment(Record):
    """The machine and the software."""

    ldpbench_version: str
    git_revision: str | None
    git_dirty: bool | None
    python: str
    platform: str
    cpu: str
    cpu_count: int
    ram_bytes: int | None
    gpu: str | None
    packages: dict[str, str]


class Failure(Record):
    """Why an image has no score."""

    kind: str
    message: str


class RunRecord(Record, populate_by_name=True):
    """One method on one split of one dataset: ``run.json`` of a run folder."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    run_id: str
    cell: str
    """SHA-256 of what was asked for; a second run of the same cell continues the first."""
    status: RunStatus
    started_at: str
    """UTC, ISO 8601."""
    finished_at: str | None = None
    command: tuple[str, ...]
    method: MethodRef
    dataset: DatasetRef
    protocols: tuple[Protocol, ...]
    config: dict[str, Any]
    environment: Environment
    wall_s: float | None = None
    failures: int = 0


def cell_key(method: MethodRef, dataset: DatasetRef, protocols: tuple[Protocol, ...], config: dict[str, Any]) -> str:
    """The key of a cell: equal exactly when the numbers must come out equal."""
    return sha256_document(
        {
            "method": [method.id, method.version, method.code_sha256, method.weights_sha256],
            "dataset": [dataset.id, dataset.split, dataset.fingerprint],
            "protocols": sorted(protocol.hash for protocol in protocols),
            "config": config,
        }
    )


class Score(Record):
    """One number of one image."""

    protocol: str
    """Hash of the protocol."""
    region: str
    metric: str
    value: float | None
    """None unless ``status`` is ``ok``."""
    status: ScoreStatus


class ImageRow(Record):
    """One line of ``scores.jsonl``: everything measured on one image, or why nothing was."""

    sample_id: str
    seconds: float | None = Field(default=None, ge=0)
    """Time of the method alone, without reading and scoring."""
    height_px: int
    width_px: int
    clipped_fraction: float | None = None
    """Share of the method's values that lay outside [0, 1] before the runtime clamped them."""
    scores: tuple[Score, ...] = ()
    failure: Failure | None = None
