"""The one thing long work needs to know about its audience."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """Where long work reports how far it is. Implemented by the command line; silent elsewhere."""

    def track(self, items: Iterable[T], *, label: str, total: int | None = None) -> Iterable[T]:
        """Pass ``items`` through, showing how many of ``total`` are done and how long the rest takes."""
        ...

    def transfer(
        self, *, label: str, total: int | None, done: int = 0
    ) -> AbstractContextManager[Callable[[int], None]]:
        """A bar in bytes. The context gives a function to call with the number of bytes that came since the last call.

        Args:
            label: What is transferred.
            total: Its size in bytes, None where nobody knows it.
            done: Bytes that were there already.
        """
        ...

    def live(self, *, label: str, total: int, done: int = 0) -> AbstractContextManager[Callable[[int, str], None]]:
        """A bar of steps with a line of changing figures.

        The context gives a function to call with the number of steps that are done and the figures.

        Args:
            label: What is going on.
            total: All steps.
            done: Steps that were done before.
        """
        ...

    def note(self, message: str) -> None:
        """Say one line about what is happening."""
        ...

    def warn(self, message: str) -> None:
        """Say one line that the user should not miss."""
        ...


class Silent:
    """Progress for code that has no audience."""

    def track(self, items: Iterable[T], *, label: str, total: int | None = None) -> Iterable[T]:
        """Pass ``items`` through."""
        del label, total
        return items

    def transfer(
        self, *, label: str, total: int | None, done: int = 0
    ) -> AbstractContextManager[Callable[[int], None]]:
        """Take the numbers and do nothing."""
        del label, total, done
        return nullcontext(lambda _: None)

    def live(self, *, label: str, total: int, done: int = 0) -> AbstractContextManager[Callable[[int, str], None]]:
        """Take the figures and do nothing."""
        del label, total, done
        return nullcontext(lambda _done, _figures: None)

    def note(self, message: str) -> None:
        """Say nothing."""

    def warn(self, message: str) -> None:
        """Say nothing."""


SILENT: Progress = Silent()
