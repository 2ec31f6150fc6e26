"""How patient fetching is."""

import os
from dataclasses import dataclass, fields

from ldpbench.core.errors import UsageError

_PREFIX = "LDPBENCH_FETCH_"


@dataclass(frozen=True)
class FetchSettings:
    """Patience with an address. ``LDPBENCH_FETCH_ATTEMPTS``, ``LDPBENCH_FETCH_STALL_S`` and so on override it."""

    attempts: int = 5
    """Tries in a row that bring nothing new before the next mirror is asked."""
    stall_s: float = 30.0
    """Seconds without a byte after which a connection counts as dead."""
    backoff_s: float = 1.0
    """Wait before the second try; it doubles with every further one."""
    longest_wait_s: float = 120.0
    """No wait is longer, whatever the server asks for."""

    @classmethod
    def from_environment(cls) -> "FetchSettings":
        """The settings with what the environment overrides.

        Raises:
            UsageError: If a variable does not hold a positive number.
        """
        found: dict[str, int | float] = {}
        for field in fields(cls):
            variable = _PREFIX + field.name.upper()
            text = os.environ.get(variable)
            if text:
                found[field.name] = _positive(variable, text, whole=field.name == "attempts")
        return cls(**found)  # type: ignore[arg-type]  # the names come from the fields themselves


def _positive(variable: str, text: str, *, whole: bool) -> int | float:
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        value = 0
    if not 0 < value < float("inf"):
        kind = "whole number" if whole else "number"
        raise UsageError(f"{variable}: expected a positive {kind}, found {text!r}", hint="correct it or unset it")
    return value
