"""The Hugging Face side of a prepared dataset: its columns, and opening it."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import datasets

from ldpbench.data.adapter import STORED_ROLES, StoredSample

FEATURES: Any = datasets.Features(
    {name: datasets.Value("string") for name in ("id", "split", "facts")}
    # decode=False keeps the encoded bytes; decoding through datasets drops 16-bit colour to 8 without a word.
    | {role: datasets.Image(decode=False) for role in STORED_ROLES}
)


def text_columns(stored: StoredSample) -> dict[str, str]:
    """The columns that hold no file: ids, and facts as JSON."""
    return {"id": stored.id, "split": stored.split, "facts": json.dumps(dict(stored.facts), sort_keys=True)}


def stored_sample(row: Mapping[str, Any]) -> StoredSample:
    """A row of the dataset as a scene."""
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


def write_split_records(folder: Path, split: str, shards: list[str], mark: str) -> None:
    """Write what ``datasets.load_from_disk`` needs beside the shards of one split.

    Args:
        folder: The split's folder.
        split: Its name.
        shards: File names of its shards in order.
        mark: What the library may use to tell this content from other content.
    """
    datasets.DatasetInfo(features=FEATURES).write_to_directory(str(folder))
    state: dict[str, Any] = {
        "_data_files": [{"filename": name} for name in shards],
        "_fingerprint": mark,
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": split,
    }
    (folder / "state.json").write_text(json.dumps(state, indent=2), encoding="utf-8")


def write_set_record(folder: Path, splits: list[str]) -> None:
    """Write what tells ``datasets.load_from_disk`` which splits there are."""
    (folder / "dataset_dict.json").write_text(json.dumps({"splits": splits}), encoding="utf-8")


def read_splits(folder: Path) -> dict[str, Any]:
    """The splits of a prepared dataset, memory-mapped."""
    with _quiet():
        return dict(datasets.load_from_disk(str(folder)))


def concatenated(parts: list[Any]) -> Any:
    """Several splits one after the other."""
    return datasets.concatenate_datasets(parts)
