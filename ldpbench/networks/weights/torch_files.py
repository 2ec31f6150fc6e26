"""Torch checkpoints: the zip files of torch 1.6 and later, and the bare pickles before them.

Both are read by the machine of ``pickles.py``: what torch's own restricted reader refuses because of a scheduler or a
name space beside the weights is readable here, and still nothing of the file is run.
"""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from torch import Tensor

from ldpbench.core.errors import IntegrityError
from ldpbench.networks.weights.faults import FETCH_AGAIN, shown
from ldpbench.networks.weights.pickles import Global, PickleError, unpickle
from ldpbench.networks.weights.stored import StoredStorage, native
from ldpbench.networks.weights.torch_globals import MAX_SIZE, TorchBuilder, storage_dtype
from ldpbench.networks.weights.unwrap import state_dict
from ldpbench.networks.weights.zips import Archive

_MAGIC: Final = 0x1950A86A20F9469CFC6C
_PROTOCOL: Final = 1001
_COUNT_BYTES: Final = 8
"""Before every storage: how many numbers follow."""


def parse_torch_zip(data: bytes, path: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The state dict in a zip checkpoint, wrappers and prefixes stripped.

    Args:
        data: The whole file.
        path: Where it came from.

    Returns:
        The tensors, and what was noticed on the way.

    Raises:
        IntegrityError: If it is a program, hostile, or holds no state dict.
        Exception: Of any kind, if it is damaged: ``read_weights`` words it.
    """
    archive = Archive(data, path)
    pickled = [name for name in archive.names if name == "data.pkl" or name.endswith("/data.pkl")]
    root = min(pickled, key=len).removesuffix("data.pkl")
    if any(name.startswith(f"{root}code/") or name == f"{root}constants.pkl" for name in archive.names):
        raise IntegrityError(
            f"{path} is a TorchScript archive, which is a program: it is not run",
            hint="save the weights alone: torch.save(model.state_dict(), ...)",
        )
    little = f"{root}byteorder" not in archive.names or archive.read(f"{root}byteorder") != b"big"

    def fetch(storage: StoredStorage) -> bytes:
        numbers = archive.read(f"{root}data/{storage.key}")
        return native(_whole(numbers, storage, path), storage.dtype, little_endian=little)

    tree = unpickle(io.BytesIO(archive.read(f"{root}data.pkl")), TorchBuilder(path, _storage))
    return state_dict(tree, fetch, path, len(data))


def parse_torch_legacy(data: bytes, path: Path) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The state dict in a checkpoint of torch before 1.6: five pickles and the storages; see ``parse_torch_zip``."""
    stream = io.BytesIO(data)
    storages: dict[str, StoredStorage] = {}

    def storage(identity: Any) -> StoredStorage | Global:
        found = _legacy_storage(identity)
        if isinstance(found, StoredStorage):
            storages.setdefault(found.key, found)
        return found

    builder = TorchBuilder(path, storage)
    _demand_magic(unpickle(stream, builder), path)
    protocol, system = unpickle(stream, builder), unpickle(stream, builder)
    if protocol != _PROTOCOL or not isinstance(system, dict):
        raise PickleError("it does not start like a checkpoint of torch")
    tree = unpickle(stream, builder)
    places = _places(stream, unpickle(stream, builder), storages)
    little = system.get("little_endian", True) is not False

    def fetch(wanted: StoredStorage) -> bytes:
        if wanted.key not in places:
            raise IntegrityError(f"{path} lacks the storage {shown(wanted.key)}", hint=FETCH_AGAIN)
        start, end = places[wanted.key]
        return native(_whole(data[start:end], wanted, path), wanted.dtype, little_endian=little)

    return state_dict(tree, fetch, path, len(data))


def _demand_magic(first: Any, path: Path) -> None:
    if first != _MAGIC:
        raise IntegrityError(
            f"{path} is a pickle that torch did not write, which is not opened",
            hint="save the weights with torch.save(model.state_dict(), ...)",
        )


def _storage(identity: Any) -> StoredStorage:
    """The storage that a zip checkpoint means: ``("storage", class, key, device, count)``."""
    if not isinstance(identity, tuple) or len(identity) != 5 or identity[0] != "storage":
        raise PickleError("it refers to something that is no storage")
    _, kind, key, _, count = identity
    if not isinstance(key, str) or type(count) is not int or not 0 <= count < MAX_SIZE:
        raise PickleError("it describes a storage as torch does not")
    return StoredStorage(key, storage_dtype(kind), count)


def _legacy_storage(identity: Any) -> StoredStorage | Global:
    """The same of an older file, which adds a view of the storage, and the source code to the classes of modules."""
    match identity:
        case ("module", Global() as wanted, *_):
            return wanted
        case (*storage, None):
            return _storage(tuple(storage))
        case (*storage, (_, int(first), _)) if 0 <= first < MAX_SIZE:
            return replace(_storage(tuple(storage)), base=first)
    raise PickleError("it refers to something that is no storage")


def _places(stream: io.BytesIO, keys: Any, storages: dict[str, StoredStorage]) -> dict[str, tuple[int, int]]:
    """Where the storages lie, one after the other: a count and the numbers."""
    if not isinstance(keys, list):
        raise PickleError("it does not say in which order its storages lie")
    places: dict[str, tuple[int, int]] = {}
    for key in keys:
        if not isinstance(key, str) or key not in storages:
            raise PickleError("it lists a storage that nothing refers to")
        count = int.from_bytes(stream.read(_COUNT_BYTES), "little", signed=True)
        start = stream.tell()
        size = count * storages[key].dtype.itemsize
        if count != storages[key].count or stream.seek(0, io.SEEK_END) < start + size:
            raise PickleError(f"the storage {key} is cut: it claims {storages[key].count} numbers")
        places[key] = (start, stream.seek(start + size))
    return places


def _whole(numbers: bytes, storage: StoredStorage, path: Path) -> bytes:
    """The numbers, if there are as many as the file claims."""
    if len(numbers) != storage.count * storage.dtype.itemsize:
        raise IntegrityError(
            f"{path}: the storage {shown(storage.key)} claims {storage.count * storage.dtype.itemsize} bytes and has "
            f"{len(numbers)}",
            hint=FETCH_AGAIN,
        )
    return numbers
