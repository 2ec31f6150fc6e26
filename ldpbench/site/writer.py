"""Writing a site into a folder that may hold an earlier one: what did not change is not touched.

A file that changed is written beside and renamed, so whoever reads the site sees whole files only. A list of everything
that was written lies in the folder; files that are not on it, such as a ``CNAME``, are somebody else's and stay.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout
from pydantic import BaseModel, ValidationError

from ldpbench.core.atomic import explaining_storage, write_text
from ldpbench.core.errors import MissingPrerequisiteError, UsageError
from ldpbench.core.hashing import sha256_bytes

RECORD = ".ldpbench-site.json"
LOCK = ".ldpbench-site.lock"
UNFINISHED = ".ldpbench-site.part"
"""Names written by a build that has not ended; the next one takes care of them."""
_PART = ".ldpbench-part"


@dataclass
class Written:
    """How many files of a build were new or changed, already right, or no longer wanted."""

    changed: int = 0
    kept: int = 0
    removed: int = 0


class _Made(BaseModel):
    key: str
    facts: dict[str, Any]
    files: list[str]


class _Record(BaseModel):
    """The list of one build."""

    schema_version: int = 1
    base_url: str | None = None
    files: dict[str, str] = {}
    """SHA-256 by place."""
    made: dict[str, _Made] = {}


@dataclass
class SiteWriter:
    """Writes the files of one build, in a ``with`` block that keeps other builds out of the folder.

    Args:
        root: The site's folder; made if it is not there.
        base_url: Where the site will be seen, kept for builds that follow.

    Raises:
        MissingPrerequisiteError: If another build is going on there.
        StorageError: If the disk refuses.
        UsageError: If the list of an earlier build names a file outside the folder.
    """

    root: Path
    base_url: str | None = None
    written: Written = field(default_factory=Written)

    def __enter__(self) -> Self:
        """Take the folder."""
        with explaining_storage("write", self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self.root / LOCK)
            try:
                self._lock.acquire(timeout=0)
            except Timeout as error:
                raise MissingPrerequisiteError(
                    f"another build is going on in {self.root}", hint="wait for it, or name another folder"
                ) from error
        self._old = read_record(self.root)
        self._files: dict[str, str] = {}
        self._made: dict[str, _Made] = {}
        self._stale = {**self._old.files, **dict.fromkeys(_unfinished(self.root), "")}
        with explaining_storage("write", self.root):
            (self.root / UNFINISHED).touch()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tidy up after a whole build; leave everything else to the next one."""
        if kind is None:
            self._finish()
        self._lock.release()
        (self.root / LOCK).unlink(missing_ok=True)

    def put(self, href: str, data: bytes) -> None:
        """A file at a place below the root.

        Raises:
            UsageError: If somebody else's file is there.
            StorageError: If the disk refuses.
        """
        path = self._place(href)
        assert self._files.setdefault(href, sha256_bytes(data)) == sha256_bytes(data), f"two contents of {href}"
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
        before = self._old.made.get(name)
        if before is not None and before.key == key and all(map(self._is_as_left, before.files)):
            for href in before.files:
                self._files[href] = self._old.files[href]
                self.written.kept += 1
            self._made[name] = before
        else:
            facts, files = make()
            self._made[name] = _Made(key=key, facts=facts, files=files)
        return dict(self._made[name].facts)

    def _is_as_left(self, href: str) -> bool:
        path = self._place(href)
        with explaining_storage("read", path):
            return path.is_file() and sha256_bytes(path.read_bytes()) == self._old.files.get(href)

    def _place(self, href: str) -> Path:
        """Where a file lies, which must be in the folder itself and not behind a link that leads out of it."""
        path = self.root / href
        root = self.root.resolve()
        if root not in path.parent.resolve().parents and path.parent.resolve() != root:
            raise UsageError(
                f"{path.parent} leads out of the site's folder", hint="remove the link, or build in another folder"
            )
        return path

    def count(self, suffix: str) -> int:
        """Files of this build whose names end so."""
        return sum(href.endswith(suffix) for href in self._files)

    def _finish(self) -> None:
        """Remove what no longer belongs, and leave the list for the next build."""
        for href in sorted(self._stale.keys() - self._files.keys()):
            self._remove(href)
        record = _Record(base_url=self.base_url, files=self._files, made=self._made)
        with explaining_storage("write", self.root):
            for part in self.root.rglob(f"*{_PART}"):
                part.unlink()
            text = json.dumps(record.model_dump(), indent=1, sort_keys=True) + "\n"
            if not _same(self.root / RECORD, text):
                write_text(self.root / RECORD, text)
            (self.root / UNFINISHED).unlink(missing_ok=True)

    def _remove(self, href: str) -> None:
        """A file of an earlier build, unless somebody put another one in its place."""
        path = self._place(href)
        with explaining_storage("remove", path):
            promised = self._stale[href]
            if path.is_file() and promised in ("", sha256_bytes(path.read_bytes())):
                path.unlink()
                self.written.removed += 1
            for folder in path.relative_to(self.root).parents:
                place = self.root / folder
                if place != self.root and place.is_dir() and not any(place.iterdir()):
                    place.rmdir()


def _same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def is_site(root: Path) -> bool:
    """Whether a folder holds a site that was built here, whole or not."""
    return (root / RECORD).is_file() or (root / UNFINISHED).is_file()


def read_record(root: Path) -> _Record:
    """The list of the last build; of none, or of one that cannot be read, nothing is known and all is written anew.

    Raises:
        UsageError: If it names a file outside the folder.
    """
    path = root / RECORD
    with explaining_storage("read", path):
        if not path.is_file():
            return _Record()
        data = path.read_bytes()
    try:
        record = _Record.model_validate_json(data)
    except ValidationError:
        return _Record()
    named = [*record.files, *(href for made in record.made.values() for href in made.files)]
    unsafe = [href for href in named if not _is_inside(href)]
    if unsafe:
        raise UsageError(
            f"{path} names {unsafe[0]!r}, which is not below its folder", hint="remove the folder and build again"
        )
    return record if record.schema_version == 1 else _Record()


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
