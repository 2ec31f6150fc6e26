"""Reading zip archives in place, and refusing those that no publisher makes."""

import stat
import threading
import weakref
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import IO, BinaryIO, cast

from ldpbench.core.errors import IntegrityError

MAX_MEMBERS = 2_000_000
MAX_MEMBER_BYTES = 64_000_000_000
MAX_RATIO = 200
"""Unpacked over packed size. Pictures hardly shrink; what shrinks more than this is a trap."""
RATIO_MATTERS_BYTES = 50_000_000
"""Below this an extreme ratio does no harm: a plain map may shrink to almost nothing."""


@dataclass(frozen=True)
class ArchiveMember:
    """One file of an archive."""

    name: str
    """Relative path with forward slashes."""
    size: int
    stamp: str
    open: Callable[[], BinaryIO]


class _CheckedStream:
    """A member's stream that turns the archive library's errors into ours."""

    def __init__(self, stream: IO[bytes], where: str) -> None:
        self._stream = stream
        self._where = where

    def read(self, size: int = -1) -> bytes:
        try:
            return self._stream.read(size)
        except (zipfile.BadZipFile, EOFError, ValueError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise _damaged(self._where, str(error)) from error
        except Exception as error:  # zlib, lzma and bz2 each have an error of their own
            raise _damaged(self._where, str(error)) from error

    def __enter__(self) -> "_CheckedStream":
        return self

    def __exit__(self, *exception: object) -> None:
        self._stream.close()

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def archive_members(open_archive: Callable[[], BinaryIO], where: str) -> Iterator[ArchiveMember]:
    """The files of a zip archive. It stays open as long as a member's ``open`` is held.

    Args:
        open_archive: Opens the archive's bytes, seekable.
        where: What to call it in an error.

    Raises:
        IntegrityError: If it is damaged, encrypted, or holds a path outside its folder, a link, two files of one name
            or an absurd size; every such member is listed.
    """
    stream = open_archive()
    try:
        archive = zipfile.ZipFile(stream)
    except zipfile.BadZipFile as error:
        stream.close()
        raise _damaged(where, str(error)) from error
    weakref.finalize(archive, stream.close)  # when the last member is let go
    members = [info for info in archive.infolist() if not info.is_dir()]
    faults = _faults(members)
    if faults:
        raise IntegrityError(
            f"{where} is not a safe archive: {len(faults)} of its {len(members)} members are refused",
            hint="fetch it again from the publisher",
            faults=faults,
        )
    lock = threading.Lock()
    for info in members:
        yield ArchiveMember(
            name=info.filename,
            size=info.file_size,
            stamp=f"crc32:{info.CRC:08x}",
            open=lambda info=info: _open_member(archive, info, lock, where),  # type: ignore[misc]  # the default binds it
        )


def _open_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, lock: threading.Lock, where: str) -> BinaryIO:
    try:
        with lock:  # opening seeks in the shared file
            stream = archive.open(info)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise _damaged(f"{where}/{info.filename}", str(error)) from error
    return cast(BinaryIO, _CheckedStream(stream, f"{where}/{info.filename}"))


def _damaged(where: str, detail: str) -> IntegrityError:
    return IntegrityError(
        f"{where} is not a readable zip archive: {' '.join(detail.split()) or 'damaged'}",
        hint="fetch it again, or unpack it yourself and give the folder with --source",
    )


def _faults(members: list[zipfile.ZipInfo]) -> list[str]:
    if len(members) > MAX_MEMBERS:
        return [f"{len(members)} files: expected at most {MAX_MEMBERS}"]
    faults = []
    seen: set[str] = set()
    for info in members:
        fault = _member_fault(info) or ("the name occurs twice" if info.filename in seen else None)
        seen.add(info.filename)
        if fault:
            faults.append(f"{info.filename!r}: {fault}")
    return faults


def _member_fault(info: zipfile.ZipInfo) -> str | None:
    name = info.filename
    parts = PurePosixPath(name).parts
    if ".." in parts or name.startswith("/") or "\\" in name or PureWindowsPath(name).drive or "\0" in name:
        return "the path leads outside the archive"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "it is a link"
    if info.flag_bits & 0x1:
        return "it is encrypted"
    if info.file_size > MAX_MEMBER_BYTES:
        return f"{info.file_size} bytes: expected at most {MAX_MEMBER_BYTES}"
    if info.file_size > RATIO_MATTERS_BYTES and info.file_size > MAX_RATIO * max(info.compress_size, 1):
        return f"{info.compress_size} bytes would grow to {info.file_size}: no picture shrinks that much"
    return None
