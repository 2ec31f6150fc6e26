"""The one thing long work needs to know about its audience."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """Where long work reports how far it is. Implemented by the command line; silent elsewhere."""

    def track(self, items: Iterable[T], *, label: str, total: int | None = None) -> Iterable[T]:
        """Pass ``items`` through, showing how many of ``total`` are done and how long the rest takes."""
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

    def note(self, message: str) -> None:
        """Say nothing."""

    def warn(self, message: str) -> None:
        """Say nothing."""


SILENT: Progress = Silent()
