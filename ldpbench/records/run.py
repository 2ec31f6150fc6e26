"""What happened in one run, and one row per image of it."""

from typing import Any, Literal

from pydantic import Field

from ldpbench.core.hashing import sha256_document
from ldpbench.records.base import Record
from ldpbench.records.protocol import Protocol

RunStatus = Literal["running", "complete", "partial", "failed"]
ScoreStatus = Literal["ok", "identical", "undefined", "failed"]


OUTPUTS_ONLY = "outputs-only"
"""Kind of a method that only its pictures are known of: somebody else's code made them."""


class MethodRef(Record):
    """The method that ran."""

    id: str
    version: str
    title: str
    kind: str
    """As in its record; ``estimator`` for an estimator of blur maps, ``outputs-only`` for a folder of pictures."""
    inputs: tuple[str, ...]
    code_sha256: str
    """Over the sources of the plugin folder; of a method known by its outputs only, over their bytes."""
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
    gpu_driver: str | None = None
    cuda: str | None = None
    """The CUDA that torch was built for."""
    torch_threads: int | None = None
    determinism: dict[str, bool | str] = Field(default_factory=dict)
    """The switches that decide whether two runs on one machine give the same bits."""


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
    predictions: Literal["png16", "float16"] | None = None
    """How the pictures were kept in ``predictions/``; None if they were not."""
    rescored_from: str | None = None
    """The run whose kept pictures were scored again."""
    verified_by: str | None = None
    """Who scored the handed-in pictures again and found the handed-in numbers true: ``ldpbench 0.1.0``."""


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


class Certificate(Record):
    """How far a cheaper way of running a method moved one picture, against the plain way."""

    of: Literal["tiling", "dtype"]
    way: str
    """The cheaper way: ``tiles of 512 px, overlap 32 px``, ``bfloat16``."""
    against: str
    """The plain way: ``whole picture``, ``crop of 768x512 px at 0,0``, ``float32``."""
    height_px: int
    width_px: int
    """Of the part that was compared."""
    agreement_db: float | None
    """PSNR between both answers; None where they are equal."""
    changes: dict[str, float]
    """Cheaper less plain by metric id, against the target on the compared part; a metric that has no value on
    either side is left out."""


class ImageRow(Record):
    """One line of ``scores.jsonl``: everything measured on one image, or why nothing was."""

    sample_id: str
    seconds: float | None = Field(default=None, ge=0)
    """Time of the method alone, without reading and scoring."""
    height_px: int
    width_px: int
    clipped_fraction: float | None = None
    """Share of the method's values that lay outside [0, 1] before the runtime clamped them."""
    group: str | None = None
    """The group of scenes it belongs to, such as ``indoor``."""
    worker: str | None = None
    """Which of several workers did it, ``2/3``; None for one alone."""
    certificates: tuple[Certificate, ...] = ()
    scores: tuple[Score, ...] = ()
    failure: Failure | None = None
