"""The Hugging Face side of a prepared dataset: features, writing and reading."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import datasets
from datasets.exceptions import DatasetGenerationError

from ldpbench.core.atomic import explaining_storage
from ldpbench.data.adapter import STORED_ROLES, StoredSample

FEATURES: Any = datasets.Features(
    {name: datasets.Value("string") for name in ("id", "split", "facts")}
    # decode=False keeps the encoded bytes; decoding through datasets drops 16-bit colour to 8 without a word.
    | {role: datasets.Image(decode=False) for role in STORED_ROLES}
)


def stored_row(stored: StoredSample) -> dict[str, Any]:
    """One row: ids, facts as JSON, and the original encoded bytes of every file."""
    row: dict[str, Any] = {"id": stored.id, "split": stored.split}
    row["facts"] = json.dumps(dict(stored.facts), sort_keys=True)
    for role in STORED_ROLES:
        data = stored.files.get(role)
        row[role] = None if data is None else {"bytes": data, "path": None}
    return row


def stored_sample(row: Mapping[str, Any]) -> StoredSample:
    """The inverse of ``stored_row``."""
    files = {role: row[role]["bytes"] for role in STORED_ROLES if row[role] is not None}
    return StoredSample(id=row["id"], split=row["split"], files=files, facts=json.loads(row["facts"]))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence the library's own progress bars: ours say more and go where the user wants them."""
    shown = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            datasets.enable_progress_bars()


@contextlib.contextmanager
def _unwrapped() -> Iterator[None]:
    """Raise what went wrong while rows were written instead of the library's wrapper around it."""
    try:
        yield
    except DatasetGenerationError as error:
        raise error.__cause__ or error from None


def write_splits(rows: Iterator[dict[str, Any]], folder: Path, spool: Path, *, splits: tuple[str, ...]) -> None:
    """Write rows as a ``DatasetDict``. Rows are streamed: memory holds a few scenes at a time.

    Args:
        rows: As ``stored_row`` makes them.
        folder: Where the dataset goes.
        spool: A folder for the library's intermediate file; the caller removes it.
        splits: The names and order of the splits; a split may be empty.

    Raises:
        StorageError: If the disk is full or not ours.
    """
    with explaining_storage("write", folder), _unwrapped(), _quiet():
        spool.mkdir()
        every: Any = datasets.Dataset.from_generator(
            lambda: rows, features=FEATURES, cache_dir=str(spool), fingerprint="ldpbench", writer_batch_size=4
        )
        names = every["split"]
        parts = {name: every.select([index for index, found in enumerate(names) if found == name]) for name in splits}
        datasets.DatasetDict(parts).save_to_disk(str(folder))


def read_splits(folder: Path) -> dict[str, Any]:
    """The splits of a dataset that ``write_splits`` wrote, memory-mapped."""
    with _quiet():
        return dict(datasets.load_from_disk(str(folder)))


def concatenated(parts: list[Any]) -> Any:
    """Several splits one after the other."""
    return datasets.concatenate_datasets(parts)
