"""One process at a time, without stale locks: the operating system lets go of a lock when its holder dies."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from ldpbench.core.atomic import explaining_storage
from ldpbench.core.progress import Progress


@contextmanager
def waiting_lock(path: Path, *, what: str, progress: Progress) -> Iterator[None]:
    """Hold a lock file, after waiting for whoever holds it.

    Args:
        path: The lock file; it stays behind, empty.
        what: What the other process is doing, for the remark that tells of the wait.
        progress: Where to say so.

    Raises:
        StorageError: If the file cannot be made.
    """
    with explaining_storage("write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            progress.note(f"another process is {what}; waiting for it to end (Ctrl-C to stop waiting)")
            lock.acquire()
    try:
        yield
    finally:
        lock.release()
