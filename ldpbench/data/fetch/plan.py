"""Before anything is fetched: how much it is, whether it fits, how long it may take."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from ldpbench.core.errors import StorageError
from ldpbench.core.units import human_bytes
from ldpbench.data.fetch import drive, http
from ldpbench.data.fetch.address import scheme_of
from ldpbench.data.fetch.anything import size_of
from ldpbench.data.fetch.part import Part
from ldpbench.records.dataset_source import RemoteFile

FEW_FILES = 8
"""So many files are worth a question or a progress bar each."""
_GUESSED_BYTES_PER_S = 10_000_000


def rough_time(seconds: float) -> str:
    """A duration as people say it."""
    if seconds < 90:
        return "about a minute" if seconds > 45 else "less than a minute"
    if seconds < 5400:
        return f"about {seconds / 60:.0f} min"
    return f"about {seconds / 3600:.0f} h"


def known_sizes(files: Sequence[RemoteFile], client: http.HttpClient) -> dict[str, int]:
    """The sizes of files by name: as recorded, or as their first address states if few are unknown."""
    sizes = {file.name: file.bytes for file in files if file.bytes is not None}
    unknown = [file for file in files if file.bytes is None]
    if len(unknown) <= FEW_FILES:
        for file in unknown:
            size = _asked_size(file.uris[0], client)
            if size is not None:
                sizes[file.name] = size
    return sizes


def _asked_size(uri: str, client: http.HttpClient) -> int | None:
    if scheme_of(uri) == drive.SCHEME:
        return None
    return client.size(uri) if scheme_of(uri) in http.SCHEMES else size_of(uri)


def announce(files: Sequence[RemoteFile], folder: Path, sizes: Mapping[str, int]) -> str:
    """One line on what will be fetched, how much room there is and how long it may take.

    Raises:
        StorageError: If it does not fit on the disk.
    """
    here = sum(Part(folder / file.name).size for file in files)
    needed = sum(max(0, sizes[file.name] - Part(folder / file.name).size) for file in files if file.name in sizes)
    unknown = sum(file.name not in sizes for file in files)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise StorageError(
            f"not enough room in {folder}: {human_bytes(needed)} needed, {human_bytes(free)} free",
            hint="free some disk space, or point LDPBENCH_HOME at a larger disk",
        )
    amount = human_bytes(needed) if unknown < len(files) else "size unknown"
    if 0 < unknown < len(files):
        amount += f" and {unknown} of unknown size"
    if here:
        amount += f", {human_bytes(here)} are here already"
    line = f"fetching {_count(files)} into {folder}: {amount}; {human_bytes(free)} free"
    if unknown < len(files):
        line += f"; {rough_time(needed / _GUESSED_BYTES_PER_S)} at {human_bytes(_GUESSED_BYTES_PER_S)}/s"
    return line


def _count(files: Sequence[RemoteFile]) -> str:
    return files[0].name if len(files) == 1 else f"{len(files)} files"
