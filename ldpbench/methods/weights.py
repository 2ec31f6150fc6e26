"""Which files of weights a method is run with: those that were given, else those that were fetched."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ldpbench.core.errors import MissingPrerequisiteError, UsageError
from ldpbench.core.hashing import sha256_bytes, sha256_file
from ldpbench.core.home import default_home
from ldpbench.methods.find import FoundMethod


@dataclass(frozen=True)
class ChosenWeights:
    """Files that are read together."""

    paths: tuple[Path, ...]
    sha256: str
    """Of the file; of several, over their checksums in the order of their names."""


def kept_folder(method: FoundMethod) -> Path:
    """Where the published weights of a method's folder are kept."""
    return default_home().weights / method.folder.name


def fetched_weights(method: FoundMethod) -> tuple[Path, ...] | None:
    """The published files, if all of them are here."""
    paths = tuple(kept_folder(method) / ref.name for ref in method.record.weights)
    return paths if paths and all(path.is_file() for path in paths) else None


def lacking(method: FoundMethod) -> str | None:
    """Why a method cannot run for want of weights, with what helps; None if it can."""
    if not method.record.needs_weights or method.is_checkpoint or fetched_weights(method) is not None:
        return None
    name = method.record.id
    if not method.record.weights:
        return f"nobody published weights for it: give yours with `--weights {name}=FILE`"
    here = kept_folder(method)
    if all(not ref.uris for ref in method.record.weights):
        pages = ", ".join(sorted({str(ref.page) for ref in method.record.weights}))
        return f"its weights are not here: take them from {pages} and give them with `--weights {name}=FILE`"
    return f"its weights are not in {here}: run `ldpbench weights get {name}`, or give `--weights {name}=FILE`"


def choose_weights(method: FoundMethod, given: str | None = None) -> ChosenWeights | None:
    """The files to use.

    Args:
        method: The method.
        given: A file, several files with commas between them, or a folder with the files under their published names.

    Returns:
        None for a method that needs none.

    Raises:
        UsageError: If weights are given to a method that takes none.
        MissingPrerequisiteError: If a file is not there.
    """
    if not method.record.needs_weights or method.is_checkpoint:
        if given is not None:
            raise UsageError(f"{method.record.id} takes no weights", hint="leave it out of --weights")
        return None
    reason = lacking(method) if given is None else None
    if reason is not None:
        raise MissingPrerequisiteError(f"{method.record.id}: {reason}")
    paths = _given_paths(method, given) if given is not None else fetched_weights(method)
    assert paths is not None, "nothing is lacking"
    return ChosenWeights(paths, weights_sha256(paths))


def _given_paths(method: FoundMethod, given: str) -> tuple[Path, ...]:
    folder = Path(given).expanduser()
    if folder.is_dir():
        paths = tuple(folder / ref.name for ref in method.record.weights)
        if not paths:
            raise UsageError(f"{folder} is a folder; {method.record.id} has no published file names", hint="name files")
    else:
        paths = tuple(Path(part).expanduser() for part in given.split(","))
    for path in paths:
        if not path.is_file():
            raise MissingPrerequisiteError(f"{method.record.id}: there is no file {path}", hint="correct --weights")
    return tuple(path.absolute() for path in paths)


def weights_sha256(paths: tuple[Path, ...]) -> str:
    """One checksum for files that belong together; that of the file, if it is one."""
    digests = [sha256_file(path) for path in sorted(paths, key=lambda path: path.name)]
    return digests[0] if len(digests) == 1 else sha256_bytes(" ".join(digests).encode())


def parse_given(options: list[str]) -> Mapping[str, str]:
    """``--weights name=path`` options by method id.

    Raises:
        UsageError: If one has no name or no path, or a name comes twice.
    """
    given: dict[str, str] = {}
    for option in options:
        name, equals, path = option.partition("=")
        if not equals or not name or not path:
            raise UsageError(f"--weights {option}: expected NAME=FILE", hint="such as --weights restormer=dual.pth")
        if name in given:
            raise UsageError(f"--weights names {name} twice", hint="files that belong together are separated by commas")
        given[name] = path
    return given
