"""Opening a prepared dataset and decoding its scenes one at a time."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, overload

from pydantic import Field, ValidationError

from ldpbench.core.atomic import explaining_storage
from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError
from ldpbench.core.home import Home
from ldpbench.core.names import unknown_name
from ldpbench.data.adapter import Adapter, load_adapter
from ldpbench.data.cards import load_card
from ldpbench.data.content import ContentRow, content_sha256, fingerprint
from ldpbench.data.sample import Sample
from ldpbench.records import DatasetCard, Record
from ldpbench.records.base import validation_sentence

INFO_FILE = "prepared.json"
DATA_FOLDER = "data"
CALIBRATION_FOLDER = "calibration"
README_FILE = "README.md"


class PreparedInfo(Record):
    """What was stored: ``prepared.json``."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    id: str
    card_version: str
    fingerprint: str
    complete: bool
    missing: tuple[str, ...]
    counts: dict[str, int]
    whole: dict[str, int]
    source: str
    content: tuple[ContentRow, ...]


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
            return read_splits(self.folder / DATA_FOLDER)
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

        Raises:
            UsageError: If no split is called that.
            IntegrityError: If what is on disk is damaged.
        """
        if name not in self._splits:
            raise unknown_name(f"split of {self.card.id}", name, self._splits)
        return Samples(self, self._splits[name])

    def samples(self, split: str | None = None) -> Samples:
        """The scenes of one split, or of all splits in the card's order."""
        if split is not None:
            return self.split(split)
        from ldpbench.data.hugging_face import concatenated

        return Samples(self, concatenated([self._splits[name] for name in self.card.splits]))

    def decode(self, row: Mapping[str, Any]) -> Sample:
        """A row of the Hugging Face dataset as a checked sample."""
        from ldpbench.data.hugging_face import stored_sample

        return self._adapter.decode(stored_sample(row), self._calibration, self.card)

    def verify(self) -> None:
        """Hash every stored file again.

        Raises:
            IntegrityError: With every file that changed since it was prepared.
        """
        content = self._content_now()
        promised = {row[:3]: row[3] for row in self.info.content}
        found = {row[:3]: row[3] for row in content}
        faults = [
            f"{'/'.join(filter(None, key))}: {'missing' if key not in found else 'changed'}"
            for key, digest in sorted(promised.items())
            if found.get(key) != digest
        ]
        faults += [f"{'/'.join(filter(None, key))}: not part of the set" for key in sorted(set(found) - set(promised))]
        now = fingerprint(
            content,
            present=sum(self.info.counts.values()),
            whole=sum(self.info.whole.values()),
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

    def _content_now(self) -> list[ContentRow]:
        from ldpbench.data.hugging_face import stored_sample

        rows: list[ContentRow] = [
            ("", name, "calibration", content_sha256(data, name, "files")) for name, data in self._calibration.items()
        ]
        for split, part in self._splits.items():
            for row in part:
                stored = stored_sample(row)
                for role, data in stored.files.items():
                    digest = content_sha256(data, f"{self.card.id}/{stored.id} {role}", self.card.content)
                    rows.append((split, stored.id, role, digest))
        return rows


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
    return PreparedDataset(folder, card, info)
