"""What there is to do: methods x datasets, less what is done, with a reason for everything that is skipped."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ldpbench.core.errors import MissingPrerequisiteError, UsageError
from ldpbench.core.home import Home
from ldpbench.data.cards import all_cards, load_card
from ldpbench.data.prepared import PreparedDataset, is_prepared, open_prepared
from ldpbench.evaluation.scoring import bind_protocols
from ldpbench.methods.inference import WHOLE, Inference
from ldpbench.methods.loading import (
    RECORD_FILE,
    baseline_folders,
    method_code_sha256,
    method_folder,
    method_ref,
)
from ldpbench.networks.checkpoint_record import is_checkpoint
from ldpbench.records import BaselineRecord, DatasetCard, DatasetRef, MethodRef, Protocol, load_yaml_record
from ldpbench.records.run import cell_key

DEFAULT_SPLIT = "test"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One method on one split of one dataset."""

    method_folder: Path
    method: MethodRef
    prepared: PreparedDataset
    dataset: DatasetRef
    protocols: tuple[Protocol, ...]
    config: dict[str, Any]
    device: str
    inference: Inference

    @property
    def key(self) -> str:
        """Equal exactly when the numbers must come out equal."""
        return cell_key(self.method, self.dataset, self.protocols, self.config)

    @property
    def name(self) -> str:
        """For people: ``dp-wiener on sample/test``."""
        return f"{self.method.id} on {self.dataset.id}/{self.dataset.split}"


@dataclass(frozen=True)
class Skip:
    """A combination that cannot run."""

    method: str
    dataset: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """Cells to run, in order, and what is left out."""

    cells: tuple[Cell, ...]
    skips: tuple[Skip, ...]


def make_plan(
    home: Home,
    *,
    methods: Sequence[str],
    datasets: Sequence[str],
    split: str = DEFAULT_SPLIT,
    device: str = "cpu",
    inference: Inference = WHOLE,
) -> Plan:
    """Cross methods and datasets.

    Args:
        home: Where the prepared datasets are.
        methods: Ids or plugin folders; empty for all installed ones.
        datasets: Ids; empty for all prepared ones.
        split: The split to run on.
        device: Where networks run.
        inference: How networks see a picture. Numbers of one way are never ranked with those of another.

    Raises:
        UsageError: For an unknown name.
        MissingPrerequisiteError: If nothing is prepared, or a named dataset is not.
    """
    for card in map(load_card, _unique(datasets)):
        if "deblur" not in card.tasks:
            raise UsageError(_no_sharp_picture(card), hint=f"it serves the tasks {' and '.join(card.tasks)}")
        if split not in card.splits:
            known = ", ".join(card.splits)
            means = f"; {split!r} is its {card.aliases[split]!r}" if split in card.aliases else ""
            raise UsageError(f"{card.id} has no split {split!r}", hint=f"it has {known}{means}")
    chosen = [open_prepared(home, name) for name in _unique(datasets)]
    if not datasets:
        chosen = [open_prepared(home, name) for name in all_cards() if is_prepared(home, name)]
    if not chosen:
        raise MissingPrerequisiteError(
            f"no dataset is prepared in {home.datasets}", hint="run `ldpbench prepare sample` first"
        )
    folders = [method_folder(name) for name in _unique(methods)] or [
        folder for _, folder in sorted(baseline_folders().items())
    ]
    cells: list[Cell] = []
    skips: list[Skip] = []
    for folder in folders:
        record = load_yaml_record(folder / RECORD_FILE, BaselineRecord)
        for prepared in chosen:
            reason = _reason_to_skip(record, prepared, split)
            if inference != WHOLE and not is_checkpoint(folder):
                reason = reason or "it works on whole pictures only"
            if reason:
                skips.append(Skip(record.id, prepared.card.id, reason))
            else:
                cells.append(_make_cell(folder, record, prepared, split, device, inference))
    return Plan(tuple(cells), tuple(skips))


def _unique(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _no_sharp_picture(card: DatasetCard) -> str:
    return f"{card.id} has no sharp picture, so deblurring cannot be scored on it"


def _reason_to_skip(record: BaselineRecord, prepared: PreparedDataset, split: str) -> str | None:
    card = prepared.card
    if split not in card.splits:
        return f"it has no {split} split"
    if "deblur" not in card.tasks:
        return _no_sharp_picture(card)
    if split not in prepared.info.splits:
        return f"its {split} split is not prepared: run `ldpbench prepare {card.id} --split {split}`"
    return None


def _make_cell(
    folder: Path, record: BaselineRecord, prepared: PreparedDataset, split: str, device: str, inference: Inference
) -> Cell:
    card, part = prepared.card, prepared.info.splits[split]
    dataset = DatasetRef(
        id=card.id,
        version=card.version,
        split=split,
        fingerprint=part.fingerprint,
        n_images=part.count,
        complete=part.complete,
        n_images_whole=part.whole,
    )
    return Cell(
        method_folder=folder,
        method=method_ref(record, folder, method_code_sha256(folder)),
        prepared=prepared,
        dataset=dataset,
        protocols=bind_protocols(card, part.fingerprint, split, inference=inference.kind),
        config={
            "device": device,
            "dtype": "float32",
            "inference": inference.description,
        },
        device=device,
        inference=inference,
    )
