"""The record of a checkpoint folder: ``checkpoint.json``. Reading it needs no torch."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from ldpbench.core.atomic import explaining_storage
from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError
from ldpbench.networks.config import NetworkConfig
from ldpbench.records import Record
from ldpbench.records.base import validation_sentence

CHECKPOINT_FILE = "checkpoint.json"
WEIGHTS_FILE = "model.safetensors"


class WeightsFile(Record):
    """The weights that a record is about."""

    file: str = Field(default=WEIGHTS_FILE, pattern=r"^[A-Za-z0-9._-]+$")
    bytes: int
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class CheckpointRecord(Record):
    """``checkpoint.json``."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    network: NetworkConfig
    blur_map: str | None
    """The estimator whose maps the network was trained with, as users type it; None for a network without."""
    blur_map_identity: dict[str, Any] | None = None
    """That estimator's method, version, weights and options: another one would feed it other numbers."""
    training: dict[str, Any] = Field(default_factory=dict)
    """How the weights came about: dataset, fingerprint, steps, seed, hardware."""
    weights: WeightsFile


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder holds a checkpoint."""
    return (folder / CHECKPOINT_FILE).is_file()


def read_record(folder: Path) -> CheckpointRecord:
    """A checkpoint's record, without its weights.

    Raises:
        MissingPrerequisiteError: If there is none.
        IntegrityError: If it is not one of this version.
    """
    path = folder / CHECKPOINT_FILE
    if not path.is_file():
        raise MissingPrerequisiteError(
            f"{folder} is not a checkpoint: it has no {CHECKPOINT_FILE}",
            hint="name the `final` folder of a training run",
        )
    with explaining_storage("read", path):
        text = path.read_text(encoding="utf-8", errors="replace")
    try:
        return CheckpointRecord.model_validate_json(text)
    except ValidationError as error:
        raise IntegrityError(
            f"{path} is not what this version writes: {validation_sentence(error)}",
            hint="take it from where it was made again, or use the version of ldpbench that wrote it",
        ) from error
