"""Storing a collection beside its final place, so that an interrupted attempt can go on."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import ldpbench
from ldpbench.core.atomic import explaining_storage, move_folder_into_place
from ldpbench.core.errors import IntegrityError, StorageError
from ldpbench.core.hashing import sha256_document
from ldpbench.core.progress import Progress
from ldpbench.core.units import human_bytes
from ldpbench.data.adapter import Collection, Scene
from ldpbench.data.content import ContentRow, content_sha256
from ldpbench.data.prepared import CALIBRATION_FOLDER
from ldpbench.data.reading import read_ahead
from ldpbench.data.shards import JOURNAL_FILE, SplitWriter
from ldpbench.data.tree import Tree
from ldpbench.data.verify import file_fault, refusal
from ldpbench.records import DatasetCard, ManifestRow

PLAN_FILE = "plan.json"
_HEADROOM = 1.02
"""Arrow's own bytes and the small files, as a share of the pictures'."""


@dataclass(frozen=True)
class Job:
    """What is to be stored."""

    card: DatasetCard
    collection: Collection
    tree: Tree | None
    jobs: int

    @property
    def source(self) -> str:
        """Where it comes from, for people."""
        return self.tree.name if self.tree else "ldpbench.simulation"

    def read(self, row: ManifestRow) -> bytes:
        """A file of the source."""
        assert self.tree is not None, "only a tree has files"
        return self.tree.read(row.path)

    @property
    def plan(self) -> str:
        """Equal exactly when an interrupted attempt can be continued."""
        return sha256_document(
            [
                self.card.model_dump(mode="json", by_alias=True),
                self.tree.signature if self.tree else None,
                self.collection.layout,
                [[scene.split, scene.id] for scene in self.collection.scenes],
                ldpbench.__version__,
            ]
        )


@contextmanager
def resumable_folder(target: Path, plan: str, progress: Progress) -> Iterator[Path]:
    """A work folder beside ``target`` that takes its place when the block ends without an error.

    It survives an interruption or a full disk if a whole shard is in it, and no other failure; left-overs of another
    plan are removed.

    Args:
        target: The folder to make or to replace.
        plan: What is being made.
        progress: Where to say that an attempt is continued.
    """
    folder = target.with_name(f".{target.name}.building")
    plan_file = folder / PLAN_FILE
    with explaining_storage("write", folder):
        if folder.exists() and (not plan_file.is_file() or json.loads(plan_file.read_text()) != plan):
            shutil.rmtree(folder)
        if plan_file.is_file():
            progress.note("continuing where an earlier attempt was interrupted")
        folder.mkdir(parents=True, exist_ok=True)
        plan_file.write_text(json.dumps(plan))
    try:
        yield folder
        with explaining_storage("write", target):
            plan_file.unlink()
            move_folder_into_place(folder, target)
    except IntegrityError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except BaseException:
        if not any(folder.rglob(JOURNAL_FILE)):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def check_without_storing(job: Job, missing: Sequence[str], *, allow_partial: bool, progress: Progress) -> None:
    """Refuse a source whose faults are known already, after looking for the rest of them.

    Raises:
        IntegrityError: With every fault: of names, of what is missing, and of every file that is there.
    """
    faults = [*job.collection.faults, *_faults_beside_scenes(job)]
    files = [scene for scene in job.collection.scenes if scene.promised]
    reader = read_ahead(files, job.card.content, job.card.id, jobs=job.jobs)
    for read in progress.track(reader, label="looking for more faults", total=len(files)):
        faults += read.faults
    error = refusal(
        sorted(faults), missing, source=job.source, n_files=_n_files(job, missing), allow_partial=allow_partial
    )
    if error:
        raise error


def store(job: Job, folder: Path, progress: Progress) -> tuple[ContentRow, ...]:
    """Read, check and write every scene; all faults are collected before the source is refused.

    Args:
        job: What to store.
        folder: The work folder.
        progress: Where to report.

    Returns:
        What is in the folder now.

    Raises:
        IntegrityError: With every fault.
        StorageError: If the disk is full or not ours.
    """
    content = _store_calibration(job, folder)
    faults = _faults_beside_scenes(job)
    scenes = job.collection.scenes
    writers = {split: SplitWriter(folder / split, split) for split in dict.fromkeys(scene.split for scene in scenes)}
    done = {split: writer.done for split, writer in writers.items()}
    todo = [scene for scene in scenes if scene.id not in done[scene.split]]
    _demand_space(todo, folder)
    label = "storing scenes" if any(scene.promised for scene in scenes) else "rendering scenes"
    try:
        reader = read_ahead(todo, job.card.content, job.card.id, jobs=job.jobs)
        for read in progress.track(reader, label=label, total=len(todo)):
            faults += read.faults
            if not faults:
                writers[read.stored.split].write(read.stored, read.sha256)
        _demand_faultless(job, faults)
        for writer in writers.values():
            writer.finish()
            content += writer.content
    except BaseException:
        for writer in writers.values():
            writer.abandon()
        raise
    return tuple(content)


def _demand_faultless(job: Job, faults: Sequence[str]) -> None:
    error = refusal(sorted(faults), (), source=job.source, n_files=_n_files(job, ()), allow_partial=True)
    if error:
        raise error


def _store_calibration(job: Job, folder: Path) -> list[ContentRow]:
    content: list[ContentRow] = []
    for name, row in sorted(job.collection.calibration.items()):
        data = job.read(row)
        content.append(("", name, "calibration", content_sha256(data, name, "files")))
        with explaining_storage("write", folder):
            (folder / CALIBRATION_FOLDER).mkdir(exist_ok=True)
            (folder / CALIBRATION_FOLDER / name).write_bytes(data)
    return content


def _faults_beside_scenes(job: Job) -> list[str]:
    """What is wrong with calibration files, and with files of scenes that are not whole: those are not stored."""
    faults = []
    for row in (*job.collection.calibration.values(), *job.collection.leftovers):
        fault = file_fault(row, job.read(row))
        if fault:
            faults.append(f"{row.path}: {fault}")
    return faults


def _n_files(job: Job, missing: Sequence[str]) -> int:
    collection = job.collection
    stored = sum(len(scene.promised) for scene in collection.scenes)
    return stored + len(collection.calibration) + len(collection.leftovers) + len(missing)


def _demand_space(scenes: Sequence[Scene], folder: Path) -> None:
    needed = int(_HEADROOM * sum(scene.size for scene in scenes))
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise StorageError(
            f"{folder.parent} has {human_bytes(free)} free, expected {human_bytes(needed)} for {len(scenes)} scenes",
            hint="free some disk space, or take less with --split or --max-scenes",
        )
