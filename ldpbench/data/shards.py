"""Writing scenes as Arrow shards, in constant memory, so that interrupted work can go on after the last whole shard.

A split is a folder of Arrow stream files, the format that ``datasets`` memory-maps. A record batch holds one scene, so
a reader never touches more than the few pictures it asked for.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ldpbench.core.atomic import explaining_storage
from ldpbench.data.adapter import StoredSample
from ldpbench.data.content import ContentRow
from ldpbench.data.hugging_face import FEATURES, text_columns, write_split_records
from ldpbench.records.dataset_card import Role

SHARD_BYTES = 500_000_000
JOURNAL_FILE = "journal.jsonl"

_SCHEMA: pa.Schema = FEATURES.arrow_schema


def _shard_name(index: int) -> str:
    return f"data-{index:05d}.arrow"


def _batch(stored: StoredSample) -> pa.RecordBatch:
    """One scene as a record batch that points at its files' bytes instead of copying them."""
    columns = []
    for field in _SCHEMA:
        if pa.types.is_struct(field.type):
            columns.append(_file_column(field.type, stored.files.get(field.name)))
        else:
            columns.append(pa.array([text_columns(stored)[field.name]], pa.string()))
    return pa.RecordBatch.from_arrays(columns, schema=_SCHEMA)


def _file_column(kind: pa.DataType, data: bytes | None) -> pa.Array:
    if data is None:
        return pa.nulls(1, kind)
    offsets = pa.py_buffer(np.array([0, len(data)], dtype=np.int32))
    encoded = pa.Array.from_buffers(pa.binary(), 1, [None, offsets, pa.py_buffer(data)])
    return pa.StructArray.from_arrays([encoded, pa.nulls(1, pa.string())], fields=list(kind))


class SplitWriter:
    """Writes the scenes of one split in order; picks up after the last whole shard that is already there.

    Args:
        folder: The split's folder.
        split: Its name.
        shard_bytes: Pictures in one shard at most, unless a single scene is larger.
    """

    def __init__(self, folder: Path, split: str, shard_bytes: int = SHARD_BYTES) -> None:
        self.folder = folder
        self.split = split
        self._shard_bytes = shard_bytes
        self._shards: list[str] = []
        self.content: list[ContentRow] = []
        """What is in whole shards and in the one that is being written."""
        self._pending: list[ContentRow] = []
        self._bytes = 0
        self._file: Any = None
        self._stream: Any = None
        with explaining_storage("write", folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._recover()

    @property
    def done(self) -> frozenset[str]:
        """Ids of the scenes that are in whole shards."""
        return frozenset(row[1] for row in self.content)

    def _recover(self) -> None:
        """Keep shards that the journal vouches for, remove the rest."""
        journal = self.folder / JOURNAL_FILE
        lines = journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []
        whole: list[str] = []
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                break
            path = self.folder / entry["shard"]
            if not path.is_file() or path.stat().st_size != entry["bytes"]:
                break
            whole.append(line)
            self._shards.append(entry["shard"])
            self.content += [(row[0], row[1], row[2], row[3]) for row in entry["content"]]
        for path in self.folder.iterdir():
            if path.name not in self._shards:
                path.unlink()
        if whole:
            journal.write_text("".join(line + "\n" for line in whole), encoding="utf-8")

    def write(self, stored: StoredSample, hashes: Mapping[Role, str]) -> None:
        """Add one scene.

        Args:
            stored: The scene; it must be of this split.
            hashes: SHA-256 of the content of each of its files.

        Raises:
            StorageError: If the disk is full or not ours.
        """
        size = sum(map(len, stored.files.values()))
        if self._bytes and self._bytes + size > self._shard_bytes:
            self._end_shard()
        with explaining_storage("write", self.folder):
            if self._stream is None:
                # Only this process writes here, so a plain file is enough until the folder is moved into place.
                self._file = (self.folder / _shard_name(len(self._shards))).open("wb")
                self._stream = pa.ipc.new_stream(self._file, _SCHEMA)
            self._stream.write_batch(_batch(stored))
        self._bytes += size
        self._pending += [(self.split, stored.id, role, digest) for role, digest in sorted(hashes.items())]

    def _end_shard(self) -> None:
        if self._stream is None:
            return
        name = _shard_name(len(self._shards))
        with explaining_storage("write", self.folder):
            self._stream.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            entry = {"shard": name, "bytes": (self.folder / name).stat().st_size, "content": self._pending}
            with (self.folder / JOURNAL_FILE).open("a", encoding="utf-8") as journal:
                journal.write(json.dumps(entry) + "\n")
                journal.flush()
                os.fsync(journal.fileno())
        self._shards.append(name)
        self.content += self._pending
        self._pending, self._bytes, self._file, self._stream = [], 0, None, None

    def finish(self) -> None:
        """Write what is left and what the readers need. An empty split is written too."""
        self._end_shard()
        with explaining_storage("write", self.folder):
            if not self._shards:
                with (self.folder / _shard_name(0)).open("wb") as stream, pa.ipc.new_stream(stream, _SCHEMA):
                    pass
                self._shards.append(_shard_name(0))
            write_split_records(self.folder, self.split, self._shards, mark=f"ldpbench-{self.split}")
            (self.folder / JOURNAL_FILE).unlink(missing_ok=True)

    def abandon(self) -> None:
        """Close what is open; whole shards stay for the next attempt."""
        if self._file is not None:
            self._file.close()
