"""The part of a plan that concerns estimators of blur maps."""

from collections.abc import Iterator, Sequence

from ldpbench.data.prepared import PreparedDataset
from ldpbench.evaluation.cell import Cell, Skip, dataset_ref, not_prepared
from ldpbench.evaluation.map_cells import bind_map_protocols, scenes_with_truth
from ldpbench.evaluation.request import Request, is_asked
from ldpbench.methods.inference import WHOLE
from ldpbench.methods.map_methods import MapMethod, is_map_method, map_methods
from ldpbench.records import DatasetCard, Protocol
from ldpbench.records.protocol import Task


def plan_maps(
    request: Request, tasks: frozenset[Task], names: Sequence[str], chosen: Sequence[PreparedDataset]
) -> Iterator[Cell | Skip]:
    """Cross estimators and datasets with true maps.

    Args:
        request: What is asked for.
        tasks: ``blurmap``, ``disparity`` or both.
        names: The estimators that are named; none for all.
        chosen: The datasets.
    """
    weights = {name: path for name, path in request.weights.items() if is_map_method(name)}
    for method in map_methods(names, weights=weights, device=request.device):
        for prepared in chosen:
            reason = _reason_to_skip(prepared, request, tasks)
            if reason is not None:
                yield Skip(method.ref.id, prepared.card.id, reason)
            elif method.wanting is not None:
                yield Skip(method.ref.id, prepared.card.id, method.wanting, for_want_of_weights=True)
            else:
                yield _map_cell(method, prepared, request, tasks)


def no_map(card: DatasetCard, tasks: frozenset[Task]) -> str:
    """Why a dataset is none for a task."""
    return f"{card.id} has no true map for the task {' or '.join(sorted(tasks))}"


def _reason_to_skip(prepared: PreparedDataset, request: Request, tasks: frozenset[Task]) -> str | None:
    card, split = prepared.card, request.split
    if split not in card.splits:
        return f"it has no {split} split"
    if not tasks & set(card.tasks):
        return no_map(card, tasks)
    if split not in prepared.info.splits:
        return not_prepared(card, split)
    protocols = _wanted_maps(bind_map_protocols(card, "", split, tasks=sorted(tasks)), request.protocols)
    if not protocols:
        return f"it has no protocol for maps called {' or '.join(request.protocols)}"
    if not scenes_with_truth(prepared, split, protocols):
        return f"no scene of its {split} split has a true map"
    return None


def _wanted_maps(protocols: Sequence[Protocol], asked: Sequence[str]) -> tuple[Protocol, ...]:
    return tuple(protocol for protocol in protocols if not asked or is_asked(protocol.id, asked))


def _map_cell(method: MapMethod, prepared: PreparedDataset, request: Request, tasks: frozenset[Task]) -> Cell:
    card, part = prepared.card, prepared.info.splits[request.split]
    every = bind_map_protocols(card, part.fingerprint, request.split, tasks=sorted(tasks))
    protocols = _wanted_maps(every, request.protocols)
    scenes = scenes_with_truth(prepared, request.split, protocols)
    whole = dataset_ref(prepared, request.split)
    cut = request.limit is not None and request.limit < len(scenes)
    dataset = whole.model_copy(
        update={
            "n_images": request.limit if cut else len(scenes),
            "complete": whole.complete and not cut,
            "n_images_whole": whole.n_images_whole if len(scenes) == whole.n_images else None,
        }
    )
    limit = request.limit if cut else None
    return Cell(
        source=method,
        method=method.ref,
        prepared=prepared,
        dataset=dataset,
        protocols=()
        if method.ref.untrained
        else tuple(protocol.model_copy(update={"limit": limit}) for protocol in protocols),
        bits=card.bits,
        resolution="full",
        config={"device": request.device, "options": method.options, **({} if limit is None else {"limit": limit})},
        device=request.device,
        inference=WHOLE,
        limit=limit,
        scenes=scenes,
    )
