"""What papers printed, as rows below a board: apart from what was measured, and never ranked with it."""

from collections.abc import Mapping, Sequence
from string import ascii_lowercase

from ldpbench.records import BaselineRecord
from ldpbench.results.views import Board, PublishedRow, PublishedTable
from ldpbench.site.names import method_page
from ldpbench.site.numbers import fixed, missing, printed_decimals
from ldpbench.site.pages import Cell, Column, RowGroup
from ldpbench.site.tables import inputs_text

PUBLISHED = "published"


def published_groups(
    board: Board,
    columns: Sequence[Column],
    tables: Sequence[PublishedTable],
    records: Mapping[str, BaselineRecord],
) -> tuple[tuple[RowGroup, ...], tuple[tuple[str, str], ...]]:
    """The comparisons that papers printed for a board's dataset and group of scenes.

    Args:
        board: Over whole pictures; of regions no paper says anything.
        columns: Of the board's table. A value stands in the column of its metric; everything else is missing.
        tables: Of all papers.
        records: By method id; what is known of the methods themselves.

    Returns:
        One group of rows for each table, and the footnotes: letter and why a printed value cannot be right.
    """
    groups: list[RowGroup] = []
    footnotes: dict[str, str] = {}
    for table in tables if board.region == "all" else ():
        here = [row for row in table.rows if row.group == board.group]
        if table.kind != "comparison" or table.dataset != board.protocol.dataset_id or not here:
            continue
        decimals = {
            column.key: printed_decimals(row.values[column.key] for row in here if column.key in row.values)
            for column in columns
        }
        rows = tuple(_row(row, columns, decimals, footnotes, records.get(row.method_id)) for row in here)
        heading = f"Published, not measured here: {table.paper}, Table {table.table}"
        groups.append(RowGroup(rows=rows, heading=heading, kind="published"))
    return tuple(groups), tuple((letter, why) for why, letter in footnotes.items())


def _row(
    row: PublishedRow,
    columns: Sequence[Column],
    decimals: Mapping[str, int],
    footnotes: dict[str, str],
    record: BaselineRecord | None,
) -> tuple[Cell, ...]:
    known = {
        "method": Cell(
            text=row.method_as_printed,
            href=method_page(row.method_id) if record else None,
            sort=row.method_as_printed,
        ),
        "source": Cell(text=PUBLISHED, sort=PUBLISHED),
        "rank": missing("published numbers are not ranked"),
    }
    if record:
        views = inputs_text(record.inputs)
        known["views"] = Cell(text=views, sort=views)
        known["licence"] = Cell(text=record.licence_code, sort=record.licence_code)
    if record and record.paper:
        known["year"] = Cell(text=str(record.paper.year), sort=str(record.paper.year))
    for metric, value in row.values.items():
        letter = _letter(row.faults.get(metric), footnotes)
        known[metric] = Cell(text=fixed(value, decimals.get(metric, 3)), sort=repr(value), footnote=letter)
    return tuple(known.get(column.key, missing("not printed")) for column in columns)


def _letter(why: str | None, footnotes: dict[str, str]) -> str | None:
    if why is None:
        return None
    return footnotes.setdefault(why, ascii_lowercase[len(footnotes) % len(ascii_lowercase)])
