"""Weights files of every format, small, and the ways in which they go wrong."""

import io
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor


def small_state(seed: int = 0) -> dict[str, Tensor]:
    """A state dict with a matrix, a vector, a counter, and a transposed view."""
    generator = torch.Generator().manual_seed(seed)
    return {
        "body.weight": torch.randn(4, 3, 3, 3, generator=generator),
        "body.bias": torch.randn(4, generator=generator),
        "norm.num_batches_tracked": torch.tensor(7),
        "head.weight": torch.randn(5, 4, generator=generator).t(),
    }


def small_arrays(seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Arrays as Keras names them, layers not in the order of the alphabet."""
    draws = np.random.default_rng(seed)
    shapes = {"conv_b/kernel:0": (3, 3, 2, 4), "conv_b/bias:0": (4,), "conv_a/kernel:0": (2, 2, 4, 1)}
    return {key: draws.standard_normal(shape).astype(np.float32) for key, shape in shapes.items()}


def write_torch(path: Path, content: Any, *, legacy: bool = False) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    return path


def write_safetensors(path: Path, state: Mapping[str, Tensor]) -> Path:
    save_file({key: value.contiguous() for key, value in state.items()}, path)
    return path


def write_tensorlayer(path: Path, arrays: Mapping[str, NDArray[Any]]) -> Path:
    with path.open("wb") as stream:
        np.savez(stream, **arrays)
    return path


def write_keras(
    path: Path,
    arrays: Mapping[str, NDArray[Any]],
    *,
    root: str = "model_weights",
    chunked: bool = False,
    as_text: bool = False,
    weightless: str = "input_1",
) -> Path:
    """An HDF5 file as Keras 2 lays it out: every array below its layer, and below the layer's name once more."""
    with h5py.File(path, "w") as file:
        group = file.require_group(root) if root else file
        by_layer: dict[str, list[str]] = {weightless: []}
        for key in arrays:
            by_layer.setdefault(key.partition("/")[0], []).append(key)
        _write_words(group, "layer_names", list(by_layer), chunked=chunked, as_text=as_text)
        for layer, keys in by_layer.items():
            _write_words(group.create_group(layer), "weight_names", keys, chunked=False, as_text=as_text)
            for key in keys:
                group[layer][key] = arrays[key]
        file.require_group("optimizer_weights")
    return path


def _write_words(group: Any, name: str, words: list[str], *, chunked: bool, as_text: bool) -> None:
    kind = h5py.string_dtype() if as_text else "S64"
    if not chunked:
        group.attrs[name] = np.array([word if as_text else word.encode() for word in words], dtype=kind)
        return
    for number, word in enumerate(words):
        group.attrs[f"{name}{number}"] = np.array([word if as_text else word.encode()], dtype=kind)


class _TarPickler(pickle.Pickler):
    """Tensors by number, as the first releases of torch wrote them."""

    def __init__(self, stream: io.BytesIO, numbers: dict[int, int]) -> None:
        super().__init__(stream, protocol=2)
        self._numbers = numbers

    def persistent_id(self, thing: Any) -> int | None:
        return self._numbers.get(id(thing)) if isinstance(thing, Tensor) else None


def write_torch_tar(path: Path, state: Mapping[str, Tensor]) -> Path:
    """A tar checkpoint of float32 tensors; the last tensor looks at a view of its storage."""
    storages, tensors, content = io.BytesIO(), io.BytesIO(), io.BytesIO()
    values = list(state.values())
    pickle.dump(len(values), storages, protocol=2)
    for number, value in enumerate(values):
        pickle.dump((100 + number, "cpu", torch.FloatStorage), storages, protocol=2)
        flat = value.contiguous().flatten().tolist()
        storages.write(struct.pack(f"<q{len(flat)}f", len(flat), *flat))
    last = 100 + len(values) - 1
    pickle.dump([(999, last, 0, values[-1].numel())], storages, protocol=2)
    pickle.dump(len(values), tensors, protocol=2)
    for number, value in enumerate(values):
        storage = 999 if number == len(values) - 1 else 100 + number
        pickle.dump((number, storage, torch.FloatTensor), tensors, protocol=2)
        whole = value.contiguous()
        layout = (*whole.shape, *whole.stride(), 0)
        tensors.write(struct.pack(f"<ii{len(layout)}q", whole.dim(), 0, *layout))
    _TarPickler(content, {id(value): number for number, value in enumerate(values)}).dump(dict(state))
    with tarfile.open(path, "w") as archive:
        for name, stream in (("storages", storages), ("tensors", tensors), ("pickle", content)):
            member = tarfile.TarInfo(name)
            member.size = len(stream.getvalue())
            archive.addfile(member, io.BytesIO(stream.getvalue()))
    return path


class Calls:
    """Pickles as a call of some global with some arguments, which happens when Python's own unpickler reads it."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self._call


def replace_pickle(path: Path, pickled: bytes) -> Path:
    """Put another pickle into a torch zip checkpoint."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, pickled if name.endswith("data.pkl") else data)
    return path


def pickle_of(path: Path) -> bytes:
    """The pickle in a torch zip checkpoint."""
    with zipfile.ZipFile(path) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith("data.pkl")))
