"""A publisher's files, wherever they are: a folder, any fsspec URI, or the card's own addresses."""

import errno
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import fsspec
from fsspec.implementations.http import HTTPFileSystem

from ldpbench.core.atomic import storage_error, write_bytes
from ldpbench.core.errors import MissingPrerequisiteError, UsageError
from ldpbench.core.hashing import sha256_bytes
from ldpbench.records import DatasetCard, ManifestRow


class FileSource(ABC):
    """Files by their path in the publisher's layout."""

    name: str
    """Where the files are, for people."""

    @abstractmethod
    def read(self, row: ManifestRow) -> bytes | None:
        """A file's bytes, or None if it is not there.

        Raises:
            MissingPrerequisiteError: If the source cannot be reached or read.
        """


class FolderSource(FileSource):
    """A folder on disk or behind an fsspec URI, holding the publisher's tree or a folder inside it."""

    def __init__(self, uri: str, manifest: Sequence[ManifestRow]) -> None:
        self.name = uri
        try:
            self._fs, root = fsspec.core.url_to_fs(str(Path(uri).expanduser()) if "://" not in uri else uri)
        except (ValueError, ImportError) as error:
            raise UsageError(
                f"--source {uri} cannot be opened: {error}", hint="give a folder or an fsspec URI"
            ) from error
        self._root = root.rstrip("/")
        if not isinstance(self._fs, HTTPFileSystem):  # a plain web server has files and no folders
            self._check_folder(uri)
        self._depth = self._find_depth(manifest)

    def _check_folder(self, uri: str) -> None:
        try:
            if not self._fs.exists(self._root):
                raise MissingPrerequisiteError(f"--source {uri} does not exist", hint="check the path")
            if not self._fs.isdir(self._root):
                raise UsageError(
                    f"--source {uri} is a file, expected a folder", hint="give the folder that holds the set"
                )
            self._fs.ls(self._root)
        except OSError as error:
            raise storage_error(error, "read", Path(uri)) from error

    def _place(self, path: str, depth: int) -> str:
        inside = "/".join(PurePosixPath(path).parts[depth:])
        return f"{self._root}/{inside}" if self._root else inside

    def _find_depth(self, manifest: Sequence[ManifestRow]) -> int:
        """How many leading folders of the publisher's tree the given folder lies below its root.

        The folder's own name says nothing; what it contains does.
        """
        deepest = min((len(PurePosixPath(row.path).parts) for row in manifest), default=1)
        counts = [
            sum(bool(self._fs.exists(self._place(row.path, depth))) for row in manifest) for depth in range(deepest)
        ]
        return max(range(deepest), key=lambda depth: (counts[depth], -depth), default=0)

    def read(self, row: ManifestRow) -> bytes | None:
        """A file's bytes, or None if it is not there."""
        place = self._place(row.path, self._depth)
        try:
            data: Any = self._fs.cat_file(place)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_error(error, "read", Path(place)) from error
        return bytes(data)


class PublishedSource(FileSource):
    """The card's own addresses, file by file. What is verified is kept, so a second try fetches only the rest."""

    def __init__(self, card: DatasetCard, downloads: Path) -> None:
        self._templates = [uri for source in card.sources for uri in (source.uri, *source.mirrors)]
        self._revision = card.sources[0].revision or ""
        self._kept = downloads / card.id
        self.name = self._templates[0].replace("{revision}", self._revision)

    def read(self, row: ManifestRow) -> bytes | None:
        """A file's bytes from the kept copy or the first address that has it; verified ones are kept."""
        kept = self._kept / row.path
        if kept.is_file():
            data = kept.read_bytes()
            if sha256_bytes(data) == row.sha256:
                return data
        data_or_none: bytes | None = None
        for template in self._templates:
            data_or_none = self._fetch(template.format(path=row.path, revision=self._revision))
            if data_or_none is not None and sha256_bytes(data_or_none) == row.sha256:
                write_bytes(kept, data_or_none)
                return data_or_none
        return data_or_none

    def _fetch(self, url: str) -> bytes | None:
        try:
            # Whole files in one request: opening them would first ask for the size, and fsspec reports a failure of
            # that, whatever it was, as a missing file.
            filesystem, path = fsspec.core.url_to_fs(url)
            return bytes(filesystem.cat_file(path))
        except FileNotFoundError:
            return None
        except Exception as error:
            # fsspec lets through whatever its HTTP, cloud or archive library raises: all of it means "not reachable".
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise storage_error(error, "write", self._kept) from error
            detail = " ".join(str(error).split()) or type(error).__name__
            raise MissingPrerequisiteError(
                f"cannot fetch {url}: {detail}",
                hint="check the network, or give a copy you have with --source PATH",
            ) from error


def open_source(
    card: DatasetCard, manifest: Sequence[ManifestRow], source: str | None, downloads: Path
) -> FileSource | None:
    """The files of a dataset: from ``source`` if given, else from the card's addresses; None for a generated set.

    Raises:
        UsageError: If a source is given for a generated set, or cannot be a source.
        MissingPrerequisiteError: If the set can only be had by hand and no source was given; the steps are told.
    """
    if card.access == "generated":
        if source is not None:
            raise UsageError(f"{card.id} is generated and has no source, found --source {source}", hint="leave it out")
        return None
    if source is not None:
        return FolderSource(source, manifest)
    if card.access in ("form", "manual"):
        steps = " ".join((card.manual_steps or "").split())
        raise MissingPrerequisiteError(
            f"{card.id} cannot be fetched by a program", hint=f"{steps} Then give --source PATH"
        )
    return PublishedSource(card, downloads)
