"""Pushing a prepared dataset to a hub or a store: Parquet shards file by file, the README last."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ldpbench.core.atomic import explaining_storage, write_json, write_text
from ldpbench.core.errors import UsageError
from ldpbench.core.hashing import sha256_file
from ldpbench.core.progress import SILENT, Progress
from ldpbench.data.dataset_readme import render_readme
from ldpbench.data.prepared import CALIBRATION_FOLDER, INFO_FILE, README_FILE, PreparedDataset, PreparedInfo
from ldpbench.data.pushing.parquet import write_parquet
from ldpbench.data.pushing.targets import Upload, open_target
from ldpbench.records import DatasetCard

PARQUET_PATTERN = "data/{split}-*.parquet"


@dataclass(frozen=True)
class Pushed:
    """What became of a push."""

    target: str
    sent: tuple[str, ...]
    kept: tuple[str, ...]
    """Files that were there already, byte for byte."""


def demand_right(card: DatasetCard, *, i_have_the_right: bool) -> None:
    """Refuse to hand on data whose licence does not allow it.

    Raises:
        UsageError: If the card does not say that redistribution is allowed and nobody vouches for it.
    """
    if card.redistribution != "yes" and not i_have_the_right:
        raise UsageError(
            f"{card.id} may not be pushed: its licence is {card.licence!r}, redistribution {card.redistribution}",
            hint="if you have the right to hand it on, say so with --i-have-the-right",
        )


def push(
    prepared: PreparedDataset,
    target: str,
    *,
    private: bool = False,
    revision: str | None = None,
    i_have_the_right: bool = False,
    progress: Progress = SILENT,
) -> Pushed:
    """Push a prepared dataset. What is there already is skipped, so an interrupted push goes on.

    The README, which makes the target a dataset for ``datasets.load_dataset``, goes last.

    Args:
        prepared: The dataset.
        target: ``user/name`` on the Hub, ``hf://datasets/user/name``, a folder, or an fsspec URI.
        private: Make a new Hub repository private.
        revision: A branch of the Hub repository.
        i_have_the_right: Push although the card does not say that it is allowed.
        progress: Where to report.

    Raises:
        UsageError: If the licence does not allow it, or the target is none.
        MissingPrerequisiteError: If the target cannot be reached or written.
    """
    demand_right(prepared.card, i_have_the_right=i_have_the_right)
    place = open_target(target, private=private, revision=revision)
    sent: list[str] = []
    kept: list[str] = []
    with _scratch(prepared.folder) as scratch:
        for upload in _uploads(prepared, scratch, progress):
            if place.has(upload):
                kept.append(upload.name)
            else:
                with progress.transfer(label=upload.name, total=upload.size) as advance:
                    place.put(upload, advance)
                sent.append(upload.name)
            if upload.path.is_relative_to(scratch):
                upload.path.unlink()
    return Pushed(place.name, tuple(sent), tuple(kept))


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A folder for one Parquet shard at a time, on the disk that holds the dataset."""
    with (
        explaining_storage("write", folder.parent),
        tempfile.TemporaryDirectory(prefix=f".{folder.name}.push.", dir=folder.parent) as name,
    ):
        yield Path(name)


def _uploads(prepared: PreparedDataset, scratch: Path, progress: Progress) -> Iterator[Upload]:
    for split in prepared.info.splits:
        shards = sorted((prepared.folder / split).glob("*.arrow"))
        for number, shard in enumerate(shards):
            name = f"{split}-{number:05d}-of-{len(shards):05d}.parquet"
            progress.note(f"making data/{name}")
            write_parquet(shard, scratch / name)
            yield _upload(f"data/{name}", scratch / name)
    for path in sorted((prepared.folder / CALIBRATION_FOLDER).glob("*")):
        yield _upload(f"{CALIBRATION_FOLDER}/{path.name}", path)
    info = _public(prepared.info)
    write_json(scratch / INFO_FILE, info.model_dump(mode="json", by_alias=True))
    yield _upload(INFO_FILE, scratch / INFO_FILE)
    write_text(scratch / README_FILE, render_readme(prepared.card, info, pattern=PARQUET_PATTERN))
    yield _upload(README_FILE, scratch / README_FILE)


def _upload(name: str, path: Path) -> Upload:
    return Upload(name, path, path.stat().st_size, sha256_file(path))


def _public(info: PreparedInfo) -> PreparedInfo:
    """Without the paths of this machine."""
    return info if "://" in info.source else info.model_copy(update={"source": "a local copy"})
