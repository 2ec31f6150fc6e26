"""Building the method behind a name: from its plugin's code, its weights, or its checkpoint."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from ldpbench.core.errors import MethodError, MissingPrerequisiteError, UsageError
from ldpbench.core.resources import load_folder_package
from ldpbench.methods.ensemble import SelfEnsemble
from ldpbench.methods.find import FoundMethod, find_method
from ldpbench.methods.inference import Inference
from ldpbench.methods.precision import InPrecision
from ldpbench.methods.protocol import Deblurrer
from ldpbench.methods.weights import ChosenWeights, choose_weights
from ldpbench.networks.checkpoint_record import read_record as read_checkpoint_record
from ldpbench.records import BaselineRecord, MethodRef
from ldpbench.records.protocol import Dtype, Ensemble


@dataclass(frozen=True)
class LoadedMethod:
    """A method that is ready to run."""

    record: BaselineRecord
    deblurrer: Deblurrer
    code_sha256: str
    weights: ChosenWeights | None = None
    network: nn.Module | None = None
    """Of a published network."""
    notes: tuple[str, ...] = ()
    """What was noticed while its weights were read."""


def method_ref(method: FoundMethod, weights: ChosenWeights | None = None, *, untrained: bool = False) -> MethodRef:
    """What a run record says of a method, known before its code is imported or its weights are read."""
    record = method.record
    sha256 = weights.sha256 if weights is not None else None
    if method.is_checkpoint:
        sha256 = read_checkpoint_record(method.folder).weights.sha256
    return MethodRef(
        id=record.id,
        version=record.version,
        title=record.title,
        kind=record.kind,
        inputs=record.inputs,
        code_sha256=method.code_sha256,
        weights_sha256=sha256,
        weights_files=tuple(path.name for path in weights.paths) if weights is not None else (),
        untrained=untrained,
        parameters=record.parameters,
    )


def own_inference(record: BaselineRecord) -> Inference:
    """How the authors' own test sees a picture."""
    return Inference.parse(record.inference.default)


def refusal(method: FoundMethod, inference: Inference, dtype: Dtype = "float32") -> str | None:
    """Why a method cannot see pictures that way; None if it can."""
    if dtype != "float32" and method.record.kind != "network":
        return f"it is no network, so nothing of it can be run in {dtype}"
    if method.is_checkpoint and inference.kind in ("whole", "tiled", "tlc"):
        return None
    if inference.kind == "whole" or inference.kind in method.record.inference.supported:
        return None
    known = " or ".join(method.record.inference.supported)
    return "it works on whole pictures only" if known == "whole" else f"it cannot be run {inference.kind}, only {known}"


def load_method(
    id_or_path: str | Path | FoundMethod,
    *,
    device: str = "cpu",
    inference: Inference | None = None,
    ensemble: Ensemble = "none",
    dtype: Dtype = "float32",
    weights: str | Path | None = None,
    untrained: bool = False,
) -> LoadedMethod:
    """Build a method: from its checkpoint, or by importing its folder's code.

    Args:
        id_or_path: An id, a plugin folder or a checkpoint folder.
        device: Where a network runs.
        inference: How it sees a picture; None for the way of its authors' own test.
        ensemble: ``x4`` for the mean over the flips.
        dtype: Of a network's arithmetic.
        weights: Weights in place of the published ones: see ``choose_weights``.
        untrained: Build a published network with fresh weights, for its time alone.

    Raises:
        UsageError: If no method is called that, its record is not valid, or it cannot be run that way.
        MethodError: If it cannot be imported or built, or contradicts its record.
        MissingPrerequisiteError: If something it needs is not there.
        IntegrityError: If weights are damaged or of another network.
    """
    method = id_or_path if isinstance(id_or_path, FoundMethod) else find_method(id_or_path)
    record = method.record
    if record.kind == "estimator":
        raise UsageError(f"{record.id} makes blur maps and restores no picture", hint="use it with `ldpbench blurmap`")
    if record.skipped:
        raise MissingPrerequisiteError(f"{record.id} is not offered: {record.skipped}")
    way = own_inference(record) if inference is None else inference
    reason = refusal(method, way, dtype)
    if reason is not None:
        raise UsageError(f"{record.id}: {reason}", hint="choose another way of inference")
    given = None if weights is None else str(weights)
    if untrained:
        if given is not None:
            raise UsageError(f"{record.id}: --untrained and --weights exclude each other", hint="choose one of them")
        chosen = None
    else:
        chosen = choose_weights(method, given)
    loaded = _build(method, device, way, chosen)
    if loaded.deblurrer.inputs != record.inputs:
        raise MethodError(
            f"{record.id}: its code wants {loaded.deblurrer.inputs}, its record says {record.inputs}",
            hint="make them equal",
        )
    deblurrer = loaded.deblurrer if dtype == "float32" else InPrecision(loaded.deblurrer, dtype)
    return replace(loaded, deblurrer=SelfEnsemble(deblurrer) if ensemble == "x4" else deblurrer)


def _build(method: FoundMethod, device: str, way: Inference, chosen: ChosenWeights | None) -> LoadedMethod:
    if method.is_checkpoint:
        from ldpbench.methods.checkpoint import load_network_method

        deblurrer: Deblurrer = load_network_method(method.folder, device=device, inference=way)
        return LoadedMethod(method.record, deblurrer, method.code_sha256)
    module = load_folder_package(method.folder)
    network: nn.Module | None = None
    notes: tuple[str, ...] = ()
    if method.record.kind == "network":
        from ldpbench.methods.published import prepare_network

        network, notes = prepare_network(method, module, chosen, way, device)
    built = _called(method, module, network)
    return LoadedMethod(method.record, _in_the_way(built, way), method.code_sha256, chosen, network, notes)


def _called(method: FoundMethod, module: ModuleType, network: nn.Module | None) -> Deblurrer:
    build = plugin_function(module, method.folder, "build")
    assert build is not None, "demanded"
    deblurrer = build() if network is None else build(network, method.record)
    if not isinstance(deblurrer, Deblurrer):
        raise MethodError(
            f"build() of {method.record.id} returned {type(deblurrer).__name__}, expected a Deblurrer",
            hint="derive it from ldpbench.api.Deblurrer",
        )
    return deblurrer


def plugin_function(
    module: ModuleType, folder: Path, name: str, *, optional: bool = False
) -> Callable[..., Any] | None:
    """A function that a plugin exports.

    Raises:
        MethodError: If it is not there and has to be.
    """
    function = getattr(module, name, None)
    if callable(function):
        return function  # type: ignore[no-any-return]  # a plugin's own, checked by what it returns
    if optional:
        return None
    raise MethodError(f"{folder / '__init__.py'} has no {name}() function", hint="see docs/add-a-method.md")


def _in_the_way(deblurrer: Deblurrer, way: Inference) -> Deblurrer:
    from ldpbench.methods.parts import InParts

    if way.kind in ("tiled", "windows"):
        return InParts(deblurrer, way)
    if way.crop_px is not None:
        deblurrer.crop_px = way.crop_px
    return deblurrer


def baseline_records() -> Mapping[str, BaselineRecord]:
    """Every installed method's record by id."""
    from ldpbench.methods.find import find_methods

    return {name: method.record for name, method in find_methods().items()}
