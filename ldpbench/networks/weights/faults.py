"""How a weights file is refused: one error type, one way to word it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ldpbench.core.errors import IntegrityError, LdpbenchError

FETCH_AGAIN = "fetch the file again: the download may have been cut"
_SMALL_FILE_BYTES = 16 << 20
_SHOWN_CHARACTERS = 200
_EXPANSION = 20
"""Weights hardly compress; what grows more than this is no weights file."""


def refuse_sizes(path: Path, claimed_bytes: int, file_bytes: int, what: str = "its entries") -> None:
    """Refuse sizes that a file of this length cannot hold, before anything is allocated.

    Raises:
        IntegrityError: If the claim is too large.
    """
    if claimed_bytes > max(_SMALL_FILE_BYTES, _EXPANSION * file_bytes):
        raise IntegrityError(
            f"{path} has {file_bytes} bytes, and {what} claim {claimed_bytes} bytes: such a file is damaged or hostile",
            hint=FETCH_AGAIN,
        )


def shown(word: object) -> str:
    """A word of a foreign file as a message may show it: short, and without what would steer a terminal."""
    text = str(word)[:_SHOWN_CHARACTERS]
    return text if text.isprintable() else ascii(text)


@contextlib.contextmanager
def refusing_damage(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever a parser stumbles over into an error about the file.

    Parsers of damaged bytes raise all sorts of exceptions, from ``KeyError`` to ``OverflowError``; to the user all of
    them say the same.

    Raises:
        IntegrityError: For every exception that is not already one of ours.
    """
    try:
        yield
    except LdpbenchError:
        raise
    except Exception as error:
        detail = shown(" ".join(f"{type(error).__name__}: {error}".split()))
        raise IntegrityError(f"{path} is a damaged or cut {kind} file ({detail})", hint=FETCH_AGAIN) from error
