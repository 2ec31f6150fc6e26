"""A checkpoint as a folder to hand on: weights, configuration, record, and a model card."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from ldpbench.core.atomic import replacing_folder, write_text
from ldpbench.core.errors import UsageError
from ldpbench.networks.checkpoint import load_checkpoint
from ldpbench.networks.checkpoint_record import CHECKPOINT_FILE, CheckpointRecord
from ldpbench.records import BaselineRecord, load_yaml_record
from ldpbench.records.baseline import RECORD_FILE
from ldpbench.training.export.measured import Measured, measured_scores
from ldpbench.training.export.model_card import render_model_card

README_FILE = "README.md"


@dataclass(frozen=True)
class FolderExport:
    """What was written."""

    folder: Path
    files: tuple[str, ...]
    record: CheckpointRecord
    method: BaselineRecord
    measured: tuple[Measured, ...]


def export_folder(checkpoint: Path, out: Path, *, runs: Path | None = None, force: bool = False) -> FolderExport:
    """Write the folder, all or nothing, after the checkpoint was loaded once to see that it works.

    Args:
        checkpoint: The checkpoint.
        out: The folder to make; a former export is replaced.
        runs: Run folders of evaluations, for the scores of the card.
        force: Replace a folder that is no former export.

    Raises:
        UsageError: If ``out`` is the checkpoint itself, or holds something else and ``force`` is off.
        MissingPrerequisiteError: If a file of the checkpoint is not there.
        IntegrityError: If the checkpoint, or a run folder of its weights, is damaged.
        StorageError: If the disk is full or not ours.
    """
    _demand_room(checkpoint, out, force=force)
    record = load_checkpoint(checkpoint).record
    method = load_yaml_record(checkpoint / RECORD_FILE, BaselineRecord)
    measured = measured_scores(runs, record.weights.sha256) if runs is not None else ()
    names = (record.weights.file, CHECKPOINT_FILE, RECORD_FILE)
    with replacing_folder(out) as fresh:
        for name in names:
            shutil.copyfile(checkpoint / name, fresh / name)
        write_text(fresh / README_FILE, render_model_card(record, method, measured, name=out.name))
        load_checkpoint(fresh)
    return FolderExport(out, (*names, README_FILE), record, method, measured)


def _demand_room(checkpoint: Path, out: Path, *, force: bool) -> None:
    if out.resolve() == checkpoint.resolve():
        raise UsageError(f"--out {out} is the checkpoint itself", hint="choose another folder")
    if out.is_file():
        raise UsageError(f"--out {out} is a file, expected a folder", hint="choose another name")
    former = {CHECKPOINT_FILE, README_FILE}
    if out.exists() and not force and any(out.iterdir()) and not all((out / name).is_file() for name in former):
        raise UsageError(f"--out {out} holds something that is no former export", hint="choose another, or --force")
