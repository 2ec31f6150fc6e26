"""Writing a run folder so that it can be stopped at any moment and continued."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from ldpbench.core.atomic import append_line, explaining_storage, replacing_folder, write_bytes, write_text
from ldpbench.core.errors import MissingPrerequisiteError
from ldpbench.records import ImageRow, RunRecord
from ldpbench.results.run_folder import RUN_FILE, SCORES_FILE, read_run

LOCKS_FOLDER = ".locks"


def utc_now() -> str:
    """The time, ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@contextlib.contextmanager
def cell_lock(runs: Path, cell: str) -> Iterator[None]:
    """Hold a cell for this process alone. The lock dies with the process, so a killed run never blocks the next.

    Raises:
        MissingPrerequisiteError: If another process is working on the cell.
    """
    folder = runs / LOCKS_FOLDER
    with explaining_storage("write", folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{cell[:32]}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise MissingPrerequisiteError(
                "another evaluation is working on this cell", hint="wait for it, or stop it"
            ) from error
    try:
        for abandoned in runs.glob(f".*-{cell[:12]}*.part"):  # begun by a process that was killed
            shutil.rmtree(abandoned, ignore_errors=True)
        yield
    finally:
        lock.release()


def find_run(runs: Path, cell: str) -> Path | None:
    """The latest run folder of a cell, or None."""
    found = [folder for folder in runs.glob(f"*-{cell[:12]}*") if (folder / RUN_FILE).is_file()]
    return max(found, key=lambda folder: folder.name, default=None)


class RunWriter:
    """A run folder that grows by one row per image."""

    def __init__(self, folder: Path, record: RunRecord, done: frozenset[str]) -> None:
        self.folder = folder
        self.record = record
        self.done = done
        """Ids of the images that have their scores already."""

    @classmethod
    def create(cls, runs: Path, record: RunRecord) -> "RunWriter":
        """Start a new run folder named after the record's ``run_id``."""
        folder = runs / record.run_id
        with replacing_folder(folder) as fresh:
            write_text(fresh / RUN_FILE, _document(record))
        return cls(folder, record, frozenset())

    @classmethod
    def resume(cls, folder: Path) -> "RunWriter":
        """Continue a run folder. Half a last line is cut off, and failed images are tried again.

        Raises:
            IntegrityError: If the folder is damaged.
        """
        stored = read_run(folder)
        if stored.truncated:
            with explaining_storage("write", folder / SCORES_FILE):
                os.truncate(folder / SCORES_FILE, stored.intact_bytes)
        done = frozenset(row.sample_id for row in stored.rows if row.failure is None)
        writer = cls(folder, stored.record.model_copy(update={"status": "running", "finished_at": None}), done)
        writer._write_record()
        return writer

    def put(self, name: str, data: bytes) -> None:
        """Keep a file in the run folder, such as ``previews/scene-1.png``."""
        write_bytes(self.folder / name, data)

    def append(self, row: ImageRow) -> None:
        """Add one row and wait until it is on disk.

        Raises:
            StorageError: If the disk is full; the folder stays readable.
        """
        append_line(self.folder / SCORES_FILE, row.model_dump_json().encode() + b"\n")

    def finish(self, *, failures: int, seconds: float) -> RunRecord:
        """Close the run: ``complete``, or ``partial`` if an image failed."""
        self.record = self.record.model_copy(
            update={
                "status": "partial" if failures else "complete",
                "failures": failures,
                "finished_at": utc_now(),
                "wall_s": round((self.record.wall_s or 0.0) + seconds, 3),
            }
        )
        self._write_record()
        return self.record

    def _write_record(self) -> None:
        write_text(self.folder / RUN_FILE, _document(self.record))


def _document(record: RunRecord) -> str:
    return record.model_dump_json(by_alias=True, indent=2) + "\n"
