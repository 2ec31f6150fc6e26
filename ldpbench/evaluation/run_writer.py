"""Writing a run folder so that it can be stopped at any moment and continued, by one process or by many."""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from ldpbench.core.atomic import append_line, explaining_storage, replacing_folder, write_text
from ldpbench.core.errors import UsageError
from ldpbench.evaluation.run_locks import record_lock
from ldpbench.evaluation.workers import ALONE, Worker
from ldpbench.records import ImageRow, RunRecord
from ldpbench.results.parquet import TABLE_FILES, write_tables
from ldpbench.results.run_folder import RUN_FILE, StoredFolder, read_record, read_run, row_file_of
from ldpbench.results.run_store import Folder, Place, RunStore

BATCH_ROWS = 64
BATCH_S = 30.0
"""Where files cannot grow, so many rows or so much time may be lost to a kill."""


def utc_now() -> str:
    """The time, ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def find_run(store: RunStore, cell: str) -> str | None:
    """Id of the latest run of a cell, or None.

    Raises:
        MissingPrerequisiteError: If a record cannot be read.
        IntegrityError: If one is damaged.
    """
    ids = [run_id for run_id in store.of_cell(cell) if RUN_FILE in store.folder(run_id).names()]
    records = [read_record(store.folder(run_id)) for run_id in ids]
    latest = max(
        (record for record in records if record.cell == cell),
        key=lambda record: (record.started_at, len(record.run_id), record.run_id),
        default=None,
    )
    return None if latest is None else latest.run_id


def new_run_id(store: RunStore, *, cell: str, method: str, dataset: str, started_at: str) -> str:
    """A name for a new run.

    On this machine it begins with the time. Elsewhere nobody can hold a lock, so all workers have to come to the same
    name: it follows from the cell alone, and a later run of the cell has a number.
    """
    stamp = "" if store.local is None else started_at[:19].replace("-", "").replace(":", "") + "-"
    base = f"{stamp}{method}-{dataset}-{cell[:12]}"
    taken = set(store.of_cell(cell))
    names = [base, *(f"{base}-{number}" for number in range(2, len(taken) + 2))]
    return next(name for name in names if name not in taken)


class RunWriter:
    """A run folder that grows by one row per image.

    Several workers may write one run, each a file of rows of its own. Leave it as a context, so that no row stays in
    memory.
    """

    def __init__(self, store: RunStore, record: RunRecord, worker: Worker, done: frozenset[str]) -> None:
        self.store = store
        self.record = record
        self.worker = worker
        self.done = done
        """Ids of the images that had their scores when it was opened."""
        self._rows = _open_rows(self._files, row_file_of(worker.index, worker.count))

    @classmethod
    def create(cls, store: RunStore, record: RunRecord, worker: Worker = ALONE) -> "RunWriter":
        """Start a new run folder named after the record's ``run_id``."""
        if store.local is None:
            store.folder(record.run_id).write(RUN_FILE, _document(record).encode())
        else:
            with replacing_folder(store.local / record.run_id) as fresh:
                write_text(fresh / RUN_FILE, _document(record))
        return cls(store, record, worker, frozenset())

    @classmethod
    def resume(cls, store: RunStore, run_id: str, worker: Worker = ALONE) -> "RunWriter":
        """Continue a run folder. Half a last line of the worker's own is cut off, and failed images are tried again.

        Raises:
            IntegrityError: If the folder is damaged.
        """
        stored = read_run(store.folder(run_id))
        done = frozenset(row.sample_id for row in stored.rows if row.failure is None)
        writer = cls(store, stored.record, worker, done)
        if stored.record.status != "complete":
            for name in TABLE_FILES:
                writer._files.remove(name)
            writer._write_record({"status": "running", "finished_at": None})
        return writer

    @classmethod
    def join(
        cls, store: RunStore, cell: str, worker: Worker, found: Callable[[], str | None], fresh: Callable[[], RunRecord]
    ) -> "RunWriter":
        """Continue what is found, or start anew; all workers of a cell come to the same run folder.

        Args:
            store: Where.
            cell: Key of the cell.
            worker: Which of its workers this is.
            found: Gives the id of the run to go on with, None for a new one; called while nobody else starts one.
            fresh: Gives the record of a new run.

        Raises:
            IntegrityError: If the folder is damaged.
        """
        with record_lock(store, cell):
            run_id = found()
            return cls.create(store, fresh(), worker) if run_id is None else cls.resume(store, run_id, worker)

    @property
    def folder(self) -> Place:
        """Where the run folder is, as ``read_run`` takes it."""
        return self.store.place(self.record.run_id)

    @property
    def uri(self) -> str:
        """The same as text: an absolute path, or an address."""
        return self._files.address

    @property
    def _files(self) -> Folder:
        return self.store.folder(self.record.run_id)

    def put(self, name: str, data: bytes) -> None:
        """Keep a file in the run folder, such as ``previews/scene-1.png``."""
        self._files.write(name, data)

    def append(self, row: ImageRow) -> None:
        """Add one row. On this machine it is on disk before this returns; elsewhere it goes with its batch.

        Raises:
            StorageError: If the disk is full; the folder stays readable.
        """
        named = row.model_copy(update={"worker": self.worker.name})
        self._rows.append(named.model_dump_json().encode() + b"\n")

    def finish(self, *, seconds: float) -> RunRecord:
        """Close the run, if every image has its row by now: ``complete``, or ``partial`` if one failed.

        While other workers have images to do it stays ``running``, and the last of them closes it.

        Args:
            seconds: What this process took; of several workers the last one's is kept.
        """
        self._rows.flush()
        with record_lock(self.store, self.record.cell):
            stored = read_run(self._files)
            self.record = stored.record
            if stored.record.status != "complete" and len(stored.rows) >= stored.record.dataset.n_images:
                self._close(stored, seconds)
        return self.record

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rows.flush()

    def _close(self, stored: StoredFolder, seconds: float) -> None:
        failures = sum(row.failure is not None for row in stored.rows)
        self._write_record(
            {
                "status": "partial" if failures else "complete",
                "failures": failures,
                "finished_at": utc_now(),
                "wall_s": round((stored.record.wall_s or 0.0) + seconds, 3),
            }
        )
        write_tables(self._files)

    def _write_record(self, changes: dict[str, object]) -> None:
        self.record = self.record.model_copy(update=changes)
        self._files.write(RUN_FILE, _document(self.record).encode())


def _document(record: RunRecord) -> str:
    return record.model_dump_json(by_alias=True, indent=2) + "\n"


class _Rows(Protocol):
    """One worker's file of rows."""

    def append(self, line: bytes) -> None:
        """Add a whole line."""
        ...

    def flush(self) -> None:
        """See to it that every line is there."""
        ...


class _AppendedRows:
    """A file that grows line by line, each on disk before the next."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if path.exists():
            with explaining_storage("write", path):
                content = path.read_bytes()
                if (intact := content.rfind(b"\n") + 1) < len(content):
                    os.truncate(path, intact)

    def append(self, line: bytes) -> None:
        append_line(self._path, line)

    def flush(self) -> None:
        """Every line is on disk already."""


class _BatchedRows:
    """An object that cannot grow: put again as a whole, now and then."""

    def __init__(self, folder: Folder, name: str) -> None:
        self._folder, self._name = folder, name
        content = folder.read(name) if name in folder.names() else b""
        self._content = bytearray(content[: content.rfind(b"\n") + 1])
        self._waiting = 0
        self._put_at = time.monotonic()

    def append(self, line: bytes) -> None:
        self._content += line
        self._waiting += 1
        if self._waiting >= BATCH_ROWS or time.monotonic() - self._put_at >= BATCH_S:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            self._folder.write(self._name, bytes(self._content))
            self._waiting, self._put_at = 0, time.monotonic()


def _open_rows(folder: Folder, name: str) -> _Rows:
    return _BatchedRows(folder, name) if folder.local is None else _AppendedRows(folder.local / name)


def refuse_force_by_many(worker: Worker, *, force: bool) -> None:
    """Several workers cannot agree on when to start anew.

    Raises:
        UsageError: If they are asked to.
    """
    if force and not worker.is_alone:
        raise UsageError(
            f"--force: worker {worker.name} cannot tell a new run from the one that another worker just began",
            hint="delete the run's folder, and let the workers start without --force",
        )
