"""Every other protocol that fsspec knows: open, seek, read."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import fsspec

from ldpbench.data.fetch.address import AddressError, detail_of
from ldpbench.data.fetch.body import CHUNK_BYTES, Body

_CHANGE_MARKS = ("ETag", "etag", "mtime", "LastModified", "last_modified", "created")


@contextlib.contextmanager
def open_anything(uri: str, offset: int, validator: str | None) -> Iterator[Body]:
    """The bytes of a file from ``offset`` on, or from zero if it has changed since ``validator`` was noted.

    Raises:
        AddressError: If it cannot be opened.
    """
    try:
        filesystem, path = fsspec.core.url_to_fs(uri)
        facts = filesystem.info(path)
        found = _change_mark(facts)
        size = facts.get("size")
        is_other = (validator is not None and validator != found) or (size is not None and offset > size)
        start = 0 if is_other else offset
        stream = filesystem.open(path, "rb")
    except Exception as error:  # each protocol brings a library with errors of its own
        raise _broken(error) from error
    try:
        yield Body(_chunks(stream, start), start=start, total=size, validator=found)
    finally:
        stream.close()


def size_of(uri: str) -> int | None:
    """The size that the file system states, or None."""
    try:
        filesystem, path = fsspec.core.url_to_fs(uri)
        size = filesystem.info(path).get("size")
    except Exception:  # asked for an estimate only; fetching tells what is wrong
        return None
    return None if size is None else int(size)


def _chunks(stream: Any, start: int) -> Iterator[bytes]:
    try:
        if start:
            stream.seek(start)
        while chunk := stream.read(CHUNK_BYTES):
            yield bytes(chunk)
    except Exception as error:
        raise _broken(error) from error


def _change_mark(facts: Mapping[str, Any]) -> str | None:
    return next((str(facts[key]) for key in _CHANGE_MARKS if facts.get(key)), None)


def _broken(error: Exception) -> AddressError:
    if isinstance(error, FileNotFoundError):
        return AddressError("no such file")
    if isinstance(error, ValueError | ImportError | PermissionError | IsADirectoryError | NotADirectoryError):
        return AddressError(detail_of(error))
    return AddressError(detail_of(error), retry=True)
