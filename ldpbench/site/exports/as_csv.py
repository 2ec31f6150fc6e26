"""Comma-separated values: one line a row, text as shown."""

import re
from collections.abc import Iterator

from ldpbench.site.exports.shown import ShownCell, ShownTable

_NUMBER = re.compile(r"[-+]?[\d.,]+")


def to_csv(table: ShownTable) -> str:
    """RFC 4180 with line feeds. Missing values are empty; notes have columns of their own."""
    notes = [table.notes_title(place) for place in range(len(table.columns))]
    headings = ["Group"] if table.has_headings else []
    for column, note in zip(table.columns, notes, strict=True):
        headings += [column.heading, note] if note else [column.heading]
    lines = [headings]
    for group, row in table.rows:
        lines.append([*([group or ""] if table.has_headings else []), *_texts(row, notes)])
    return "".join(",".join(map(_quoted, line)) + "\n" for line in lines)


def _texts(row: tuple[ShownCell, ...], notes: list[str | None]) -> Iterator[str]:
    for cell, note in zip(row, notes, strict=True):
        yield "" if cell.mark == "missing" else cell.text
        if note:
            yield cell.note


def _quoted(text: str) -> str:
    text = text.replace("−", "-")
    if re.match(r"[=+\-@\t\r]", text) and not _NUMBER.fullmatch(text):
        text = f"'{text}"  # or a spreadsheet would take it for a formula
    return '"' + text.replace('"', '""') + '"' if re.search(r'[",\n\r]', text) else text
