"""Noticing that a compiler worked during a call."""

import sys
from typing import Any, Literal

from numba.core import event

Compiler = Literal["dynamo", "numba"]

_NUMBA_WORKS = "numba:compiler_lock"
"""numba takes this lock to compile a function for new types, and to load what it compiled before from disk."""


class CompilerWatch:
    """Which compilers have worked since the last time somebody asked: torch.compile, and numba."""

    def __init__(self) -> None:
        self._numba = _Listener()
        event.register(_NUMBA_WORKS, self._numba)  # type: ignore[no-untyped-call]  # numba has no types
        self._before = self._counts()

    def close(self) -> None:
        """Listen no longer."""
        event.unregister(_NUMBA_WORKS, self._numba)  # type: ignore[no-untyped-call]  # numba has no types

    def worked(self) -> tuple[Compiler, ...]:
        """The compilers that worked since the last call of this, or since the start."""
        now, before = self._counts(), self._before
        self._before = now
        return tuple(name for name in now if now[name] > before[name])

    def _counts(self) -> dict[Compiler, int]:
        return {"dynamo": _dynamo_frames(), "numba": self._numba.heard}


class _Listener(event.Listener):
    def __init__(self) -> None:
        self.heard = 0

    def on_start(self, event: Any) -> None:
        self.heard += 1

    def on_end(self, event: Any) -> None:
        """Counted when it started."""


def _dynamo_frames() -> int:
    """What torch.compile has translated, piece by piece."""
    utils: Any = sys.modules.get("torch._dynamo.utils")  # what nobody has imported has compiled nothing
    return 0 if utils is None else sum(utils.counters["frames"].values()) + sum(utils.counters["inductor"].values())
