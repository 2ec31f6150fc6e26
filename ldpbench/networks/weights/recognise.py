"""Which network a weights file is for, and loading it there."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ldpbench.core.errors import IntegrityError, LdpbenchError, MethodError
from ldpbench.core.resources import load_folder_package, record_folders
from ldpbench.networks.build import build_published
from ldpbench.networks.weights.read import WeightsFile
from ldpbench.records.baseline import RECORD_FILE

_COUNTER = "num_batches_tracked"
"""Batch normalisation counts since torch 0.4.1; older files lack it, and nothing in a trained network reads it."""


@dataclass(frozen=True)
class Recognised:
    """A network that weights are for."""

    baseline: str
    """The plugin folder's id."""
    options: dict[str, Any]
    """For its ``build_network``."""
    state: dict[str, Tensor]
    """By the names of its module."""

    def __str__(self) -> str:
        options = ", ".join(f"{name}={value}" for name, value in self.options.items())
        return f"{self.baseline} with {options}" if options else self.baseline


def recognise(weights: WeightsFile) -> Recognised | None:
    """Ask every plugin folder whether it knows the weights; the one that more entries fit wins.

    Raises:
        MethodError: If a plugin's code fails.
    """
    found: list[tuple[Path, Recognised]] = []
    for name, folder in record_folders("baselines", RECORD_FILE).items():
        recognised = _ask(name, folder, weights)
        if recognised is not None:
            found.append((folder, recognised))
    if len(found) < 2:
        return found[0][1] if found else None
    return max(found, key=lambda item: _fitting(*item))[1]


def _ask(name: str, folder: Path, weights: WeightsFile) -> Recognised | None:
    """One plugin's answer; those without ``infer_options`` are no networks."""
    if not (folder / "__init__.py").is_file():
        return None
    module = load_folder_package(folder)
    infer = getattr(module, "infer_options", None)
    if infer is None:
        return None
    with plugin_asked(name, weights.path):
        state = named_state(module, weights)
        options = infer({key: tuple(value.shape) for key, value in state.items()}) if state is not None else None
    return Recognised(name, dict(options), state) if state is not None and options is not None else None


@contextmanager
def plugin_asked(name: str, path: Path) -> Iterator[None]:
    """A plugin is somebody else's code: whatever it raises in the block is told in one line.

    Args:
        name: Of the plugin.
        path: The weights that it is asked about.

    Raises:
        MethodError: In place of anything but our own errors.
    """
    try:
        yield
    except LdpbenchError:
        raise
    except Exception as error:
        detail = " ".join(str(error).split())
        raise MethodError(
            f"{name}: asked for the options of {path}, it failed: {type(error).__name__}: {detail}",
            hint="fix the plugin",
        ) from error


def named_state(module: ModuleType, weights: WeightsFile) -> dict[str, Tensor] | None:
    """A file's entries by the names of a plugin's torch module: as they are, or translated from Keras or TensorLayer.

    Args:
        module: The plugin's package, whose ``convert`` translates.
        weights: The file.

    Returns:
        Names and tensors; None if the plugin cannot translate them.
    """
    if weights.state is not None:
        return dict(weights.state)
    convert = getattr(module, "convert", None)
    converted = convert(weights.arrays) if callable(convert) else None
    if converted is None:
        return None
    return {str(key): torch.from_numpy(np.array(value)) for key, value in converted.items()}


def _fitting(folder: Path, recognised: Recognised) -> int:
    """How many entries fit the network that a plugin would build for them."""
    with torch.device("meta"):
        own = build_published(folder, recognised.options).state_dict()
    return sum(key in own and own[key].shape == value.shape for key, value in recognised.state.items())


def fit(
    network: nn.Module,
    state: Mapping[str, Tensor],
    path: Path,
    *,
    ignored: Sequence[str] = (),
    what: str,
    hint: str = "",
) -> None:
    """Load a state dict that must fit exactly.

    Floats of another precision are converted to that of the module's entry.

    Args:
        network: Where the numbers go.
        state: Names and tensors.
        path: Where they came from, for messages.
        ignored: Starts of names of entries that only training needs.
        what: The network in words, for messages.
        hint: What to do if they do not fit; empty for the name of the network that they look like.

    Raises:
        IntegrityError: With every missing and unexpected entry and every wrong shape or type; or if a weight is NaN or
            infinite.
    """
    own = network.state_dict()
    wanted = {key: value for key, value in state.items() if key in own or not key.startswith(tuple(ignored))}
    missing = [f"{key}: missing" for key in own if key not in wanted and not key.endswith(_COUNTER)]
    unexpected = [f"{key}: unexpected" for key in wanted if key not in own]
    shared = {key: value for key, value in wanted.items() if key in own}
    reshaped = [
        f"{key}: expected the shape {tuple(own[key].shape)}, found {tuple(value.shape)}"
        for key, value in shared.items()
        if own[key].shape != value.shape
    ]
    retyped = [
        f"{key}: expected {_name(own[key])}, found {_name(value)}"
        for key, value in shared.items()
        if not _converts(value, own[key])
    ]
    if missing or unexpected or reshaped or retyped:
        raise IntegrityError(
            f"the weights in {path} are of another network than {what}: of {len(own)} entries {len(missing)} are "
            f"missing, {len(reshaped)} have another shape, {len(retyped)} another type; {len(unexpected)} are "
            "unexpected",
            hint=hint or _likely(wanted, path, what),
            faults=[*missing, *reshaped, *retyped, *unexpected],
        )
    _demand_finite(shared, path)
    network.load_state_dict({**own, **{key: value.to(own[key].dtype) for key, value in shared.items()}})


def _name(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")


def _converts(value: Tensor, own: Tensor) -> bool:
    """Floats become floats of another precision, whole numbers whole numbers of another width; nothing else."""
    if value.is_complex() or own.is_complex():
        return value.dtype == own.dtype
    return value.is_floating_point() == own.is_floating_point() and (value.dtype == torch.bool) == (
        own.dtype == torch.bool
    )


def _demand_finite(state: Mapping[str, Tensor], path: Path) -> None:
    faults = [
        f"{key}: {int((~torch.isfinite(value)).sum())} of {value.numel()} numbers are NaN or infinite"
        for key, value in state.items()
        if not bool(torch.isfinite(value).all())
    ]
    if faults:
        raise IntegrityError(
            f"the weights in {path} are not all numbers: {faults[0]}",
            hint="fetch the file again, or take an earlier checkpoint of the training",
            faults=faults,
        )


def _likely(state: Mapping[str, Tensor], path: Path, what: str) -> str:
    """What the weights look like. A broken plugin must not hide the fault that is being told."""
    try:
        likely = recognise(WeightsFile(path, "", 0, "torch", None, dict(state)))
    except LdpbenchError:
        likely = None
    return f"it looks like {likely}" if likely is not None else f"give the weights of {what}"
