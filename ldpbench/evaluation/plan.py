"""What there is to do: methods x datasets, less what is done, with a reason for everything that is skipped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ldpbench.core.errors import MissingPrerequisiteError, UsageError
from ldpbench.core.home import Home
from ldpbench.core.names import unknown_name
from ldpbench.data.cards import all_cards, load_card
from ldpbench.data.prepared import PreparedDataset, is_prepared, open_prepared
from ldpbench.evaluation.scoring import bind_protocols
from ldpbench.methods.find import FoundMethod, find_method, find_methods
from ldpbench.methods.inference import Inference
from ldpbench.methods.loading import load_method, method_ref, own_inference, refusal
from ldpbench.methods.weights import choose_weights, lacking
from ldpbench.records import DatasetCard, DatasetRef, MethodRef, Protocol
from ldpbench.records.run import cell_key

DEFAULT_SPLIT = "test"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One method on one split of one dataset."""

    source: FoundMethod
    method: MethodRef
    prepared: PreparedDataset
    dataset: DatasetRef
    protocols: tuple[Protocol, ...]
    config: dict[str, Any]
    device: str
    inference: Inference
    weights: str | None = None
    """What was given with ``--weights``; None for the published files."""

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
    for_want_of_weights: bool = False


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
    inference: Inference | None = None,
    weights: Mapping[str, str] | None = None,
    untrained: bool = False,
) -> Plan:
    """Cross methods and datasets.

    Args:
        home: Where the prepared datasets are.
        methods: Ids or plugin folders; empty for all installed ones.
        datasets: Ids; empty for all prepared ones.
        split: The split to run on.
        device: Where networks run.
        inference: How methods see a picture; None for each one's own way. Numbers of one way are never ranked with
            those of another.
        weights: Files by method id, in place of the published ones.
        untrained: Run networks whose weights are not here with fresh ones, for their time alone.

    Raises:
        UsageError: For an unknown name.
        MissingPrerequisiteError: If nothing is prepared, or a named dataset or file is not there.
        IntegrityError: If weights that were given are damaged or of another network.
    """
    chosen = _chosen_datasets(home, datasets, split)
    found = [find_method(name) for name in _unique(methods)] or list(find_methods().values())
    given = dict(weights or {})
    _demand_sound(given, {method.record.id: method for method in found})
    cells: list[Cell] = []
    skips: list[Skip] = []
    for method in found:
        name = method.record.id
        wanting = None if name in given else lacking(method)
        for prepared in chosen:
            way = _way(method, prepared.card, inference)
            reason = _reason_to_skip(method, prepared, split) or refusal(method, way)
            if reason or (wanting and not untrained):
                skips.append(Skip(name, prepared.card.id, reason or str(wanting), for_want_of_weights=not reason))
            else:
                cells.append(
                    _make_cell(method, prepared, split, device, way, given.get(name), untrained=wanting is not None)
                )
    return Plan(tuple(cells), tuple(skips))


def _chosen_datasets(home: Home, datasets: Sequence[str], split: str) -> list[PreparedDataset]:
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
    return chosen


def _demand_sound(given: Mapping[str, str], methods: Mapping[str, FoundMethod]) -> None:
    """Weights that somebody gave are loaded once before anything runs: a wrong file is told now, not after a night."""
    for name, path in given.items():
        if name not in methods:
            raise unknown_name("method of this evaluation", name, methods)
        load_method(methods[name], weights=path)


def _way(method: FoundMethod, card: DatasetCard, asked: Inference | None) -> Inference:
    way = own_inference(method.record) if asked is None else asked
    return way.for_size(card.height_px, card.width_px)


def _unique(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _no_sharp_picture(card: DatasetCard) -> str:
    return f"{card.id} has no sharp picture, so deblurring cannot be scored on it"


def _reason_to_skip(method: FoundMethod, prepared: PreparedDataset, split: str) -> str | None:
    card = prepared.card
    if method.record.skipped:
        return method.record.skipped
    if split not in card.splits:
        return f"it has no {split} split"
    if "deblur" not in card.tasks:
        return _no_sharp_picture(card)
    if split not in prepared.info.splits:
        return f"its {split} split is not prepared: run `ldpbench prepare {card.id} --split {split}`"
    return None


def _make_cell(
    method: FoundMethod,
    prepared: PreparedDataset,
    split: str,
    device: str,
    inference: Inference,
    given: str | None,
    *,
    untrained: bool,
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
    chosen = None if untrained else choose_weights(method, given)
    # Without protocols nothing is scored, and nothing can be ranked.
    protocols = () if untrained else bind_protocols(card, part.fingerprint, split, inference=inference)
    return Cell(
        source=method,
        method=method_ref(method, chosen, untrained=untrained),
        prepared=prepared,
        dataset=dataset,
        protocols=protocols,
        config={
            "device": device,
            "dtype": "float32",
            "inference": inference.description,
            **({"untrained": True} if untrained else {}),
        },
        device=device,
        inference=inference,
        weights=given,
    )
