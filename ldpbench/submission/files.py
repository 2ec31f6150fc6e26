"""The files of a folder that a stranger hands in: exactly those that it names, and nothing that leads elsewhere."""

import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from ldpbench.core.atomic import explaining_storage
from ldpbench.core.hashing import sha256_file
from ldpbench.submission.record import FILE

LARGEST_FILE_BYTES = 512 * 2**20
_ALLOWED = re.compile(
    r"card\.md|run/run\.json|run/scores(?:-[A-Za-z0-9._-]+)?\.jsonl|predictions/[A-Za-z0-9][A-Za-z0-9._-]*\.(?:png|npy)"
)


def is_allowed(path: str) -> bool:
    """Whether a submission may have a file of that name: its own ones and pictures, each at its place."""
    return ".." not in path and _ALLOWED.fullmatch(path) is not None


def file_faults(folder: Path, promised: Mapping[str, str]) -> Iterator[str]:
    """Everything that is wrong with the files: strange, missing, unnamed, too large, other ones than were named.

    Args:
        folder: The submission.
        promised: SHA-256 by path.
    """
    found = {path.relative_to(folder).as_posix(): path for path in sorted(_walk(folder))}
    for name in sorted(promised.keys() | found.keys() - {FILE}):
        if not is_allowed(name):
            yield f"{name!r}: a submission has no such file"
        elif name not in found:
            yield f"{name}: it is named and not there"
        elif fault := _fault(found[name], promised.get(name)):
            yield f"{name}: {fault}"


def _walk(folder: Path) -> Iterator[Path]:
    """Everything that is no ordinary folder; links are not followed."""
    with explaining_storage("read", folder):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                yield from _walk(path)
            else:
                yield path


def _fault(path: Path, promised: str | None) -> str | None:
    with explaining_storage("read", path):
        about = path.lstat()
        if not stat.S_ISREG(about.st_mode):
            return "it is a link or something else that is no file"
        if promised is None:
            return f"it is not named in {FILE}"
        if about.st_size > LARGEST_FILE_BYTES:
            return f"it has {about.st_size} bytes, more than {LARGEST_FILE_BYTES}"
        found = sha256_file(path)
    return None if found == promised else f"expected SHA-256 {promised}, found {found}"
