"""Names users type: ids, and what to say when one is wrong."""

import difflib
from collections.abc import Iterable

from ldpbench.core.errors import UsageError

ID_PATTERN = r"^[a-z0-9]+(?:-[a-z0-9]+)*$"


def share_of(present: int, whole: int | None) -> str:
    """``3 of 17``, also where nobody knows the second number."""
    return f"{present} of {'an unknown number of' if whole is None else whole}"


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """The error for a name that nothing answers to, with the closest match or the whole list."""
    choices = sorted(known)
    close = difflib.get_close_matches(name, choices, n=1, cutoff=0.5)
    if close:
        hint = f"did you mean {close[0]!r}? Known: {', '.join(choices)}"
    elif choices:
        hint = f"known: {', '.join(choices)}"
    else:
        hint = "none is installed"
    return UsageError(f"no {kind} is called {name!r}", hint=hint)
