"""Calling until the times are those of finished code, and as often as there is time for."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from ldpbench.core.errors import MethodError
from ldpbench.evaluation.cost.compiling import Compiler, CompilerWatch

WARMUPS = 3
"""Calls at this size, those that other numbers are taken of among them, before one counts."""
MOST_WARMUPS = 30
REPEATS = 20
FEWEST = 3
BUDGET_S = 60.0
"""After so many seconds of calls that count no further one is made, but at least ``FEWEST`` are."""
SLOWER = 1.5
"""A first call that took so many times the median of those after it was still preparing something."""
_NOISE_S = 1e-3
"""A smaller difference than this is no sign of anything."""

Tell = Callable[[int, str], None]
"""Is told how many calls are done, and what to show of them."""


@dataclass(frozen=True)
class Times:
    """What came of it."""

    warmups: int
    compiled_by: tuple[Compiler, ...]
    seconds: tuple[float, ...]


def steady_times(
    call: Callable[[], float], watch: CompilerWatch, probed: int, repeats: int | None, tell: Tell
) -> Times:
    """Take the times of a call.

    A call during which a compiler worked makes it and all before it part of the warm-up. So does a first call that was
    much slower than those after it, whatever it was that it prepared.

    Args:
        call: Makes one call and returns its seconds.
        watch: Knows which compilers work.
        probed: Calls at this size that were made before.
        repeats: How many times to take; None for ``REPEATS``, or fewer where they take long.
        tell: Told of every call.

    Raises:
        MethodError: If the calls do not become steady.
    """
    warmups, seconds = probed, list[float]()
    compilers: dict[Compiler, None] = dict.fromkeys(watch.worked())
    while True:
        _demand_end(warmups, compilers)
        taken = max(round(call(), 9), 1e-9)
        worked = watch.worked()
        compilers |= dict.fromkeys(worked)
        if worked or warmups < WARMUPS:
            warmups, seconds = warmups + len(seconds) + 1, []
        else:
            seconds.append(taken)
            if _enough(seconds, repeats) and _first_is_slow(seconds):
                warmups, seconds = warmups + 1, seconds[1:]
        tell(min(warmups, WARMUPS) + len(seconds), f"{taken:.4g} s")
        if _enough(seconds, repeats):
            return Times(warmups, tuple(compilers), tuple(seconds))


def planned_calls(repeats: int | None) -> int:
    """How many calls one measurement makes, if nothing has to be made again."""
    return WARMUPS + (REPEATS if repeats is None else repeats)


def _enough(seconds: list[float], repeats: int | None) -> bool:
    if repeats is not None:
        return len(seconds) >= repeats
    return len(seconds) >= REPEATS or (len(seconds) >= FEWEST and sum(seconds) > BUDGET_S)


def _first_is_slow(seconds: list[float]) -> bool:
    if len(seconds) < 2:
        return False
    usual = statistics.median(seconds[1:])
    return seconds[0] > max(SLOWER * usual, usual + _NOISE_S)


def _demand_end(warmups: int, compilers: dict[Compiler, None]) -> None:
    if warmups <= MOST_WARMUPS:
        return
    who = f"{' and '.join(compilers)} still compiled" if compilers else "the first was still slower than those after it"
    raise MethodError(
        f"the times do not become steady: after {warmups} calls of one size {who}",
        hint="see that the method compiles nothing anew in every call",
    )
