"""What a part of a step costs, without making the device wait."""

import time
from collections.abc import Callable

import torch


class Stopwatch:
    """Adds up laps. On a CUDA device a lap is the device's own time, and is read only when asked for."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._pending: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []

    def start(self, device: torch.device) -> Callable[[], None]:
        """Begin a lap; call what comes back at its end."""
        if device.type != "cuda":
            began = time.perf_counter()
            return lambda: self._add(time.perf_counter() - began)
        first = _mark(device)
        return lambda: self._pending.append((first, _mark(device)))

    def _add(self, seconds: float) -> None:
        self._seconds += seconds

    @property
    def seconds(self) -> float:
        """The sum of all laps so far. On a CUDA device this waits for the last of them."""
        for first, last in self._pending:
            last.synchronize()
            self._add(first.elapsed_time(last) / 1000)
        self._pending.clear()
        return self._seconds


def _mark(device: torch.device) -> torch.cuda.Event:
    event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]  # torch leaves it untyped
    event.record(torch.cuda.current_stream(device))
    return event
