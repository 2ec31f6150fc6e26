"""A published network with its weights: built from its plugin's code, filled from files of any origin."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from ldpbench.core.errors import IntegrityError, UsageError
from ldpbench.core.resources import load_folder_package
from ldpbench.core.seeding import derive_seed
from ldpbench.methods.find import FoundMethod, methods_in
from ldpbench.methods.inference import WHOLE, Inference
from ldpbench.methods.loading import plugin_function
from ldpbench.methods.weights import ChosenWeights, weights_sha256
from ldpbench.networks.build import build_published
from ldpbench.networks.weights.read import WeightsFile, read_weights
from ldpbench.networks.weights.recognise import fit, named_state, plugin_asked, recognise
from ldpbench.records import BaselineRecord

COLOUR_VIEWS = ("left", "right", "center")


def prepare_network(
    method: FoundMethod, module: ModuleType, chosen: ChosenWeights | None, way: Inference, device: str
) -> tuple[nn.Module, tuple[str, ...]]:
    """The network of a method on its device, in eval mode; and what was noticed on the way.

    Args:
        method: The method.
        module: Its plugin's package.
        chosen: Its weights; None for fresh ones, which are the same every time.
        way: How it will see pictures: TLC is a property of the network.
        device: Where it goes.

    Raises:
        IntegrityError: If a file is damaged or holds the weights of another network.
        MethodError: If the plugin's code fails.
    """
    record, folder = method.record, method.folder
    options = {**record.options, **_local(record, way)}
    if chosen is None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(0, "untrained", record.id))
            network = build_published(folder, options)
        return network.to(device).eval(), ()
    files = [read_weights(path) for path in chosen.paths]
    with plugin_asked(record.id, chosen.paths[0]):
        states = [_named(file, module, record) for file in files]
        state = _merged(module, folder, record, states, chosen.paths)
        infer = plugin_function(module, folder, "infer_options", optional=True)
        seen = infer({key: tuple(value.shape) for key, value in state.items()}) if infer is not None else None
        if seen is not None:
            seen = {**seen, **_told(files, module)}
    _demand_variant(method, seen, chosen.paths)
    network = build_published(folder, {**options, **(seen or {}), **_local(record, way)})
    fit(network, state, chosen.paths[0], ignored=getattr(module, "IGNORED", ()), what=record.title)
    notes = [note for file in files for note in file.notes]
    changed = {name: value for name, value in (seen or {}).items() if record.options.get(name, value) != value}
    if changed:
        told = ", ".join(f"{name}={value}" for name, value in changed.items())
        notes.append(f"the weights are of {record.id} with {told}")
    return network.to(device).eval(), tuple(notes)


def read_network(method: FoundMethod, paths: tuple[Path, ...]) -> nn.Module:
    """The network of a method with the weights of some files, on the CPU.

    Raises:
        IntegrityError: If a file is damaged or holds the weights of another network.
    """
    chosen = ChosenWeights(paths, weights_sha256(paths))
    return prepare_network(method, load_folder_package(method.folder), chosen, WHOLE, "cpu")[0]


def _local(record: BaselineRecord, way: Inference) -> dict[str, Any]:
    """TLC: the network is told the size of its training patches."""
    if way.tlc_px is None:
        return {}
    channels = 3 * sum(view in COLOUR_VIEWS for view in record.inputs)
    return {"train_size": (1, channels, way.tlc_px, way.tlc_px)}


def _named(file: WeightsFile, module: ModuleType, record: BaselineRecord) -> dict[str, Tensor]:
    """A file's entries by the names of the torch module."""
    state = named_state(module, file)
    if state is None:
        likely = recognise(file)
        raise IntegrityError(
            f"{file.path} is a {file.format} file, and not one of {record.title}",
            hint=f"it looks like {likely.baseline}" if likely is not None else "correct --weights",
        )
    return state


def _told(files: Sequence[WeightsFile], module: ModuleType) -> dict[str, Any]:
    """Options that are not among the weights, and that a Keras file tells of its layers."""
    tell = getattr(module, "model_options", None)
    models = [file.model for file in files if file.model is not None]
    return dict(tell(models[0])) if callable(tell) and models else {}


def _merged(
    module: ModuleType,
    folder: Path,
    record: BaselineRecord,
    states: Sequence[dict[str, Tensor]],
    paths: Sequence[Path],
) -> dict[str, Tensor]:
    merge = plugin_function(module, folder, "merge", optional=True)
    if merge is not None:
        return dict(merge(states))
    if len(states) > 1:
        raise UsageError(
            f"{record.id} takes one file of weights, found {len(states)}: {', '.join(path.name for path in paths)}",
            hint="correct --weights",
        )
    return states[0]


def _demand_variant(method: FoundMethod, seen: Mapping[str, Any] | None, paths: Sequence[Path]) -> None:
    """Weights of another variant of the same folder are named as such; other widths and depths are welcome."""
    if seen is None or _fits(method.record, seen):
        return
    for other in methods_in(method.folder):
        if _fits(other.record, seen):
            raise IntegrityError(
                f"{paths[0]} holds the weights of {other.record.title}, not of {method.record.title}",
                hint=f"give them to {other.record.id}",
            )


def _fits(record: BaselineRecord, seen: Mapping[str, Any]) -> bool:
    return all(_plain(seen[name]) == _plain(value) for name, value in record.options.items() if name in seen)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
