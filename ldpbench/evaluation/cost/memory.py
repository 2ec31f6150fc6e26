"""The most memory that a call holds."""

import ctypes
import gc
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from ldpbench.records.cost import MemoryKind

_STATM, _STATUS, _CLEAR = Path("/proc/self/statm"), Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"
_PAUSE_S = 0.001


@dataclass
class Peak:
    """Filled in when the block ends; None where the platform does not tell."""

    bytes: int | None = None
    kind: MemoryKind | None = None


@contextmanager
def watching_memory(device: torch.device, peak: Peak) -> Iterator[None]:
    """Find the peak of a block.

    On a GPU it is the most that torch had allocated at once. On a CPU it is by how much the process grew: freed memory
    is given back before, so that the block has to take its own.
    """
    gc.collect()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        yield
        torch.cuda.synchronize(device)
        peak.bytes, peak.kind = torch.cuda.max_memory_allocated(device), "cuda-allocated"
    elif _STATM.exists():
        give_back_freed()
        cleared = _reset_kernel_peak()
        before = _resident()
        with _sampled() as seen:
            yield
        highest = max([*seen, *([_kernel_peak()] if cleared else [])])
        peak.bytes, peak.kind = max(highest - before, 0), "resident-increase"
    else:
        yield


def give_back_freed() -> None:
    """Ask glibc to return what was freed to the system; other C libraries have no such call."""
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def _resident() -> int:
    return int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _reset_kernel_peak() -> bool:
    """Let the kernel's own record of the highest value start anew; not allowed everywhere."""
    try:
        _CLEAR.write_text(_RESET_PEAK, encoding="ascii")
    except OSError:
        return False
    return True


def _kernel_peak() -> int:
    found = re.search(r"^VmHWM:\s+(\d+) kB", _STATUS.read_text(encoding="ascii", errors="replace"), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


@contextmanager
def _sampled() -> Iterator[list[int]]:
    """Look about every millisecond; the list grows by each new highest value."""
    seen, done = [_resident()], threading.Event()

    def look() -> None:
        while not done.is_set():
            now = _resident()
            if now > seen[-1]:
                seen.append(now)
            time.sleep(_PAUSE_S)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()
        seen.append(max(_resident(), seen[-1]))
