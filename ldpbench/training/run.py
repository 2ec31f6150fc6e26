"""A run folder from beginning to end: new or resumed, trained, finished as a method."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout
from pydantic import Field, ValidationError

from ldpbench.core.atomic import explaining_storage, write_text
from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError, UsageError
from ldpbench.core.home import Home
from ldpbench.core.progress import Progress
from ldpbench.networks.checkpoint_record import is_checkpoint, read_record
from ldpbench.records import BaselineRecord, Environment, Record, load_yaml_record
from ldpbench.records.base import validation_sentence
from ldpbench.records.baseline import RECORD_FILE
from ldpbench.records.here import describe_environment
from ldpbench.training.config import TrainConfig
from ldpbench.training.final import final_folder, write_method
from ldpbench.training.loop import Surroundings, Trainer
from ldpbench.training.setup import Wishes, surround
from ldpbench.training.team import Team
from ldpbench.training.validate import Validation

RUN_FILE = "training.json"
LOCK_FILE = ".lock"


class TrainingRecord(Record):
    """``training.json`` of a run folder: what was asked for, and where it ran."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    config: TrainConfig
    fingerprint: str
    """Of the training split's content."""
    blur_map_identity: dict[str, Any] | None
    loss_clip: str | None
    """SHA-256 of the weights of the blur-aware loss."""
    started_at: str
    command: tuple[str, ...]
    processes: int
    device: str
    environment: Environment


@dataclass(frozen=True)
class Finished:
    """How a run ended."""

    folder: Path
    done: int
    total: int
    last: Validation | None
    method: str | None
    """Id of the method in ``final``; None if it was stopped before its last step."""


def new_run_folder(home: Home, config: TrainConfig) -> Path:
    """A folder nobody uses yet, named after the time, the network and the dataset."""
    stamp = datetime.now(tz=UTC).strftime("%Y%m%dT%H%M%S")
    base = home.training / f"{stamp}-{config.network.name}-{config.dataset}"
    number = 1
    while (folder := base if number == 1 else base.with_name(f"{base.name}-{number}")).exists():
        number += 1
    return folder


def read_training(folder: Path) -> TrainingRecord:
    """The record of a run folder.

    Raises:
        MissingPrerequisiteError: If it is none.
        IntegrityError: If this version cannot read it.
    """
    path = folder / RUN_FILE
    if not path.is_file():
        raise MissingPrerequisiteError(f"{folder} is no training run: it has no {RUN_FILE}", hint="check the path")
    with explaining_storage("read", path):
        text = path.read_text(encoding="utf-8", errors="replace")
    try:
        return TrainingRecord.model_validate_json(text)
    except ValidationError as error:
        raise IntegrityError(
            f"{path} is not what this version writes: {validation_sentence(error)}", hint="start a new run"
        ) from error


def train(
    config: TrainConfig,
    home: Home,
    folder: Path,
    team: Team,
    wishes: Wishes,
    *,
    command: Sequence[str],
    progress: Progress,
) -> Finished:
    """Train in a run folder, new or stopped before, and write ``final`` after the last step.

    Raises:
        UsageError: If the folder holds another run, or another process trains in it.
        MissingPrerequisiteError: If data, weights or a device are not there.
        DivergedError: If the loss is no number.
        LostWorkerError: If another process of the run is gone.
        StorageError: If the disk is full; the last checkpoint is whole.
    """
    around = surround(config, home, folder, team, wishes, progress)
    lock = FileLock(folder / LOCK_FILE)
    if team.is_first:
        with explaining_storage("write", folder):
            folder.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire(timeout=0)
            except Timeout as error:
                raise UsageError(f"another process trains in {folder}", hint="wait for it, or choose --out") from error
    try:
        if team.is_first:
            _begin(around, folder, command)
        team.wait()
        trainer = Trainer(around=around)
        done = trainer.resume()
        if done:
            progress.note(f"going on after step {done:,} of {config.steps:,} in {folder}")
        if done < config.steps:
            trainer.run()
        method = _finish(trainer, folder) if trainer.done == config.steps and team.is_first else None
        team.wait()
        last = trainer.last if method is None else _kept_scores(folder)
        return Finished(folder, trainer.done, config.steps, last, method)
    finally:
        lock.release()


def _kept_scores(folder: Path) -> Validation | None:
    """The last validation of a finished run, from what its result says."""
    facts = read_record(final_folder(folder)).training
    names = [spec.name for spec in fields(Validation)]
    return Validation(**{name: facts[name] for name in names}) if all(name in facts for name in names) else None


def _finish(trainer: Trainer, folder: Path) -> str:
    """Write ``final``, unless it is there already; the id of its method."""
    around, final = trainer.around, final_folder(folder)
    if is_checkpoint(final):
        return load_yaml_record(final / RECORD_FILE, BaselineRecord).id
    scores = {} if trainer.last is None else vars(trainer.last)
    facts = {**around.facts, "steps": around.config.steps, **scores}
    return write_method(final, around.config, trainer.averaged.state_dict(), around.blur_map_identity, facts).id


def _begin(around: Surroundings, folder: Path, command: Sequence[str]) -> None:
    """Write the record of a new run, or check that the one here is of the same configuration and data."""
    config, team = around.config, around.team
    made_of: dict[str, Any] = {
        "fingerprint": around.facts["fingerprint"],
        "blur_map_identity": around.blur_map_identity,
        "loss_clip": around.facts["loss_clip"],
    }
    if (folder / RUN_FILE).is_file():
        before = read_training(folder)
        if before.config != config:
            raise UsageError(
                f"{folder} holds a run of another configuration", hint="choose another --out, or use --resume alone"
            )
        changed = [
            f"{name} was {getattr(before, name)} and is {value}"
            for name, value in made_of.items()
            if getattr(before, name) != value
        ]
        if changed:
            raise IntegrityError(
                f"{folder} was begun with other data: {'; '.join(changed)}",
                hint="prepare the dataset of that version again, or start a new run",
            )
        return
    record = TrainingRecord(
        config=config,
        **made_of,
        started_at=datetime.now(tz=UTC).isoformat(timespec="seconds"),
        command=tuple(command),
        processes=team.world,
        device=str(team.device),
        environment=describe_environment(),
    )
    write_text(folder / RUN_FILE, record.model_dump_json(by_alias=True, indent=2) + "\n")
