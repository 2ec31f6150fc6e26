"""Who may write where. A lock dies with its process, so a killed run never blocks the next.

On this machine, one alone has its cell to itself; workers share the cell, and each has its own place among them.
filelock's own shared lock is kept in a SQLite file, so the operating system's is used directly; where it has none
(Windows), workers of one cell come one after the other.

Object stores have no locks. There, everybody writes only files of its own, a run's id follows from its cell, and
reading takes one row of each image: doing something twice costs time and changes nothing.
"""

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from ldpbench.core.atomic import explaining_storage
from ldpbench.core.errors import MissingPrerequisiteError
from ldpbench.evaluation.workers import ALONE, Worker
from ldpbench.results.run_store import RunStore

LOCKS_FOLDER = ".locks"


@contextlib.contextmanager
def cell_lock(store: RunStore, cell: str, worker: Worker = ALONE) -> Iterator[None]:
    """Hold a cell: alone, or one worker's place in it.

    Raises:
        MissingPrerequisiteError: If another process works on the cell, or in that place.
    """
    if store.local is None:
        yield
        return
    with contextlib.ExitStack() as held:
        if not held.enter_context(_held(_lock_file(store.local, cell), shared=not worker.is_alone)):
            raise MissingPrerequisiteError("another evaluation is working on this cell", hint="wait for it, or stop it")
        if worker.is_alone:
            _clear_abandoned(store.local, cell)
        elif not held.enter_context(_held(_lock_file(store.local, cell, f"-{worker.index + 1}of{worker.count}"))):
            raise MissingPrerequisiteError(
                f"another process is worker {worker.name} of this cell", hint="give every worker its own number"
            )
        yield


@contextlib.contextmanager
def record_lock(store: RunStore, cell: str) -> Iterator[None]:
    """Hold the record of a cell's run for the moment it takes to look and write; waits for whoever holds it."""
    if store.local is None:
        yield
        return
    with _held(_lock_file(store.local, cell, "-record"), wait=True):
        yield


def _lock_file(runs: Path, cell: str, suffix: str = "") -> Path:
    return runs / LOCKS_FOLDER / f"{cell[:32]}{suffix}.lock"


def _clear_abandoned(runs: Path, cell: str) -> None:
    """What a killed process had begun to write. Only one alone may do that: of workers, another may be writing."""
    for folder in runs.glob(f".*-{cell[:12]}*.part"):
        shutil.rmtree(folder, ignore_errors=True)
    for file in runs.glob(f"*-{cell[:12]}*/**/.*.part"):
        file.unlink(missing_ok=True)


if sys.platform == "win32":
    from filelock import FileLock, Timeout

    @contextlib.contextmanager
    def _held(path: Path, *, shared: bool = False, wait: bool = False) -> Iterator[bool]:
        """Whether the lock was to be had; held until the block ends. There are no shared ones here."""
        del shared
        lock = FileLock(path)
        with explaining_storage("write", path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(Timeout):
                lock.acquire(timeout=-1 if wait else 0)
        try:
            yield lock.is_locked
        finally:
            lock.release()

else:
    import fcntl

    @contextlib.contextmanager
    def _held(path: Path, *, shared: bool = False, wait: bool = False) -> Iterator[bool]:
        """Whether the lock was to be had; held until the block ends."""
        manner = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
        with explaining_storage("write", path):
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            with explaining_storage("lock", path):
                try:
                    fcntl.flock(descriptor, manner)
                except BlockingIOError:
                    found = False
                else:
                    found = True
            yield found
        finally:
            os.close(descriptor)
