"""Where run folders lie: a folder of this machine, or any address that fsspec opens.

Both kinds are folders of files to everybody else. What differs is how a file comes to be: on this machine it is
written beside and renamed; elsewhere it is put as a whole, which object stores do in one step.
"""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from ldpbench.core.atomic import explaining_storage, write_bytes
from ldpbench.core.errors import LdpbenchError, MissingPrerequisiteError, StorageError, UsageError
from ldpbench.core.hashing import sha256_bytes, sha256_file

Place = Path | str
"""A folder of this machine, or the address of one elsewhere, such as ``s3://bucket/runs``."""


class Folder(Protocol):
    """Files by name, and folders of the same kind."""

    @property
    def address(self) -> str:
        """For people and for the database: an absolute path, or a URI."""
        ...

    @property
    def local(self) -> Path | None:
        """The path, if it is a folder of this machine."""
        ...

    def into(self, name: str) -> "Folder":
        """A folder in it."""
        ...

    def exists(self) -> bool:
        """Whether it is there."""
        ...

    def names(self) -> dict[str, int]:
        """Size in bytes of everything directly in it, by name in alphabetical order; folders count nothing."""
        ...

    def read(self, name: str) -> bytes:
        """The content of a file.

        Raises:
            MissingPrerequisiteError: If it is not there.
            StorageError: If it cannot be read.
        """
        ...

    def sha256(self, name: str) -> str:
        """The hash of a file that is there."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Make or replace a file in one step.

        Raises:
            StorageError: If that cannot be done; the old file is untouched.
        """
        ...

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        ...


class LocalFolder:
    """A folder of this machine.

    Args:
        path: It need not be there until something is written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()

    @property
    def address(self) -> str:
        """The absolute path."""
        return str(self._path)

    @property
    def local(self) -> Path:
        """The absolute path."""
        return self._path

    def into(self, name: str) -> "LocalFolder":
        """A folder in it."""
        return LocalFolder(self._path / name)

    def exists(self) -> bool:
        """Whether it is there and a folder."""
        return self._path.is_dir()

    def names(self) -> dict[str, int]:
        """Sizes by name."""
        if not self._path.is_dir():
            return {}
        with explaining_storage("read", self._path):
            found = sorted(self._path.iterdir())
            return {path.name: path.stat().st_size if path.is_file() else 0 for path in found if path.exists()}

    def read(self, name: str) -> bytes:
        """The content of a file."""
        path = self._path / name
        if not path.exists():
            raise MissingPrerequisiteError(f"there is no {path}", hint="check the name of the run and of the file")
        with explaining_storage("read", path):
            return path.read_bytes()

    def sha256(self, name: str) -> str:
        """The hash of a file, which may be larger than memory."""
        with explaining_storage("read", self._path / name):
            return sha256_file(self._path / name)

    def write(self, name: str, data: bytes) -> None:
        """Make or replace a file: written beside, flushed, renamed."""
        write_bytes(self._path / name, data)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with explaining_storage("write", self._path / name):
            (self._path / name).unlink(missing_ok=True)


class RemoteFolder:
    """A folder behind an address; object stores have none, so it is there as soon as something is in it.

    Args:
        system: The fsspec file system.
        path: In that system, without the scheme.
    """

    def __init__(self, system: Any, path: str) -> None:
        self._system = system
        self._path = path.rstrip("/")

    @property
    def address(self) -> str:
        """The URI."""
        return str(self._system.unstrip_protocol(self._path))

    @property
    def local(self) -> None:
        """It is not of this machine."""
        return

    @property
    def system(self) -> Any:
        """The fsspec file system."""
        return self._system

    def into(self, name: str) -> "RemoteFolder":
        """A folder in it."""
        return RemoteFolder(self._system, f"{self._path}/{name}")

    def exists(self) -> bool:
        """Whether anything is in it."""
        return bool(self.names())

    def names(self) -> dict[str, int]:
        """Sizes by name, as they are now and not as they were listed before."""
        with self._explaining("read", self._path):
            try:
                self._system.invalidate_cache(self._path)
                found = self._system.ls(self._path, detail=True)
            except FileNotFoundError:
                return {}
        sizes = {entry["name"].rstrip("/").rpartition("/")[2]: int(entry.get("size") or 0) for entry in found}
        return dict(sorted(sizes.items()))

    def read(self, name: str) -> bytes:
        """The content of a file."""
        path = f"{self._path}/{name}"
        with self._explaining("read", path):
            try:
                return bytes(self._system.cat_file(path))
            except FileNotFoundError as error:
                raise MissingPrerequisiteError(
                    f"there is no {self._system.unstrip_protocol(path)}",
                    hint="check the name of the run and of the file",
                ) from error

    def sha256(self, name: str) -> str:
        """The hash of a file."""
        return sha256_bytes(self.read(name))

    def write(self, name: str, data: bytes) -> None:
        """Put a file as a whole."""
        path = f"{self._path}/{name}"
        with self._explaining("write", path):
            self._system.pipe_file(path, data)
            self._system.invalidate_cache(self._path)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        path = f"{self._path}/{name}"
        with self._explaining("write", path), contextlib.suppress(FileNotFoundError):
            self._system.rm_file(path)
            self._system.invalidate_cache(self._path)

    @contextlib.contextmanager
    def _explaining(self, action: str, path: str) -> Iterator[None]:
        """One sentence for whatever a driver raises: each has errors of its own, and not all of them are OSError."""
        try:
            yield
        except LdpbenchError:
            raise
        except Exception as error:
            said = (str(error).splitlines() or [""])[0]
            raise StorageError(
                f"cannot {action} {self._system.unstrip_protocol(path)}: {type(error).__name__}: {said}",
                hint="check the address, the network and your permissions there",
            ) from error


def folder_at(place: Place) -> Folder:
    """The folder at a path or an address; it need not be there.

    Raises:
        UsageError: If the address has a scheme that fsspec does not know.
        MissingPrerequisiteError: If the driver of the scheme is not installed.
    """
    if isinstance(place, Path) or not ("://" in place or "::" in place):
        return LocalFolder(Path(place).expanduser())
    import fsspec

    try:
        system, path = fsspec.core.url_to_fs(place)
    except ImportError as error:
        raise MissingPrerequisiteError(
            f"{place}: its driver is not installed: {error}", hint="install the package that it names"
        ) from error
    except ValueError as error:
        raise UsageError(
            f"{place} is not an address that can be opened: {error}", hint="such as s3://bucket/runs, or a folder"
        ) from error
    return LocalFolder(Path(path)) if _is_local(system) else RemoteFolder(system, path)


def _is_local(system: Any) -> bool:
    names = system.protocol if isinstance(system.protocol, tuple) else (system.protocol,)
    return "file" in names


class RunStore:
    """All run folders of one place.

    Args:
        place: A folder of this machine, or an address.

    Raises:
        UsageError: If the address has a scheme that fsspec does not know.
        MissingPrerequisiteError: If the driver of the scheme is not installed.
    """

    def __init__(self, place: Place) -> None:
        self.root = folder_at(place)

    @property
    def address(self) -> str:
        """An absolute path, or a URI."""
        return self.root.address

    @property
    def local(self) -> Path | None:
        """The path, if it is of this machine."""
        return self.root.local

    def run_ids(self) -> list[str]:
        """Names of the folders in it, in alphabetical order; names that begin with a dot are no runs."""
        local = self.local
        names = [name for name in self.root.names() if not name.startswith(".")]
        return names if local is None else [name for name in names if (local / name).is_dir()]

    def of_cell(self, cell: str) -> list[str]:
        """Ids of the runs that are named after a cell."""
        pattern = re.compile(rf".*-{re.escape(cell[:12])}(-\d+)?")
        return [run_id for run_id in self.run_ids() if pattern.fullmatch(run_id)]

    def folder(self, run_id: str) -> Folder:
        """The folder of one run, whether or not it is there."""
        return self.root.into(run_id)

    def place(self, run_id: str) -> Place:
        """Where a run's folder is, as ``read_run`` takes it."""
        return self.folder(run_id).local or self.folder(run_id).address

    def read(self, run_id: str, name: str) -> bytes:
        """A file of a run, such as ``predictions/scene-1.png``.

        Raises:
            MissingPrerequisiteError: If it is not there.
            StorageError: If it cannot be read.
        """
        return self.folder(run_id).read(name)
