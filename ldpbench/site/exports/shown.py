"""A table as a reader first sees it: without columns that wait in the picker, and without drawings."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ldpbench.core.names import unknown_name
from ldpbench.site.pages import Cell, Column, Table

Mark = Literal["", "best", "second", "missing"]
_INTERVAL = re.compile(r"\[.*\]")


@dataclass(frozen=True, kw_only=True)
class ShownCell:
    """One cell.

    Args:
        text: As shown.
        value: What is behind it in a column of numbers; None where there is no number.
        note: The smaller second line, or nothing.
        mark: Best, second best, or missing.
    """

    text: str
    value: float | None
    note: str
    mark: Mark


@dataclass(frozen=True, kw_only=True)
class ShownColumn:
    """One column."""

    title: str
    unit: str
    better: Literal["", "higher", "lower"]
    is_number: bool

    @property
    def heading(self) -> str:
        """Title and unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


@dataclass(frozen=True, kw_only=True)
class ShownTable:
    """All that an export says."""

    caption: str
    columns: tuple[ShownColumn, ...]
    groups: tuple[tuple[str | None, tuple[tuple[ShownCell, ...], ...]], ...]
    """Heading and rows of each group that has a row."""

    @property
    def rows(self) -> Iterator[tuple[str | None, tuple[ShownCell, ...]]]:
        """Heading of its group and cells of every row."""
        return ((heading, row) for heading, rows in self.groups for row in rows)

    @property
    def has_headings(self) -> bool:
        """Whether any group has one."""
        return any(heading is not None for heading, _ in self.groups)

    def notes_title(self, place: int) -> str | None:
        """What the column of a column's notes is called: ``PSNR (dB) 95 %``; None where there are no notes."""
        notes = [row[place].note for _, row in self.rows if row[place].note]
        if not notes:
            return None
        return f"{self.columns[place].heading} {'95 %' if all(map(is_interval, notes)) else 'note'}"


def is_interval(note: str) -> bool:
    """Whether a note is an interval such as ``[23.04, 24.82]``."""
    return _INTERVAL.fullmatch(note) is not None


def shown(table: Table, columns: Sequence[str] | None = None) -> ShownTable:
    """What of a table is exported.

    Args:
        table: As the page has it.
        columns: Keys of the columns, whose order stays that of the table; None for those that are shown at first. The
            one that names the rows is always there.

    Raises:
        UsageError: If there is no such column.
    """
    keys = [column.key for column in table.columns if column.kind != "strip"]
    for key in columns or ():
        if key not in keys:
            raise unknown_name(f"column of {table.caption}", key, keys)

    def is_shown(place: int, column: Column) -> bool:
        wanted = not column.optional if columns is None else column.key in columns
        return column.kind != "strip" and (wanted or place == table.row_header)

    places = [place for place, column in enumerate(table.columns) if is_shown(place, column)]
    return ShownTable(
        caption=table.caption,
        columns=tuple(_column(table.columns[place]) for place in places),
        groups=tuple(
            (group.heading, tuple(_cells(row, places, table.columns) for row in group.rows))
            for group in table.groups
            if group.rows
        ),
    )


def _column(column: Column) -> ShownColumn:
    return ShownColumn(title=column.title, unit=column.unit, better=column.better, is_number=column.kind == "number")


def _cells(row: Sequence[Cell], places: Sequence[int], columns: Sequence[Column]) -> tuple[ShownCell, ...]:
    return tuple(
        ShownCell(
            text=row[place].text,
            value=float(row[place].sort or "nan")
            if columns[place].kind == "number" and row[place].sort is not None
            else None,
            note=row[place].note or "",
            mark=row[place].mark,
        )
        for place in places
    )
