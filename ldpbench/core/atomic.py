"""Writing so that a reader never sees half a file: write beside, flush to disk, rename."""

import contextlib
import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from ldpbench.core.errors import StorageError

_REMEDIES = {
    errno.ENOSPC: "free some disk space, or point LDPBENCH_HOME at a larger disk",
    errno.EDQUOT: "your disk quota is used up: free some space, or point LDPBENCH_HOME elsewhere",
    errno.EROFS: "the file system is read-only: point LDPBENCH_HOME at a folder you may write to",
    errno.EACCES: "you may not write there: fix the permissions, or point LDPBENCH_HOME at a folder you own",
    errno.EPERM: "you may not write there: fix the permissions, or point LDPBENCH_HOME at a folder you own",
}


def storage_error(error: OSError, action: str, path: Path) -> StorageError:
    """Turn an OSError of reading or writing ``path`` into a sentence with a remedy."""
    reason = error.strerror or str(error)
    hint = _REMEDIES.get(error.errno or 0, "check that the path exists and that you may use it")
    return StorageError(f"cannot {action} {path}: {reason}", hint=hint)


@contextlib.contextmanager
def explaining_storage(action: str, path: Path) -> Iterator[None]:
    """Re-raise any OSError inside the block as a one-line error about ``path``.

    Raises:
        StorageError: For a full disk, a read-only file system, missing permissions and the like.
    """
    try:
        yield
    except OSError as error:
        raise storage_error(error, action, path) from error


def flush_folder(folder: Path) -> None:
    """Make a rename durable. Some platforms cannot open folders; there the rename alone must do."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def replacing_file(path: Path) -> Iterator[IO[bytes]]:
    """Give a stream beside ``path``; move it into place, flushed, when the block ends without an error.

    On any failure the old file is untouched.

    Raises:
        StorageError: If the disk is full, read-only or not ours.
    """
    with explaining_storage("write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            Path(beside).chmod(0o644)
            Path(beside).replace(path)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
        flush_folder(path.parent)


def write_bytes(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data`` in one step; on any failure the old file is untouched.

    Raises:
        StorageError: If the disk is full, read-only or not ours.
    """
    with replacing_file(path) as stream:
        stream.write(data)


def write_text(path: Path, text: str) -> None:
    """Replace ``path`` by UTF-8 ``text`` in one step."""
    write_bytes(path, text.encode())


def append_line(path: Path, line: bytes) -> None:
    """Add one line to a file and wait until it is on disk; on any failure no part of it stays behind.

    Raises:
        StorageError: If the disk is full, read-only or not ours.
    """
    with explaining_storage("write", path), path.open("ab", buffering=0) as stream:
        start = stream.tell()
        try:
            written = stream.write(line)
            if written != len(line):
                stream.write(line[written:])
            os.fsync(stream.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                stream.truncate(start)
            raise


def write_json(path: Path, document: Any) -> None:
    """Replace ``path`` by an indented, key-ordered JSON document in one step."""
    write_text(path, json.dumps(document, indent=2, sort_keys=True, allow_nan=False) + "\n")


@contextlib.contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """Give a fresh folder beside ``target``; move it into place when the block ends without an error.

    On any failure the fresh folder is removed and ``target`` stays what it was.

    Raises:
        StorageError: If the disk is full, read-only or not ours.
    """
    with explaining_storage("write", target):
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
        try:
            yield fresh
            move_folder_into_place(fresh, target)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise


def move_folder_into_place(fresh: Path, target: Path) -> None:
    """Let ``fresh``, a finished folder beside ``target``, take its place; an old one is put back if that fails."""
    fresh.chmod(0o755)
    retired = target.with_name(f".{target.name}.retired-{fresh.name.strip('.')}")
    if target.exists():
        target.rename(retired)
    try:
        fresh.rename(target)
    except OSError:
        if retired.exists():
            retired.rename(target)
        raise
    flush_folder(target.parent)
    shutil.rmtree(retired, ignore_errors=True)
