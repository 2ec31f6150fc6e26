"""The one place that talks: results on stdout, progress and remarks on stderr."""

import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from ldpbench.core.errors import IntegrityError, LdpbenchError

T = TypeVar("T")

MAX_FAULTS_SHOWN = 100


def plain_json(value: Any) -> Any:
    """A JSON-like copy in which infinities and NaN are null and paths are text."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain_json(item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)


class Reporter:
    """What a command says, to people or to programs.

    With ``as_json`` stdout gets exactly one document at the end and nothing else; ``quiet`` silences remarks.
    """

    def __init__(self, *, command: str, as_json: bool, quiet: bool) -> None:
        self._command = command
        self._as_json = as_json
        self._quiet = quiet
        self._warnings: list[str] = []

    def mute(self) -> None:
        """No progress, no remarks and no document from now on: another process speaks for all of them."""
        self._as_json, self._quiet = False, True

    def line(self, text: str = "") -> None:
        """One line of the result."""
        if not self._as_json:
            sys.stdout.write(text + "\n")

    def table(
        self, columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "", numbers: int = 0
    ) -> None:
        """A table of the result; the last ``numbers`` columns are aligned to the right."""
        if self._as_json:
            return
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(title=Text(title) if title else None, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
        for index, column in enumerate(columns):
            is_number = index >= len(columns) - numbers
            table.add_column(Text(column), justify="right" if is_number else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        # A pipe has no width: let lines be as long as they are instead of cutting them at 80.
        console = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 200)
        console.print(table)

    def note(self, message: str) -> None:
        """A remark on stderr."""
        if not self._as_json and not self._quiet:
            sys.stderr.write(message + "\n")

    def warn(self, message: str) -> None:
        """A warning on stderr, and in the JSON document."""
        self._warnings.append(message)
        if not self._as_json:
            sys.stderr.write(f"warning: {message}\n")

    def track(self, items: Iterable[T], *, label: str, total: int | None = None) -> Iterator[T]:
        """Pass items through with a bar, a count and an ETA on a terminal; with one line elsewhere."""
        if self._as_json or self._quiet:
            yield from items
            return
        if not sys.stderr.isatty():
            self.note(f"{label}: {total} to do" if total is not None else label)
            yield from items
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("elapsed"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(file=sys.stderr), transient=True) as progress:
            yield from progress.track(items, description=label, total=total)

    @contextmanager
    def transfer(self, *, label: str, total: int | None, done: int = 0) -> Iterator[Callable[[int], None]]:
        """A bar in bytes with speed and ETA on a terminal; one line elsewhere."""
        if self._as_json or self._quiet:
            yield lambda _: None
            return
        if not sys.stderr.isatty():
            self.note(f"{label}: {'size unknown' if total is None else f'{total:,} bytes'}")
            yield lambda _: None
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(file=sys.stderr), transient=True) as progress:
            task = progress.add_task(label, total=total, completed=done)
            yield lambda count: progress.advance(task, count)

    @contextmanager
    def live(self, *, label: str, total: int, done: int = 0) -> Iterator[Callable[[int, str], None]]:
        """A bar of steps with changing figures and an ETA on a terminal; a line every tenth of the way elsewhere."""
        if self._as_json or self._quiet:
            yield lambda _done, _figures: None
            return
        if not sys.stderr.isatty():
            yield self._milestones(label, total, done)
            return
        from rich.console import Console, Group
        from rich.live import Live
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.text import Text

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        console = Console(file=sys.stderr)
        # The figures have a line of their own: beside the bar they would not fit into 80 columns.
        bar, figures_line = Progress(*columns, console=console), Text("")
        task = bar.add_task(label, total=total, completed=done)
        with Live(Group(bar, figures_line), console=console, transient=True, refresh_per_second=4):

            def tell(now: int, figures: str) -> None:
                bar.update(task, completed=now)
                figures_line.plain = f"  {figures}"

            yield tell

    def _milestones(self, label: str, total: int, done: int) -> Callable[[int, str], None]:
        self.note(f"{label}: {done} of {total} done")
        told = [10 * done // max(total, 1)]

        def tell(now: int, figures: str) -> None:
            tenth = 10 * now // max(total, 1)
            if tenth > told[0]:
                told[0] = tenth
                self.note(f"{label}: {now} of {total}, {figures}")

        return tell

    def finish(self, data: Any, *, ok: bool = True) -> None:
        """The JSON document of a command that ran to its end."""
        if self._as_json:
            self._document(ok=ok, data=plain_json(data), error=None)

    def fail(self, error: LdpbenchError) -> None:
        """An error in one line on stderr, its list of faults below it; or the JSON document."""
        faults = error.faults if isinstance(error, IntegrityError) else ()
        if self._as_json:
            document = {"kind": error.kind, "message": error.message, "hint": error.hint, "faults": list(faults)}
            self._document(ok=False, data=None, error=document)
            return
        hint = f" ({error.hint})" if error.hint else ""
        sys.stderr.write(f"error: {error.message}{hint}\n")
        if len(faults) == 1 and faults[0] in error.message:
            return
        for fault in faults[:MAX_FAULTS_SHOWN]:
            sys.stderr.write(f"  - {fault}\n")
        if len(faults) > MAX_FAULTS_SHOWN:
            sys.stderr.write(f"  ... and {len(faults) - MAX_FAULTS_SHOWN} more\n")

    def _document(self, *, ok: bool, data: Any, error: dict[str, Any] | None) -> None:
        document = {
            "schema": f"ldpbench.{self._command}/1",
            "ok": ok,
            "data": data,
            "warnings": self._warnings,
            "error": error,
        }
        sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")
