"""How much memory a network takes, how much there is, and what it looks like when it runs out."""

import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

from ldpbench.core.errors import UsageError
from ldpbench.networks.statistics import sharing

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30}
_CGROUP = Path("/sys/fs/cgroup/memory.max")
_CGROUP_NOW = Path("/sys/fs/cgroup/memory.current")
SCRATCH = 1.3
"""What libraries take beside the tensors that torch knows of, as a share of those."""
CROWDING = 2.0
"""What tensors of many tiles take that stay while others come and go between them, as a share of their own size."""


def parse_memory(text: str) -> int:
    """Bytes of ``3GB``, ``512 MiB`` or a plain number.

    Raises:
        UsageError: If it is none of those.
    """
    plain = text.strip().lower().removesuffix("b").strip()
    digits = plain.rstrip("kmgi").strip()
    unit = plain[len(digits) :].strip()
    try:
        found = int(float(digits) * _UNITS[unit])
    except (ValueError, KeyError) as error:
        raise UsageError(f"memory: expected an amount such as 3GB or 512MiB, found {text!r}") from error
    if found <= 0:
        raise UsageError(f"memory: expected more than nothing, found {text!r}")
    return found


def free_bytes(device: torch.device) -> int:
    """Memory that can be had now: of the GPU, or of the machine within the limits of its control group."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free) + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    found = [_available()]
    if _CGROUP.is_file() and _CGROUP_NOW.is_file() and (limit := _CGROUP.read_text().strip()) != "max":
        found.append(int(limit) - int(_CGROUP_NOW.read_text()))
    return min(found)


def taken_bytes(device: torch.device) -> int:
    """Memory that this process has now: on the GPU, or resident; 0 where the platform does not tell."""
    if device.type == "cuda":
        return torch.cuda.memory_reserved(device)
    resident = Path("/proc/self/statm")
    return int(resident.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if resident.is_file() else 0


def _available() -> int:
    info = Path("/proc/meminfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on whatever device."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    said = str(error).lower()
    return isinstance(error, RuntimeError) and ("can't allocate memory" in said or "out of memory" in said)


def release(device: torch.device) -> None:
    """Give back what a failed attempt left behind."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


class _Live(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's
    """Counts the bytes of all tensors that are made and still alive."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's
        self.peak = self.paused = 0
        self._storages: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = function(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, tuple | list) else (made,):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                self._storages[storage._cdata] = (
                    StorageWeakRef(storage),  # type: ignore[no-untyped-call]  # torch's
                    storage.nbytes(),
                )
        self.peak = max(self.peak, self.alive())
        return made

    def alive(self) -> int:
        """Bytes of what has not been freed."""
        expired = [key for key, (storage, _) in self._storages.items() if storage.expired()]  # type: ignore[no-untyped-call]  # torch's
        for key in expired:
            del self._storages[key]
        return sum(size for _, size in self._storages.values())

    # As a ``Share`` of one tile: how much is alive wherever the network stops for the others.
    def owned(self, height: int, width: int) -> tuple[slice, slice]:
        return slice(0, height), slice(0, width)

    def summed(self, parts: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        self.paused = max(self.paused, self.alive())
        return parts


def memory_of(call: Callable[[], Tensor]) -> tuple[int, int]:
    """Bytes that a call takes.

    Tensors are counted as they come and go, so that neither earlier work nor an allocator that keeps what was freed
    hides anything; scratch memory inside operators is not seen (see ``SCRATCH``).

    Returns:
        The most that is alive at a time, and the most that is alive where it asks for a sum over the picture.
    """
    with _Live() as live, sharing(live):
        made = call()
    del made
    return live.peak, live.paused
