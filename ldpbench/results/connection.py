"""Opening the results database, with every way it can fail said in one sentence.

DuckDB lets one process write or several read, never both at once. So writers are quick, and whoever finds the door
locked waits a moment and then says who holds it.
"""

import contextlib
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb

from ldpbench.core.atomic import explaining_storage
from ldpbench.core.errors import IntegrityError, LdpbenchError, MissingPrerequisiteError, StorageError
from ldpbench.core.locks import waiting_lock
from ldpbench.core.progress import SILENT
from ldpbench.results.migrations import REBUILD, migrate, pending

LOCK_PATIENCE_S = 0.5
_LOCK_PAUSE_S = 0.05
_WRITING = threading.Lock()
"""Threads of one process share DuckDB's lock on the file, so writers among them need one of their own."""

_LOCKED = ("Could not set lock", "different configuration", "already attached")
_DAMAGED = ("not a valid DuckDB database", "Corrupt database file", "Could not read enough bytes", "Is a directory")
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    # A results database needs no extension from the network and no file beside itself.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "enable_external_access": False,
}
_WRITER_CONFIG = {**_CONFIG, "memory_limit": "256MB"}
"""Left to itself DuckDB keeps a million new rows in memory until it closes; writing gains nothing from that."""


@contextlib.contextmanager
def open_for_writing(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The database at ``path``, made if it is not there and migrated to the newest schema.

    Raises:
        MissingPrerequisiteError: If another process holds it, or something newer wrote it.
        StorageError: If the disk refuses.
        IntegrityError: If the file is damaged or not a results database.
    """
    with explaining_storage("write", path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    if not _WRITING.acquire(timeout=LOCK_PATIENCE_S):
        raise _busy(path, "another thread of this process")
    try:
        if not path.exists():
            _make(path)
        with connected(path, read_only=False) as connection:
            migrate(connection, path)
            yield connection
    finally:
        _WRITING.release()


def _make(path: Path) -> None:
    """An empty database, made beside and moved into place: DuckDB killed while it makes a file leaves a broken one."""
    beside = path.with_name(f".{path.name}.part")
    with waiting_lock(path.with_name(f".{path.name}.lock"), what=f"making {path.name}", progress=SILENT):
        if path.exists():
            return
        with explaining_storage("write", path):
            for abandoned in (beside, beside.with_name(f"{beside.name}.wal")):
                abandoned.unlink(missing_ok=True)
        with connected(beside, read_only=False) as connection:
            migrate(connection, path)
        with explaining_storage("write", path):
            beside.replace(path)


@contextlib.contextmanager
def open_for_reading(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The database at ``path``, read-only; several processes may read at once.

    Raises:
        MissingPrerequisiteError: If it is not there or of an older schema, another process writes it, or something
            newer wrote it.
        IntegrityError: If the file is damaged or not a results database.
    """
    if not path.exists():
        raise MissingPrerequisiteError(
            f"there is no results database at {path}", hint="`ldpbench ingest` makes it from the run folders"
        )
    with connected(path, read_only=True) as connection:
        if steps := pending(connection, path):
            raise MissingPrerequisiteError(
                f"{path} has an older schema: {steps[0].name} is still to be applied",
                hint="`ldpbench ingest` brings it up to date",
            )
        yield connection


@contextlib.contextmanager
def connected(path: Path, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to whatever schema is there; the faults of the file become sentences.

    Raises:
        MissingPrerequisiteError: If another process holds the file or a newer DuckDB wrote it.
        StorageError: If the disk refuses.
        IntegrityError: If the file is damaged or no database.
    """
    try:
        with contextlib.closing(_connect(path, read_only=read_only)) as connection:
            yield connection
    except duckdb.Error as error:
        explained = _explained(error, path)
        if explained is None:
            raise
        raise explained from error


def _connect(path: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    """Connect, trying again for a moment while somebody else holds the lock or is just making the file."""
    give_up_at = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            return duckdb.connect(path, read_only=read_only, config=_CONFIG if read_only else _WRITER_CONFIG)
        except duckdb.Error as error:
            passing = any(sign in str(error) for sign in _LOCKED) or (path.is_file() and path.stat().st_size == 0)
            if not passing or time.monotonic() >= give_up_at:
                raise
        time.sleep(_LOCK_PAUSE_S)


def _explained(error: duckdb.Error, path: Path) -> LdpbenchError | None:
    """The sentence for a fault of the file or its surroundings; None for anything else, such as wrong SQL."""
    said = str(error)
    if any(sign in said for sign in _LOCKED):
        holder = re.search(r"\(PID (\d+)\)", said)
        return _busy(path, f"process {holder[1]}" if holder else "another connection")
    if "Trying to read a database file with" in said:
        format_found = re.search(r"version number (\d+)", said)
        return MissingPrerequisiteError(
            f"{path} has DuckDB storage format {format_found[1] if format_found else 'unknown'}, "
            f"which DuckDB {duckdb.__version__} cannot read",
            hint=f"update duckdb, or {REBUILD}",
        )
    if any(sign in said for sign in _DAMAGED):
        return IntegrityError(f"{path} is not an intact DuckDB database: {_first_line(said)}", hint=REBUILD)
    if isinstance(error, duckdb.IOException) or "Could not write file" in said:  # a commit wraps the disk's complaint
        return StorageError(
            f"cannot use {path}: {_first_line(said)}",
            hint="check that the disk has space and that you may write there, or point LDPBENCH_HOME elsewhere",
        )
    return None


def _busy(path: Path, holder: str) -> MissingPrerequisiteError:
    return MissingPrerequisiteError(
        f"{path} is locked by {holder}", hint="wait until that is done, or end it, and run the command again"
    )


def _first_line(text: str) -> str:
    return text.splitlines()[0].removeprefix("IO Error: ")
