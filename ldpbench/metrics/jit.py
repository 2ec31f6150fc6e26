"""How the kernels of this room are compiled."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: dict[str, Any] = {
    # Sums may be reordered and products fused, which lets the loops use vector registers. NaN and infinity keep their
    # meaning, although callers never pass them.
    "fastmath": {"contract", "reassoc", "nsz"},
    "error_model": "numpy",
    "nogil": True,
}


def compiled_exactly(function: F) -> F:
    """As ``compiled``, but every operation is the IEEE one, in the order it is written: the same bits as NumPy's."""
    return _compiled(function, {**_OPTIONS, "fastmath": False})


def compiled(function: F) -> F:
    """Compile on first use, and keep the machine code on disk where any folder for it can be written.

    numba tries ``NUMBA_CACHE_DIR``, the folder of the source file and the user's cache folder. On a machine where it
    may write to none of them the kernel is compiled again in every process, which takes about a second.
    """
    return _compiled(function, _OPTIONS)


def _compiled(function: F, options: dict[str, Any]) -> F:
    try:
        return cast(F, numba.njit(cache=True, **options)(function))
    except RuntimeError:
        return cast(F, numba.njit(**options)(function))
