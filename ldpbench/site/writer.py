"""Writing a site into a folder that may hold an earlier one: what did not change is not touched.

A file that changed is written beside and renamed, so whoever reads the site sees whole files only. A list of everything
that was written lies in the folder; files that are not on it, such as a ``CNAME``, are somebody else's and stay.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ldpbench.core.atomic import explaining_storage
from ldpbench.core.errors import UsageError
from ldpbench.core.hashing import sha256_bytes

RECORD = ".ldpbench-site.json"
UNFINISHED = ".ldpbench-site.part"
"""Names written by a build that has not ended; the next one takes care of them."""
_PART = ".ldpbench-part"


@dataclass
class Written:
    """How many files of a build were new or changed, already right, or no longer wanted."""

    changed: int = 0
    kept: int = 0
    removed: int = 0


@dataclass
class SiteWriter:
    """Writes the files of one build.

    Args:
        root: The site's folder; made if it is not there.

    Raises:
        StorageError: If the disk refuses.
        UsageError: If the list of an earlier build names a file outside the folder.
    """

    root: Path
    written: Written = field(default_factory=Written)

    def __post_init__(self) -> None:
        self._old = _read_record(self.root)
        self._files: dict[str, str] = {}
        self._made: dict[str, dict[str, Any]] = {}
        with explaining_storage("write", self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            self._stale = {*self._old["files"], *_unfinished(self.root)}
            (self.root / UNFINISHED).touch()

    def put(self, href: str, data: bytes) -> None:
        """A file at a place below the root.

        Raises:
            StorageError: If the disk refuses.
        """
        self._files[href] = sha256_bytes(data)
        path = self.root / href
        with explaining_storage("write", path):
            if path.is_file() and not path.is_symlink() and path.read_bytes() == data:
                self.written.kept += 1
                return
            with (self.root / UNFINISHED).open("a", encoding="utf-8") as journal:
                journal.write(json.dumps(href) + "\n")
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(path.name + _PART)
            beside.write_bytes(data)
            beside.replace(path)
        self.written.changed += 1

    def reuse(self, name: str, key: str, make: Callable[[], tuple[dict[str, Any], list[str]]]) -> dict[str, Any]:
        """What takes long to make, made only if its sources changed or one of its files is not as it was left.

        Args:
            name: Of what is made, such as the folder of a scene's pictures.
            key: Of everything that it is made from.
            make: Puts the files; gives JSON-like facts about them, and their places.

        Returns:
            The facts.
        """
        before = self._old["made"].get(name)
        if before is not None and before["key"] == key and all(map(self._is_as_left, before["files"])):
            for href in before["files"]:
                self._files[href] = self._old["files"][href]
                self.written.kept += 1
            self._made[name] = before
        else:
            facts, files = make()
            self._made[name] = {"key": key, "facts": facts, "files": files}
        return dict(self._made[name]["facts"])

    def _is_as_left(self, href: str) -> bool:
        path = self.root / href
        with explaining_storage("read", path):
            return path.is_file() and sha256_bytes(path.read_bytes()) == self._old["files"].get(href)

    def count(self, suffix: str) -> int:
        """Files of this build whose names end so."""
        return sum(href.endswith(suffix) for href in self._files)

    def finish(self) -> None:
        """Remove what no longer belongs, and leave the list for the next build.

        Raises:
            StorageError: If the disk refuses.
        """
        for href in sorted(self._stale - set(self._files)):
            self._remove(href)
        document = {"schema": 1, "files": self._files, "made": self._made}
        with explaining_storage("write", self.root):
            for part in self.root.rglob(f"*{_PART}"):
                part.unlink()
            beside = self.root / (RECORD + _PART)
            beside.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            beside.replace(self.root / RECORD)
            (self.root / UNFINISHED).unlink(missing_ok=True)

    def _remove(self, href: str) -> None:
        path = self.root / href
        with explaining_storage("remove", path):
            if path.is_file() or path.is_symlink():
                path.unlink()
                self.written.removed += 1
            for folder in path.relative_to(self.root).parents:
                place = self.root / folder
                if place != self.root and place.is_dir() and not any(place.iterdir()):
                    place.rmdir()


def is_site(root: Path) -> bool:
    """Whether a folder holds a site that was built here, whole or not."""
    return (root / RECORD).is_file() or (root / UNFINISHED).is_file()


def _read_record(root: Path) -> dict[str, Any]:
    """The list of the last build; of none, or of one that cannot be read, nothing is known and all is written anew."""
    path = root / RECORD
    nothing: dict[str, Any] = {"files": {}, "made": {}}
    with explaining_storage("read", path):
        if not path.is_file():
            return nothing
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            return nothing
    if not isinstance(document, dict) or document.get("schema") != 1:
        return nothing
    unsafe = [href for href in document["files"] if not _is_inside(href)]
    if unsafe:
        raise UsageError(
            f"{path} names {unsafe[0]!r}, which is not below its folder", hint="remove the folder and build again"
        )
    return {"files": document["files"], "made": document["made"]}


def _unfinished(root: Path) -> list[str]:
    path = root / UNFINISHED
    if not path.is_file():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            href = json.loads(line)
        except ValueError:  # the last line of a build that was killed
            continue
        found += [href] if isinstance(href, str) and _is_inside(href) else []
    return found


def _is_inside(href: str) -> bool:
    path = Path(href)
    return bool(href) and not path.is_absolute() and ".." not in path.parts
