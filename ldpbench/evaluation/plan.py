"""What there is to do: methods x datasets, less what is done, with a reason for everything that is skipped."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
from ldpbench.records.protocol import Dtype, Ensemble, Resolution
from ldpbench.records.run import cell_key

DEFAULT_SPLIT = "test"
EVERY = "all"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What somebody asks for.

    Args:
        methods: Ids or plugin folders; empty for all installed ones.
        datasets: Ids; empty for all prepared ones.
        split: The split to run on.
        protocols: Ids of protocols, with or without their dataset, or ``all``; empty for those that read the pictures
            as a set's first protocol does.
        device: Where networks run.
        inference: How methods see a picture; None for each one's own way. Numbers of one way are never ranked with
            those of another.
        ensemble: ``x4`` for the mean over the flips.
        dtype: Of networks' arithmetic.
        limit: Only the first so many scenes; None for all.
        weights: Files by method id, in place of the published ones.
        untrained: Run networks whose weights are not here with fresh ones, for their time alone.
    """

    methods: Sequence[str] = ()
    datasets: Sequence[str] = ()
    split: str = DEFAULT_SPLIT
    protocols: Sequence[str] = ()
    device: str = "cpu"
    inference: Inference | None = None
    ensemble: Ensemble = "none"
    dtype: Dtype = "float32"
    limit: int | None = None
    weights: Mapping[str, str] = field(default_factory=dict)
    untrained: bool = False


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One method on one split of one dataset, read at one depth and resolution."""

    source: FoundMethod
    method: MethodRef
    prepared: PreparedDataset
    dataset: DatasetRef
    protocols: tuple[Protocol, ...]
    bits: int
    resolution: Resolution
    config: dict[str, Any]
    device: str
    inference: Inference
    ensemble: Ensemble = "none"
    dtype: Dtype = "float32"
    limit: int | None = None
    weights: str | None = None
    """What was given with ``--weights``; None for the published files."""

    @property
    def key(self) -> str:
        """Equal exactly when the numbers must come out equal."""
        return cell_key(self.method, self.dataset, self.protocols, self.config)

    @property
    def name(self) -> str:
        """For people: ``dp-wiener on sample/test``."""
        read = "" if self.bits == self.prepared.card.bits else f", read at {self.bits} bits"
        halved = ", half size" if self.resolution == "half" else ""
        return f"{self.method.id} on {self.dataset.id}/{self.dataset.split}{read}{halved}"


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


def make_plan(home: Home, request: Request) -> Plan:
    """Cross methods and datasets.

    Args:
        home: Where the prepared datasets are.
        request: What is asked for.

    Raises:
        UsageError: For an unknown name.
        MissingPrerequisiteError: If nothing is prepared, or a named dataset or file is not there.
        IntegrityError: If weights that were given are damaged or of another network.
    """
    chosen = _chosen_datasets(home, request)
    found = [find_method(name) for name in _unique(request.methods)] or list(find_methods().values())
    _demand_sound(request.weights, {method.record.id: method for method in found})
    cells: list[Cell] = []
    skips: list[Skip] = []
    for method in found:
        name = method.record.id
        wanting = None if name in request.weights else lacking(method)
        for prepared in chosen:
            way = own_inference(method.record) if request.inference is None else request.inference
            reason = _reason_to_skip(method, prepared, request, way)
            if reason or (wanting and not request.untrained):
                skips.append(Skip(name, prepared.card.id, reason or str(wanting), for_want_of_weights=not reason))
            else:
                cells.extend(_cells(method, prepared, request, way, untrained=wanting is not None))
    return Plan(tuple(cells), tuple(skips))


def _chosen_datasets(home: Home, request: Request) -> list[PreparedDataset]:
    split, datasets = request.split, _unique(request.datasets)
    for card in map(load_card, datasets):
        if "deblur" not in card.tasks:
            raise UsageError(_no_sharp_picture(card), hint=f"it serves the tasks {' and '.join(card.tasks)}")
        if split not in card.splits:
            known = ", ".join(card.splits)
            means = f"; {split!r} is its {card.aliases[split]!r}" if split in card.aliases else ""
            raise UsageError(f"{card.id} has no split {split!r}", hint=f"it has {known}{means}")
    chosen = [open_prepared(home, name) for name in datasets]
    if not datasets:
        chosen = [open_prepared(home, name) for name in all_cards() if is_prepared(home, name)]
    if not chosen:
        raise MissingPrerequisiteError(
            f"no dataset is prepared in {home.datasets}", hint="run `ldpbench prepare sample` first"
        )
    _demand_protocols(request.protocols, [prepared.card for prepared in chosen])
    return chosen


def _demand_protocols(asked: Sequence[str], cards: Sequence[DatasetCard]) -> None:
    known = [name for card in cards for spec in card.protocols for name in (spec.id, f"{card.id}/{spec.id}")]
    for name in asked:
        if name != EVERY and name not in known:
            raise unknown_name("protocol of the chosen datasets", name, known)


def _demand_sound(given: Mapping[str, str], methods: Mapping[str, FoundMethod]) -> None:
    """Weights that somebody gave are loaded once before anything runs: a wrong file is told now, not after a night."""
    for name, path in given.items():
        if name not in methods:
            raise unknown_name("method of this evaluation", name, methods)
        load_method(methods[name], weights=path)


def _unique(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _no_sharp_picture(card: DatasetCard) -> str:
    return f"{card.id} has no sharp picture, so deblurring cannot be scored on it"


def _reason_to_skip(
    method: FoundMethod, prepared: PreparedDataset, request: Request, inference: Inference
) -> str | None:
    card, split = prepared.card, request.split
    if method.record.skipped:
        return method.record.skipped
    if split not in card.splits:
        return f"it has no {split} split"
    if "deblur" not in card.tasks:
        return _no_sharp_picture(card)
    if split not in prepared.info.splits:
        return f"its {split} split is not prepared: run `ldpbench prepare {card.id} --split {split}`"
    if not _readings(card, request.protocols):
        return f"it has no protocol {' or '.join(request.protocols)}"
    return refusal(method, inference.for_size(card.height_px, card.width_px), request.dtype)


def dataset_ref(prepared: PreparedDataset, split: str, limit: int | None = None) -> DatasetRef:
    """What a run record says of the content: a prepared split, or its first scenes."""
    card, part = prepared.card, prepared.info.splits[split]
    cut = limit is not None and limit < part.count
    return DatasetRef(
        id=card.id,
        version=card.version,
        split=split,
        fingerprint=part.fingerprint,
        n_images=limit if cut and limit is not None else part.count,
        complete=part.complete and not cut,
        n_images_whole=part.whole,
    )


def _readings(card: DatasetCard, asked: Sequence[str]) -> dict[tuple[int, Resolution], list[str]]:
    """The ids of the protocols that are asked for, by how they read the pictures."""
    readings = {f"{card.id}/{spec.id}": (spec.bits or card.bits, spec.resolution) for spec in card.protocols}
    first = next(iter(readings.values()))
    wanted: dict[tuple[int, Resolution], list[str]] = {}
    for name, reading in readings.items():
        if {EVERY, name, name.partition("/")[2]} & set(asked) if asked else reading == first:
            wanted.setdefault(reading, []).append(name)
    return wanted


def _cells(
    method: FoundMethod, prepared: PreparedDataset, request: Request, inference: Inference, *, untrained: bool
) -> Iterator[Cell]:
    """A cell for every reading; untrained networks are run once, without protocols, so that nothing is scored."""
    card, given = prepared.card, request.weights.get(method.record.id)
    chosen = None if untrained else choose_weights(method, given)
    dataset = dataset_ref(prepared, request.split, request.limit)
    limit = None if dataset.n_images == prepared.info.splits[request.split].count else dataset.n_images
    for (bits, resolution), names in _readings(card, () if untrained else request.protocols).items():
        shrink = 2 if resolution == "half" else 1
        way = inference.for_size(card.height_px // shrink, card.width_px // shrink)
        bound = bind_protocols(
            card,
            dataset.fingerprint,
            request.split,
            inference=way,
            ensemble=request.ensemble,
            dtype=request.dtype,
            limit=limit,
        )
        yield Cell(
            source=method,
            method=method_ref(method, chosen, untrained=untrained),
            prepared=prepared,
            dataset=dataset,
            protocols=() if untrained else tuple(protocol for protocol in bound if protocol.id in names),
            bits=bits,
            resolution=resolution,
            config=_config(request, way, limit, untrained=untrained),
            device=request.device,
            inference=way,
            ensemble=request.ensemble,
            dtype=request.dtype,
            limit=limit,
            weights=given,
        )


def _config(request: Request, inference: Inference, limit: int | None, *, untrained: bool) -> dict[str, Any]:
    """Everything that can move a number beside method, content and protocols."""
    return {
        "device": request.device,
        "dtype": request.dtype,
        "inference": inference.description,
        **({} if request.ensemble == "none" else {"ensemble": request.ensemble}),
        **({} if limit is None else {"limit": limit}),
        **({"untrained": True} if untrained else {}),
    }
