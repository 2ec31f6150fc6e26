"""Checkpoints of torch's first year: a tar of storages, tensors and a pickle that refers to them by number."""

import io
import struct
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from torch import Tensor

from ldpbench.core.errors import IntegrityError
from ldpbench.networks.weights.faults import shown
from ldpbench.networks.weights.pickles import Global, PickleError, is_plain, unpickle
from ldpbench.networks.weights.stored import StoredStorage, StoredTensor
from ldpbench.networks.weights.torch_globals import TorchBuilder, storage_dtype
from ldpbench.networks.weights.unwrap import state_dict

_MEMBERS: Final = ("storages", "tensors", "pickle")
_MAX_DIMENSIONS: Final = 64


def looks_like_tar(head: bytes) -> bool:
    """Whether the bytes start like a tar archive."""
    return head[257:262] == b"ustar"


def parse_torch_tar(data: bytes, path: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The state dict in a tar checkpoint; see ``parse_torch_zip``."""
    members = _members(data, path)
    storages, places = _storages(io.BytesIO(members["storages"]), path)
    tensors = _tensors(io.BytesIO(members["tensors"]), storages, path)
    tree = unpickle(io.BytesIO(members["pickle"]), TorchBuilder(path, lambda identity: _object(identity, tensors)))

    def fetch(wanted: StoredStorage) -> bytes:
        start, end = places[wanted.key]
        return members["storages"][start:end]

    return state_dict(tree, fetch, path, len(data))


def _members(data: bytes, path: Path) -> dict[str, bytes]:
    """The three members; nothing is written to the disk."""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        sizes = {member.name: member for member in archive.getmembers() if member.isreg() and not member.issparse()}
        read: dict[str, bytes] = {}
        for name in _MEMBERS:
            stream = archive.extractfile(sizes[name]) if name in sizes else None
            if stream is not None:
                read[name] = stream.read()
        if len(read) == len(_MEMBERS):
            return read
        inside = ", ".join(map(shown, list(sizes)[:8])) or "nothing"
    raise IntegrityError(
        f"{path} is a tar archive, not weights; it holds {inside}", hint="unpack it and give the file with the weights"
    )


def _storages(stream: io.BytesIO, path: Path) -> tuple[dict[str, StoredStorage], dict[str, tuple[int, int]]]:
    """The storages and their places; then the views of them."""
    builder = TorchBuilder(path, _no_object)
    storages: dict[str, StoredStorage] = {}
    places: dict[str, tuple[int, int]] = {}
    for _ in range(_count(unpickle(stream, builder))):
        key, _device, kind = unpickle(stream, builder)
        name = _name(key)
        dtype = storage_dtype(kind)
        (count,) = struct.unpack("<q", stream.read(8))
        start = stream.tell()
        end = start + count * dtype.itemsize
        if count < 0 or stream.seek(0, io.SEEK_END) < end:
            raise PickleError(f"the storage {name} is cut: it claims {count} numbers")
        stream.seek(end)
        storages[name] = StoredStorage(name, dtype, count)
        places[name] = (start, end)
    for view, root, offset, _count_in_view in unpickle(stream, builder):
        storages[_name(view)] = replace(storages[_name(root)], base=_count(offset))
    return storages, places


def _tensors(stream: io.BytesIO, storages: Mapping[str, StoredStorage], path: Path) -> dict[str, StoredTensor]:
    builder = TorchBuilder(path, _no_object)
    tensors: dict[str, StoredTensor] = {}
    for _ in range(_count(unpickle(stream, builder))):
        key, storage_key, _kind = unpickle(stream, builder)
        dimensions, _unused = struct.unpack("<ii", stream.read(8))
        if not 0 <= dimensions <= _MAX_DIMENSIONS:
            raise PickleError(f"a tensor claims {dimensions} dimensions")
        numbers = struct.unpack(f"<{2 * dimensions + 1}q", stream.read(8 * (2 * dimensions + 1)))
        storage = storages[_name(storage_key)]
        tensors[_name(key)] = StoredTensor(
            storage,
            storage.dtype,
            numbers[-1] + storage.base,
            numbers[:dimensions],
            numbers[dimensions : 2 * dimensions],
        )
    return tensors


def _object(identity: Any, tensors: Mapping[str, StoredTensor]) -> StoredTensor | Global:
    """A tensor by its number, or the class of a module with its source code."""
    if isinstance(identity, tuple) and identity and isinstance(identity[0], Global):
        return identity[0]
    if _name(identity) not in tensors:
        raise PickleError("it refers to a tensor that is not there")
    return tensors[_name(identity)]


def _no_object(_identity: Any) -> Any:
    raise PickleError("it refers to something where nothing can be")


def _name(key: Any) -> str:
    """Storages and tensors go by number."""
    if not is_plain(key):
        raise PickleError("it names something by what is no number")
    return str(key)


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise PickleError("it counts by something that is no number")
    return value
