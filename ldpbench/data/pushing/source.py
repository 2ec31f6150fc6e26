"""Taking a set from what ``ldpbench datasets push`` made: Parquet shards and the record of their content."""

import threading
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from ldpbench.core.errors import IntegrityError
from ldpbench.core.names import share_of
from ldpbench.data.adapter import Collection, Missing, Scene, StoredSample
from ldpbench.data.hugging_face import stored_sample
from ldpbench.data.prepared import CALIBRATION_FOLDER, INFO_FILE, PreparedInfo
from ldpbench.data.tree import Tree
from ldpbench.records import DatasetCard, ManifestRow
from ldpbench.records.dataset_card import Role

LAYOUT = "pushed"


def find_pushed(tree: Tree, card: DatasetCard) -> Collection | None:
    """What a pushed set holds, or None if the tree is none.

    Every file is compared with the record of its content when it is read. Other sets beside it do not matter.

    Raises:
        IntegrityError: If it has no Parquet files or one of them is damaged.
    """
    found = next(_records(tree, card.id), None)
    if found is None:
        return None
    base, info = found
    content = _content(info)
    shards = {split: _shards(tree, base, split) for split in info.splits}
    lacking = [split for split, paths in shards.items() if not paths]
    if lacking:
        raise IntegrityError(
            f"{tree.name} is a prepared set without Parquet files of {', '.join(lacking)}",
            hint="give what `ldpbench datasets push` made, or use the prepared folder with --home",
        )
    scenes = [
        scene for split, paths in shards.items() for path in paths for scene in _scenes(tree, path, split, content)
    ]
    return Collection(
        scenes=tuple(scenes),
        layout=LAYOUT,
        calibration={
            name: ManifestRow(
                path=f"{base}{CALIBRATION_FOLDER}/{name}", sha256=digest, split="-", sample_id=name, role="calibration"
            )
            for split, name, role, digest in info.content
            if role == "calibration"
        },
        missing=tuple(_gaps(card, info)),
        whole={split: part.whole for split, part in info.splits.items() if part.whole is not None},
        remarks=info.remarks,
    )


def _records(tree: Tree, dataset_id: str) -> Iterator[tuple[str, PreparedInfo]]:
    """The records of a set that lie in a tree, with the folders they lie in, nearest to the top first."""
    paths = [path for path in tree.files if PurePosixPath(path).name == INFO_FILE]
    for path in sorted(paths, key=lambda name: (name.count("/"), name)):
        try:
            info = PreparedInfo.model_validate_json(tree.read(path))
        except ValidationError:
            continue  # a file of the same name that is no record of ours, or not of this version
        if info.id == dataset_id:
            yield path.removesuffix(INFO_FILE), info


def _content(info: PreparedInfo) -> dict[tuple[str, str], dict[Role, str]]:
    """The hashes of each scene's files, by split and id."""
    found: dict[tuple[str, str], dict[Role, str]] = {}
    for split, name, role, digest in info.content:
        if role != "calibration":
            found.setdefault((split, name), {})[role] = digest  # type: ignore[index]  # a record's roles are roles
    return found


def _shards(tree: Tree, base: str, split: str) -> list[str]:
    start = f"{base}data/{split}-"
    return [path for path in tree.files if path.startswith(start) and path.endswith(".parquet")]


def _gaps(card: DatasetCard, info: PreparedInfo) -> Iterator[Missing]:
    for split in card.splits:
        part = info.splits.get(split)
        if part is None:
            yield Missing(split, f"the split {split}")
        elif not part.complete:
            yield Missing(split, f"some scenes of {split}: it was pushed with {share_of(part.count, part.whole)}")


@dataclass(frozen=True)
class _Place:
    """Where a scene lies in a shard."""

    group: int
    row: int


class _Shard:
    """One Parquet file, opened once; the row group that was read last is kept, because scenes come in order."""

    def __init__(self, tree: Tree, path: str) -> None:
        self._lock = threading.Lock()
        self._group: tuple[int, Any] | None = None
        self._where = f"{path} in {tree.name}"
        stream = tree.open(path)
        weakref.finalize(self, stream.close)
        try:
            self._file = pq.ParquetFile(stream)
        except (pa.ArrowInvalid, OSError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> IntegrityError:
        return IntegrityError(f"{self._where} is damaged: {' '.join(str(error).split())}", hint="fetch it again")

    def places(self) -> Iterator[tuple[str, _Place, int]]:
        """Id, place and about the size of every scene; reads no picture."""
        for group in range(self._file.num_row_groups):
            ids = self._file.read_row_group(group, columns=["id"])["id"].to_pylist()
            size = self._file.metadata.row_group(group).total_byte_size // max(len(ids), 1)
            yield from ((name, _Place(group, row), size) for row, name in enumerate(ids))

    def load(self, place: _Place) -> StoredSample:
        """One scene."""
        with self._lock:
            if self._group is None or self._group[0] != place.group:
                try:
                    self._group = (place.group, self._file.read_row_group(place.group))
                except (pa.ArrowInvalid, OSError) as error:
                    raise self._damaged(error) from error
            row: Mapping[str, Any] = self._group[1].slice(place.row, 1).to_pylist()[0]
        return stored_sample(row)


def _scenes(
    tree: Tree, path: str, split: str, content: Mapping[tuple[str, str], Mapping[Role, str]]
) -> Iterator[Scene]:
    shard = _Shard(tree, path)
    for name, place, size in shard.places():
        if (split, name) not in content:
            raise IntegrityError(f"{path} in {tree.name} holds the scene {name}, which its record does not name")
        yield Scene(id=name, split=split, load=partial(shard.load, place), content=content[split, name], size=size)
