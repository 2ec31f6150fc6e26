"""Opening a prepared dataset and decoding its scenes one at a time."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, overload

from pydantic import Field, ValidationError

from ldpbench.core.atomic import explaining_storage
from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError
from ldpbench.core.home import Home
from ldpbench.core.names import unknown_name
from ldpbench.core.progress import SILENT, Progress
from ldpbench.data.adapter import Adapter, load_adapter
from ldpbench.data.cards import load_card
from ldpbench.data.content import ContentRow, content_sha256, fingerprint
from ldpbench.data.sample import Sample
from ldpbench.data.selection import Selection
from ldpbench.records import DatasetCard, Record
from ldpbench.records.base import validation_sentence

INFO_FILE = "prepared.json"
README_FILE = "README.md"
CALIBRATION_FOLDER = "calibration"


class PreparedSplit(Record):
    """One split of what was stored."""

    count: int
    whole: int | None
    """Scenes of the whole split; null where nobody knows."""
    complete: bool
    fingerprint: str
    """Of this split's content and the calibration: the same whatever other splits are there."""


class PreparedInfo(Record):
    """What was stored: ``prepared.json``."""

    schema_version: Literal[2] = Field(default=2, alias="schema")
    id: str
    card_version: str
    fingerprint: str
    """Of everything that is here."""
    splits: dict[str, PreparedSplit]
    complete: bool
    missing: tuple[str, ...]
    source: str
    layout: str
    remarks: tuple[str, ...]
    content: tuple[ContentRow, ...]

    @property
    def count(self) -> int:
        """Scenes that are here."""
        return sum(part.count for part in self.splits.values())

    def satisfies(self, selection: Selection, *, allow_partial: bool) -> bool:
        """Whether everything that is wanted is here already."""
        parts = [self.splits.get(split) for split in selection.splits]
        if allow_partial and selection.max_scenes is None:
            return any(parts)
        return all(
            part is not None
            and (part.complete or (selection.max_scenes is not None and part.count >= selection.max_scenes))
            for part in parts
        )

    def only(self, splits: list[str]) -> "PreparedInfo":
        """What concerns some of the splits."""
        return self.model_copy(
            update={
                "splits": {name: part for name, part in self.splits.items() if name in splits},
                "content": tuple(row for row in self.content if row[0] in splits),
                "missing": () if all(self.splits[name].complete for name in splits) else self.missing,
            }
        )


class Samples(Sequence[Sample]):
    """Scenes that are decoded when they are asked for."""

    def __init__(self, prepared: "PreparedDataset", rows: Any) -> None:
        self._prepared = prepared
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Sample: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Sample]: ...

    def __getitem__(self, index: int | slice) -> Sample | Sequence[Sample]:
        if isinstance(index, slice):
            return Samples(self._prepared, self._rows.select(range(*index.indices(len(self)))))
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} of {len(self)} samples")
        return self._prepared.decode(self._rows[index])

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids in order, without decoding a picture."""
        return tuple(self._rows["id"])


class PreparedDataset:
    """A dataset on disk. Pictures are decoded from the publisher's own bytes, exactly."""

    def __init__(self, folder: Path, card: DatasetCard, info: PreparedInfo) -> None:
        self.folder = folder
        self.card = card
        self.info = info
        self._adapter: Adapter = load_adapter(card.adapter)

    @cached_property
    def _splits(self) -> Mapping[str, Any]:
        from ldpbench.data.hugging_face import read_splits

        try:
            return read_splits(self.folder)
        except Exception as error:
            # Arrow, JSON and OS errors all mean the same to the user: what was written there is damaged.
            raise self._damaged(" ".join(str(error).split())) from error

    @cached_property
    def _calibration(self) -> dict[str, bytes]:
        folder = self.folder / CALIBRATION_FOLDER
        return {path.name: path.read_bytes() for path in sorted(folder.glob("*"))} if folder.is_dir() else {}

    def _damaged(self, what: str) -> IntegrityError:
        return IntegrityError(
            f"the prepared dataset {self.folder} is damaged: {what}",
            hint=f"run `ldpbench prepare {self.card.id} --force`",
        )

    def split(self, name: str) -> Samples:
        """The scenes of one split.

        Args:
            name: A split, or another name that the card gives it.

        Raises:
            UsageError: If no split is called that.
            MissingPrerequisiteError: If the split is not here.
            IntegrityError: If what is on disk is damaged.
        """
        split = self.card.split_name(name)
        if split is None:
            raise unknown_name(f"split of {self.card.id}", name, [*self.card.splits, *self.card.aliases])
        if split not in self.info.splits:
            raise MissingPrerequisiteError(
                f"the split {split} of {self.card.id} is not prepared in {self.folder}",
                hint=f"run `ldpbench prepare {self.card.id} --split {split}`",
            )
        if split not in self._splits:
            raise self._damaged(f"the split {split} is missing")
        return Samples(self, self._splits[split])

    def samples(self, split: str | None = None) -> Samples:
        """The scenes of one split, or of all splits that are here in the card's order."""
        if split is not None:
            return self.split(split)
        from ldpbench.data.hugging_face import concatenated

        return Samples(self, concatenated([self._splits[name] for name in self.info.splits]))

    def iter_samples(self, split: str | None = None) -> Iterator[Sample]:
        """The scenes one after the other, decoded as they are asked for; memory holds one."""
        yield from self.samples(split)

    def decode(self, row: Mapping[str, Any]) -> Sample:
        """A row of the Hugging Face dataset as a checked sample."""
        from ldpbench.data.hugging_face import stored_sample

        return self._adapter.decode(stored_sample(row), self._calibration, self.card)

    def verify(self, progress: Progress = SILENT) -> None:
        """Hash every stored file again.

        Args:
            progress: Where to report.

        Raises:
            IntegrityError: With every file that changed since it was prepared.
        """
        content = list(self._content_now(progress))
        promised = {row[:3]: row[3] for row in self.info.content}
        found = {row[:3]: row[3] for row in content}
        faults = [
            f"{'/'.join(filter(None, key))}: {'missing' if key not in found else 'changed'}"
            for key, digest in sorted(promised.items())
            if found.get(key) != digest
        ]
        faults += [f"{'/'.join(filter(None, key))}: not part of the set" for key in sorted(set(found) - set(promised))]
        wholes = [self._whole(split) for split in self.card.splits]
        now = fingerprint(
            content,
            present=self.info.count,
            whole=None if None in wholes else sum(filter(None, wholes)),
            complete=self.info.complete,
        )
        if not faults and now != self.info.fingerprint:
            faults = [f"prepared.json: fingerprint {self.info.fingerprint[:24]}... is not that of its content"]
        if faults:
            raise IntegrityError(
                f"{len(faults)} files of the prepared dataset {self.folder} are not what was stored",
                hint=f"run `ldpbench prepare {self.card.id} --force`",
                faults=faults,
            )

    def _whole(self, split: str) -> int | None:
        return self.info.splits[split].whole if split in self.info.splits else self.card.splits[split]

    def _content_now(self, progress: Progress) -> Iterator[ContentRow]:
        from ldpbench.data.hugging_face import stored_sample

        for name, data in self._calibration.items():
            yield "", name, "calibration", content_sha256(data, name, "files")
        for split, part in self._splits.items():
            for row in progress.track(part, label=f"verifying {split}", total=len(part)):
                stored = stored_sample(row)
                for role, data in stored.files.items():
                    name = f"{self.card.id}/{stored.id} {role}"
                    yield split, stored.id, role, content_sha256(data, name, self.card.content)


def is_prepared(home: Home, dataset_id: str) -> bool:
    """Whether a dataset is on disk."""
    return (home.datasets / dataset_id / INFO_FILE).is_file()


def open_prepared(home: Home, dataset_id: str) -> PreparedDataset:
    """Open a prepared dataset.

    Raises:
        UsageError: If no dataset is called that.
        MissingPrerequisiteError: If it is not prepared.
        IntegrityError: If what is on disk is damaged, or is not what the card of this version pins.
    """
    card = load_card(dataset_id)
    folder = home.datasets / card.id
    path = folder / INFO_FILE
    if not path.is_file():
        raise MissingPrerequisiteError(
            f"dataset {card.id} is not prepared in {home.datasets}", hint=f"run `ldpbench prepare {card.id}`"
        )
    with explaining_storage("read", path):
        text = path.read_text(encoding="utf-8")
    try:
        info = PreparedInfo.model_validate_json(text)
    except ValidationError as error:
        raise IntegrityError(
            f"{path} is not what this version writes: {validation_sentence(error)}",
            hint=f"run `ldpbench prepare {card.id} --force`",
        ) from error
    if info.complete and card.fingerprint not in (None, info.fingerprint):
        raise IntegrityError(
            f"{folder} holds content {info.fingerprint[:16]}..., the card of {card.id} {card.version} pins "
            f"{str(card.fingerprint)[:16]}...",
            hint=f"run `ldpbench prepare {card.id} --force`",
        )
    in_order = {split: info.splits[split] for split in card.splits if split in info.splits}
    return PreparedDataset(folder, card, info.model_copy(update={"splits": in_order}))
