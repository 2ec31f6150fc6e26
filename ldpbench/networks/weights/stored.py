"""Tensors as checkpoints describe them: a storage, and where in it the numbers lie. Nothing is read until asked for."""

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from ldpbench.core.errors import IntegrityError
from ldpbench.networks.weights.faults import FETCH_AGAIN, refuse_sizes, shown

STORAGE_TYPES: Final[Mapping[str, torch.dtype]] = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "ComplexFloatStorage": torch.complex64,
    "ComplexDoubleStorage": torch.complex128,
    "UntypedStorage": torch.uint8,
}
_MAX_DIMENSIONS = 64
"""Of a torch tensor."""


@dataclass(frozen=True)
class StoredStorage:
    """A run of numbers in a file."""

    key: str
    dtype: torch.dtype
    count: int
    """Elements that the file claims."""
    base: int = 0
    """First element of a view of another storage, as old files have them."""


@dataclass(frozen=True)
class StoredTensor:
    """A tensor that is still in its file."""

    storage: StoredStorage
    dtype: torch.dtype
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


Fetch = Callable[[StoredStorage], bytes]
"""The bytes of a storage, in this machine's order, as many as it claims."""


def materialise(entries: Mapping[str, StoredTensor], fetch: Fetch, path: Path, file_bytes: int) -> dict[str, Tensor]:
    """Read the tensors that are wanted; each storage once.

    Raises:
        IntegrityError: If a tensor claims more than its storage holds, or all of them more than the file can.
    """
    for name, stored in entries.items():
        fault = _fault(stored)
        if fault is not None:
            raise IntegrityError(f"{path}: the entry {shown(name)} {fault}", hint=FETCH_AGAIN)
    refuse_sizes(path, sum(math.prod(entry.shape) * entry.dtype.itemsize for entry in entries.values()), file_bytes)
    storages: dict[tuple[StoredStorage, torch.dtype], Tensor] = {}
    found: dict[str, Tensor] = {}
    for name, stored in entries.items():
        if math.prod(stored.shape) == 0:
            found[name] = torch.empty(stored.shape, dtype=stored.dtype)
            continue
        place = (replace(stored.storage, base=0), stored.dtype)
        if place not in storages:
            storages[place] = torch.frombuffer(bytearray(fetch(stored.storage)), dtype=stored.dtype)
        found[name] = storages[place].as_strided(stored.shape, stored.stride, stored.offset).contiguous()
    return found


def _fault(stored: StoredTensor) -> str | None:
    """What is wrong with a tensor's claim, before anything is allocated for it."""
    shape, stride, storage = stored.shape, stored.stride, stored.storage
    if len(shape) != len(stride) or len(shape) > _MAX_DIMENSIONS or min((*shape, *stride, stored.offset, 0)) < 0:
        return f"has no sensible layout: {len(shape)} sizes, {len(stride)} strides, offset {stored.offset}"
    holds = storage.count * storage.dtype.itemsize // stored.dtype.itemsize
    count = math.prod(shape)
    last = stored.offset + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
    if count and (count > holds or last >= holds):
        return f"claims {count} numbers up to number {last + 1}, and its storage holds {holds}"
    return None


def native(data: bytes, dtype: torch.dtype, *, little_endian: bool) -> bytes:
    """Numbers of a file in this machine's byte order."""
    if little_endian == (sys.byteorder == "little") or dtype.itemsize == 1:
        return data
    size = dtype.itemsize // (2 if dtype.is_complex else 1)
    return torch.frombuffer(bytearray(data), dtype=torch.uint8).view(-1, size).flip(1).numpy().tobytes()
