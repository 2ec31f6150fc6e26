"""Numbers printed in papers, as data with provenance. They are shown beside the boards and never ranked with them."""

import csv
import math
from pathlib import Path
from typing import Literal

from pydantic import Field

from ldpbench.core.atomic import explaining_storage
from ldpbench.core.errors import UsageError
from ldpbench.core.names import ID_PATTERN
from ldpbench.core.resources import shipped_root
from ldpbench.records import Record, load_yaml_record
from ldpbench.results.views import PublishedRow, PublishedTable

_NAMES = ("table", "group_as_printed", "group", "method_as_printed", "method")
"""The columns of a CSV file that are not metrics."""


class Fault(Record):
    """A printed value that cannot be right."""

    method: str
    group: str
    """As corrected."""
    metric: str
    why: str


class TableSource(Record):
    """One table of a paper."""

    table: str
    kind: Literal["comparison", "ablation"]
    file: str
    """The CSV file beside the record; a column per metric id."""
    dataset: str
    notes: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()


class PaperSource(Record):
    """One paper's record, ``leaderboard/published/<id>.yaml``."""

    schema_version: Literal[1] = Field(alias="schema")
    id: str = Field(pattern=ID_PATTERN)
    title: str
    authors: tuple[str, ...]
    venue: str
    year: int
    url: str
    source: str
    notes: tuple[str, ...] = ()
    tables: tuple[TableSource, ...]


def published_tables(folder: Path | None = None) -> tuple[PublishedTable, ...]:
    """All tables of all papers, in the order of the record files.

    Args:
        folder: The folder of records; the shipped one if None.

    Raises:
        MissingPrerequisiteError: If a file cannot be read.
        UsageError: If a record or a CSV file is not valid.
    """
    folder = folder or shipped_root() / "leaderboard" / "published"
    papers = [load_yaml_record(path, PaperSource) for path in sorted(folder.glob("*.yaml"))]
    return tuple(_table(paper, table, folder / table.file) for paper in papers for table in paper.tables)


def _table(paper: PaperSource, table: TableSource, path: Path) -> PublishedTable:
    why = {(fault.method, fault.group, fault.metric): fault.why for fault in table.faults}
    rows = tuple(_row(line, table, why) for line in _lines(path) if line["table"] == table.table)
    marked = {(row.method_id, row.group, metric) for row in rows for metric in row.faults}
    if not rows or marked != why.keys():
        raise UsageError(
            f"{path} has {len(rows)} rows of table {table.table}; of no row: faults {sorted(why.keys() - marked)}",
            hint="correct the record or the file",
        )
    return PublishedTable(
        id=f"{paper.id}-table-{table.table}",
        kind=table.kind,
        paper=f"{', '.join(paper.authors)}: {paper.title}, {paper.venue} {paper.year}",
        url=paper.url,
        source=paper.source,
        table=table.table,
        dataset=table.dataset,
        notes=(*table.notes, *paper.notes),
        rows=rows,
    )


def _lines(path: Path) -> list[dict[str, str]]:
    """The lines of a CSV file by column, checked: the expected columns, and numbers where metrics are."""
    with explaining_storage("read", path), path.open(encoding="utf-8", newline="") as stream:
        columns, *lines = [*csv.reader(stream)] or [[]]
    if tuple(columns[: len(_NAMES)]) != _NAMES or len(columns) == len(_NAMES):
        raise UsageError(
            f"{path}: expected the columns {', '.join(_NAMES)} and metric ids, found {', '.join(columns) or 'nothing'}",
            hint="correct the file",
        )
    for number, cells in enumerate(lines, start=2):
        if fault := _fault(columns, cells):
            raise UsageError(f"{path} line {number}: {fault}", hint="correct the file")
    return [dict(zip(columns, cells, strict=True)) for cells in lines]


def _fault(columns: list[str], cells: list[str]) -> str | None:
    if len(cells) != len(columns):
        return f"expected {len(columns)} cells, found {len(cells)}"
    for column, cell in zip(columns, cells, strict=True):
        if column not in _NAMES and not _is_number(cell):
            return f"expected a number for {column}, found {cell!r}"
    return None


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _row(line: dict[str, str], table: TableSource, why: dict[tuple[str, str, str], str]) -> PublishedRow:
    values = {name: float(text) for name, text in line.items() if name not in _NAMES}
    places = {metric: (line["method"], line["group"], metric) for metric in values}
    return PublishedRow(
        table=table.table,
        dataset=table.dataset,
        group=line["group"],
        group_as_printed=line["group_as_printed"],
        method_id=line["method"],
        method_as_printed=line["method_as_printed"],
        values=values,
        faults={metric: why[place] for metric, place in places.items() if place in why},
    )
