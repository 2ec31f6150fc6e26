"""Which files of a folder are there and verified, without hashing them on every start."""

import contextlib
import hashlib
import json
import threading
from collections.abc import Sequence
from pathlib import Path

from ldpbench.core.atomic import explaining_storage, write_json
from ldpbench.core.errors import StorageError, UsageError
from ldpbench.data.fetch.pages import SNIFF_BYTES, is_page
from ldpbench.records.dataset_source import RemoteFile

LEDGER_FILE = ".verified.json"


def place_of(file: RemoteFile, folder: Path) -> Path:
    """Where a file goes.

    Raises:
        UsageError: If that leads outside the folder, as through a link.
    """
    place = folder / file.name
    if not place.parent.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"{file.name} would lie outside {folder}", hint="remove the link that leads out of the folder")
    return place


def checksum_of(path: Path, algorithm: str) -> str:
    """``<algorithm>:<hex digits>`` of a file, as records write it.

    Raises:
        OSError: If it cannot be read.
    """
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, lambda: hashlib.new(algorithm, usedforsecurity=False))
    return f"{algorithm}:{digest.hexdigest()}"


def algorithm_of(checksum: str | None) -> str:
    """The algorithm to hash with; SHA-256 where nobody stated a checksum."""
    return "sha256" if checksum is None else checksum.partition(":")[0]


class Ledger:
    """Size, time and checksum of every verified file, kept in ``.verified.json`` of the folder. Safe with threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._changed = False
        self._entries: dict[str, dict[str, object]] = {}
        try:
            entries = json.loads((folder / LEDGER_FILE).read_text(encoding="utf-8"))
            self._entries = {str(name): dict(entry) for name, entry in entries.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            pass  # without a ledger everything is hashed again

    def holds(self, file: RemoteFile) -> bool:
        """Whether a file is there and verified. It is hashed only if it is not as it was when it was last verified.

        Without a checksum on record, a file that was fetched must stay what it was; one that a person put there must
        have the stated size and not be a web page.

        Raises:
            StorageError: If it cannot be read.
            UsageError: If its place is outside the folder.
        """
        path = place_of(file, self._folder)
        with explaining_storage("read", path):
            if not path.is_file():
                return False
            if file.bytes is not None and path.stat().st_size != file.bytes:
                return False
            entry = self._entries.get(file.name, {})
            recorded = entry.get("checksum")
            wanted = file.checksum or (recorded if isinstance(recorded, str) else None)
            if wanted is not None and entry == _entry(path, wanted):
                return True
            if wanted is None and _is_no_file(path, file.name):
                return False
            actual = checksum_of(path, algorithm_of(wanted))
            if wanted is not None and actual != wanted:
                return False
            self.record(file, actual)
        return True

    def record(self, file: RemoteFile, checksum: str) -> None:
        """Remember that a file is verified."""
        entry = _entry(self._folder / file.name, checksum)
        with self._lock:
            self._entries[file.name] = entry
            self._changed = True

    def save(self) -> None:
        """Write the ledger if it changed.

        Raises:
            StorageError: If the folder cannot be written.
        """
        with self._lock:
            if self._changed:
                write_json(self._folder / LEDGER_FILE, self._entries)
                self._changed = False


def missing_files(files: Sequence[RemoteFile], folder: Path) -> tuple[RemoteFile, ...]:
    """The files that are not there and verified yet.

    Args:
        files: What should be there.
        folder: Where.

    Raises:
        StorageError: If a file cannot be read.
        UsageError: If a name leads outside the folder.
    """
    ledger = Ledger(folder)
    missing = tuple(file for file in files if not ledger.holds(file))
    with contextlib.suppress(StorageError):  # somebody else's folder: it can be read and judged, only not remembered
        ledger.save()
    return missing


def _entry(path: Path, checksum: str) -> dict[str, object]:
    facts = path.stat()
    return {"bytes": facts.st_size, "mtime_ns": facts.st_mtime_ns, "checksum": checksum}


def _is_no_file(path: Path, name: str) -> bool:
    with path.open("rb") as stream:
        return is_page(stream.read(SNIFF_BYTES), "", name)
