"""What a check gives, and how it says that something is broken."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ldpbench.core.errors import LdpbenchError, MissingPrerequisiteError


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    name: str
    passed: bool
    detail: str
    """What was found; of a failure also what was expected."""
    hint: str = ""
    """What to do about a failure."""


class BrokenContractError(Exception):
    """A promise of the contract is not kept.

    Args:
        detail: What was expected and what was found.
        hint: What to do about it.
    """

    def __init__(self, detail: str, hint: str) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint


@contextmanager
def telling(what: str, hint: str, *, spared: tuple[type[LdpbenchError], ...] = ()) -> Iterator[None]:
    """Whatever a plugin raises inside the block is told as a broken promise.

    A missing prerequisite is no fault of the plugin and goes on as it is.

    Args:
        what: What was being done, such as ``build()``.
        hint: What to do if the error does not say it itself.
        spared: Other errors that are not the plugin's fault.
    """
    passing: tuple[type[Exception], ...] = (BrokenContractError, MissingPrerequisiteError, *spared)
    try:
        yield
    except passing:
        raise
    except LdpbenchError as error:
        raise BrokenContractError(error.message, error.hint or hint) from error
    except Exception as error:
        # A plugin is somebody else's code: whatever it raises is told in one line.
        detail = " ".join(str(error).split())
        raise BrokenContractError(f"{what} raised {type(error).__name__}: {detail}", hint) from error


def found_by(name: str, check: Callable[[], str]) -> Finding:
    """Run a check, which gives its detail or raises ``BrokenContractError``."""
    try:
        return Finding(name, True, check())
    except BrokenContractError as broken:
        return Finding(name, False, broken.detail, broken.hint)
