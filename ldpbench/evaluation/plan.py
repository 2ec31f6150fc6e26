"""What there is to do: methods x datasets, less what is done, with a reason for everything that is skipped."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ldpbench.core.errors import MissingPrerequisiteError, UsageError
from ldpbench.core.home import Home
from ldpbench.core.names import unknown_name
from ldpbench.data.cards import all_cards, load_card
from ldpbench.data.prepared import PreparedDataset, is_prepared, open_prepared
from ldpbench.evaluation.cell import Cell, Skip, dataset_ref, not_prepared
from ldpbench.evaluation.plan_maps import no_map, plan_maps
from ldpbench.evaluation.request import EVERY, Request, is_asked
from ldpbench.evaluation.scoring import bind_protocols
from ldpbench.methods.find import FoundMethod, find_method, find_methods
from ldpbench.methods.inference import Inference
from ldpbench.methods.loading import load_method, method_ref, own_inference, refusal
from ldpbench.methods.map_methods import ESTIMATOR, is_map_method
from ldpbench.methods.weights import choose_weights, lacking
from ldpbench.records import DatasetCard
from ldpbench.records.protocol import Resolution, Task


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
    names = _unique(request.methods)
    of_maps = [name for name in names if is_map_method(name)]
    others = [name for name in names if name not in of_maps]
    tasks = _tasks(request, of_maps, others)
    chosen = chosen_datasets(home, request, tasks)
    found: list[Cell | Skip] = []
    if "deblur" in tasks:
        found += _deblurring(request, others, chosen, with_maps=bool(tasks - {"deblur"}))
    else:
        _demand_sound({name: path for name, path in request.weights.items() if not is_map_method(name)}, {})
    if tasks - {"deblur"}:
        found += plan_maps(request, tasks - {"deblur"}, of_maps, chosen)
    return Plan(
        tuple(cell for cell in found if isinstance(cell, Cell)), tuple(skip for skip in found if isinstance(skip, Skip))
    )


def _tasks(request: Request, of_maps: Sequence[str], others: Sequence[str]) -> frozenset[Task]:
    """What was asked for; else what the named methods do.

    Raises:
        UsageError: If a named method does none of the tasks.
    """
    fitting: set[Task] = set()
    if others or not of_maps:
        fitting.add("deblur")
    if of_maps:
        fitting |= {"blurmap", "disparity"}
    if not request.tasks:
        return frozenset(fitting)
    asked = frozenset(request.tasks)
    idle = [*(of_maps if asked == {"deblur"} else []), *(others if "deblur" not in asked else [])]
    if idle:
        raise UsageError(f"{', '.join(idle)}: not for the task {' or '.join(sorted(asked))}", hint="leave --task out")
    return asked & fitting if request.methods else asked


def _deblurring(
    request: Request, names: Sequence[str], chosen: Sequence[PreparedDataset], *, with_maps: bool
) -> Iterator[Cell | Skip]:
    found = [find_method(name) for name in names]
    found = found or [method for method in find_methods().values() if method.record.kind != ESTIMATOR]
    others = [name for name in request.weights if with_maps and is_map_method(name)]  # of estimators: see plan_maps
    given = {name: path for name, path in request.weights.items() if name not in others}
    _demand_sound(given, {method.record.id: method for method in found})
    for method in found:
        name = method.record.id
        wanting = None if name in request.weights else lacking(method)
        for prepared in chosen:
            way = own_inference(method.record) if request.inference is None else request.inference
            reason = _reason_to_skip(method, prepared, request, way)
            if reason or (wanting and not request.untrained):
                yield Skip(name, prepared.card.id, reason or str(wanting), for_want_of_weights=not reason)
            else:
                yield from _cells(method, prepared, request, way, untrained=wanting is not None)


def chosen_datasets(home: Home, request: Request, tasks: frozenset[Task]) -> list[PreparedDataset]:
    """The prepared datasets that are asked for; all of them where none is named.

    Raises:
        UsageError: If one of that name, split or protocol does not exist or serves none of the tasks.
        MissingPrerequisiteError: If one is not prepared.
    """
    split, datasets = request.split, _unique(request.datasets)
    for card in map(load_card, datasets):
        if not tasks & set(card.tasks):
            reason = _no_sharp_picture(card) if tasks == {"deblur"} else no_map(card, tasks)
            raise UsageError(reason, hint=f"it serves the tasks {' and '.join(card.tasks)}")
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
    ids = [(card.id, spec.id) for card in cards for spec in card.protocols]
    ids += [(card.id, spec.id) for card in cards for spec in card.map_protocols]
    known = [name for card, spec in ids for name in (spec, f"{card}/{spec}")]
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
        return not_prepared(card, split)
    if not readings(card, request.protocols):
        return f"it has no protocol {' or '.join(request.protocols)}"
    return refusal(method, inference.for_size(card.height_px, card.width_px), request.dtype)


def readings(card: DatasetCard, asked: Sequence[str]) -> dict[tuple[int, Resolution], list[str]]:
    """The ids of the protocols that are asked for, by how they read the pictures."""
    readings = {f"{card.id}/{spec.id}": (spec.bits or card.bits, spec.resolution) for spec in card.protocols}
    first = next(iter(readings.values()))
    wanted: dict[tuple[int, Resolution], list[str]] = {}
    for name, reading in readings.items():
        if is_asked(name, asked) if asked else reading == first:
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
    for (bits, resolution), names in readings(card, () if untrained else request.protocols).items():
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
