"""Keras' HDF5 files: ``model.save("x.h5")`` and ``save_weights`` of Keras 2."""

import io
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from ldpbench.core.errors import IntegrityError
from ldpbench.networks.weights.faults import refuse_sizes, shown
from ldpbench.networks.weights.numbers import demand_numbers, native_order

_LAYERS, _WEIGHTS = "layer_names", "weight_names"
_KERAS_3 = ("layers", "_layer_checkpoint_dependencies", "vars")
_CONFIG = "model_config"
_MAX_CHUNKS = 10_000
_GIVE = "give the file with the weights"


def parse_keras(data: bytes, path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a Keras file as ``layer/weight:0``, in the order of its layers.

    Args:
        data: The whole file.
        path: Where it came from, for messages.

    Raises:
        IntegrityError: If it is damaged or no Keras 2 file.
    """
    with h5py.File(io.BytesIO(data), "r") as file:
        root = _group(file, "model_weights", path) if "model_weights" in file else file
        if not any(name in root.attrs for name in (_LAYERS, f"{_LAYERS}0")):
            raise _not_keras(root, path)
        datasets = _datasets(root, path)
        claimed = sum(math.prod(dataset.shape) * dataset.dtype.itemsize for dataset in datasets.values())
        refuse_sizes(path, claimed, len(data), "its arrays")
        return {key: native_order(np.asarray(dataset[()])) for key, dataset in datasets.items()}


def model_config(data: bytes) -> Mapping[str, Any] | None:
    """What a whole saved model says of its layers, such as their activations; None if it says nothing readable.

    Args:
        data: The whole file, which ``parse_keras`` has read.
    """
    with h5py.File(io.BytesIO(data), "r") as file:
        text = file.attrs.get(_CONFIG)
    try:
        found = json.loads(text) if isinstance(text, str | bytes) else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _datasets(root: Any, path: Path) -> dict[str, Any]:
    """All arrays by key, not yet read."""
    found: dict[str, Any] = {}
    for layer in _words(root.attrs, _LAYERS):
        group = _group(root, layer, path)
        names = _words(group.attrs, _WEIGHTS)
        for key, name in zip(_keys(layer, names), names, strict=True):
            if key in found:
                raise IntegrityError(f"{path} names the array {shown(key)} twice", hint=_GIVE)
            found[key] = _dataset(group, name, path)
    return found


def _not_keras(root: Any, path: Path) -> IntegrityError:
    if any(name in root for name in _KERAS_3):
        return IntegrityError(
            f"{path} is a weights file of Keras 3, which does not name its arrays",
            hint="load it in Keras and save the model as .h5 with Keras 2 (tf_keras)",
        )
    inside = ", ".join(map(shown, list(root)[:8])) or "nothing"
    return IntegrityError(
        f"{path} is an HDF5 file, but not of Keras: it has no attribute {_LAYERS}; found {inside}",
        hint=_GIVE,
    )


def _words(attributes: Mapping[str, Any], name: str) -> list[str]:
    """A list of names; one too long for an attribute lies in ``name0``, ``name1``, and so on."""
    if name in attributes:
        raw = list(np.atleast_1d(attributes[name]))
    else:
        chunks: list[Any] = []
        while f"{name}{len(chunks)}" in attributes and len(chunks) < _MAX_CHUNKS:
            chunks.append(np.atleast_1d(attributes[f"{name}{len(chunks)}"]))
        raw = [word for chunk in chunks for word in chunk]
    return [word.decode("utf-8") if isinstance(word, bytes) else str(word) for word in raw]


def _keys(layer: str, names: Sequence[str]) -> list[str]:
    """``layer/weight:0`` for the weights of a layer, whatever path the file gives them.

    Layers within layers can have two weights of one last name; theirs keep the whole path.
    """
    last = [name.rpartition("/")[2] for name in names]
    twice = any(count > 1 for count in Counter(last).values())
    short = [name.removeprefix(f"{layer}/") for name in names] if twice else last
    return [f"{layer}/{name}" if ":" in name else f"{layer}/{name}:0" for name in short]


def _child(group: Any, name: str, path: Path) -> Any:
    """A member of a group, if it lies in this file: links to other files are not followed."""
    here = group
    for part in filter(None, name.split("/")):
        if not isinstance(here, h5py.Group) or not isinstance(here.get(part, getlink=True), h5py.HardLink):
            raise IntegrityError(
                f"{path}: {shown(name)} does not lie in this file", hint="get the weights from their publisher"
            )
        here = here[part]
    return here


def _group(group: Any, name: str, path: Path) -> Any:
    found = _child(group, name, path)
    if not isinstance(found, h5py.Group):
        raise IntegrityError(f"{path}: {shown(name)} is no group of arrays", hint=_GIVE)
    return found


def _dataset(group: Any, name: str, path: Path) -> Any:
    found = _child(group, name, path)
    if not isinstance(found, h5py.Dataset) or found.shape is None or found.external or found.is_virtual:
        raise IntegrityError(f"{path}: {shown(name)} is no array in this file", hint=_GIVE)
    demand_numbers(name, found.dtype, path)
    return found
