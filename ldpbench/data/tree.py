"""Files by relative path, wherever they lie: a folder, an fsspec URI, a zip archive, or a folder that holds archives.

Archives are read in place. Nothing is unpacked, so an archive can neither write outside its folder nor fill the disk.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

import fsspec

from ldpbench.core.atomic import storage_error
from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError, UsageError
from ldpbench.core.hashing import sha256_document
from ldpbench.data.archive import archive_members

_IGNORED = ("__MACOSX",)
"""Folders that packing programs add."""


@dataclass(frozen=True)
class TreeFile:
    """One file of a tree."""

    size: int
    stamp: str
    """Changes when the file changes, as far as its place tells: a modification time or a checksum."""
    open: Callable[[], BinaryIO]


class Tree:
    """A read-only set of files.

    Args:
        name: Where it is, for people.
        files: The files by relative path with forward slashes.
    """

    def __init__(self, name: str, files: Mapping[str, TreeFile]) -> None:
        self.name = name
        self.files = dict(sorted(files.items()))

    @property
    def signature(self) -> str:
        """Equal for equal trees, as far as sizes and stamps tell."""
        return sha256_document([[path, file.size, file.stamp] for path, file in self.files.items()])

    def read(self, path: str) -> bytes:
        """A file's bytes.

        Raises:
            IntegrityError: If it is damaged or changed since the tree was opened.
            StorageError: If it cannot be read.
        """
        file = self.files[path]
        with self.open(path) as stream:
            try:
                data = stream.read(file.size + 1)
            except OSError as error:
                raise storage_error(error, "read", Path(self.name) / path) from error
        if len(data) != file.size:
            raise IntegrityError(
                f"{path} in {self.name} changed while it was read: expected {file.size} bytes, found {len(data)}",
                hint="run it again when nothing writes there",
            )
        return data

    def open(self, path: str) -> BinaryIO:
        """A file as a seekable stream.

        Raises:
            StorageError: If it cannot be opened.
        """
        try:
            return self.files[path].open()
        except OSError as error:
            raise storage_error(error, "read", Path(self.name) / path) from error


def open_tree(uri: str, *, name: str | None = None) -> Tree:
    """The files of a folder, of a single file, or of an archive.

    A zip archive counts as a folder of its name, whether it is given itself or lies in the given folder.

    Args:
        uri: A local path or anything that fsspec lists.
        name: What to call it; None for the URI.

    Raises:
        MissingPrerequisiteError: If it does not exist or cannot be read.
        UsageError: If fsspec does not know such a URI.
        IntegrityError: If an archive is damaged or not safe.
    """
    is_local = "://" not in uri
    try:
        filesystem, root = fsspec.core.url_to_fs(str(Path(uri).expanduser().absolute()) if is_local else uri)
    except (ValueError, ImportError) as error:
        raise UsageError(f"--source {uri} cannot be opened: {error}", hint="give a folder or an fsspec URI") from error
    root = root.rstrip("/")
    try:
        if not filesystem.exists(root):
            raise MissingPrerequisiteError(f"--source {uri} does not exist", hint="check the path")
        if filesystem.isdir(root):
            found = _local_files(Path(root)) if is_local else _remote_files(filesystem, root)
        else:
            found = iter([(PurePosixPath(root).name, _tree_file(filesystem, root, filesystem.info(root)))])
        return Tree(name or uri, dict(_with_archives(found, uri)))
    except OSError as error:
        raise storage_error(error, "read", Path(uri)) from error


def _with_archives(found: Iterator[tuple[str, TreeFile]], uri: str) -> Iterator[tuple[str, TreeFile]]:
    for path, file in found:
        if not path.lower().endswith(".zip"):
            yield path, file
            continue
        where = path if PurePosixPath(uri).name == path else f"{uri}/{path}"
        for member in archive_members(file.open, where):
            if not _is_ignored(PurePosixPath(member.name).parts):
                yield f"{path}/{member.name}", TreeFile(member.size, member.stamp, member.open)


def _is_ignored(parts: Sequence[str]) -> bool:
    return any(part.startswith(".") or part in _IGNORED for part in parts)


def _local_files(root: Path) -> Iterator[tuple[str, TreeFile]]:
    """Every file below a local folder, through links, each real folder once."""
    seen: set[Path] = set()

    def fail(error: OSError) -> None:
        raise error

    for folder, folders, names in os.walk(root, followlinks=True, onerror=fail):
        real = Path(folder).resolve()
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not _is_ignored((name,)))
        for name in sorted(names):
            path = Path(folder, name)
            if _is_ignored((name,)) or not path.is_file():
                continue
            facts = path.stat()
            yield (
                path.relative_to(root).as_posix(),
                TreeFile(facts.st_size, str(facts.st_mtime_ns), lambda path=path: path.open("rb")),  # type: ignore[misc]  # the default binds it
            )


def _remote_files(filesystem: Any, root: str) -> Iterator[tuple[str, TreeFile]]:
    for path, facts in sorted(filesystem.find(root, detail=True).items()):
        inside = path[len(root) :].lstrip("/") if root else path
        if not _is_ignored(PurePosixPath(inside).parts):
            yield inside, _tree_file(filesystem, path, facts)


def _tree_file(filesystem: Any, path: str, facts: Mapping[str, Any]) -> TreeFile:
    stamp = next((facts[key] for key in ("mtime", "LastModified", "last_modified", "ETag", "etag") if key in facts), "")
    return TreeFile(int(facts["size"]), str(stamp), lambda: cast(BinaryIO, filesystem.open(path, "rb")))
