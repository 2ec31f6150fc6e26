"""A table in GitHub's Markdown: the best value bold, the second best underlined, notes behind their values."""

import re

from ldpbench.site.exports.shown import ShownCell, ShownColumn, ShownTable, is_interval

_ARROWS = {"": "", "higher": " ↑", "lower": " ↓"}


def to_markdown(table: ShownTable) -> str:
    """Caption, table; groups are rows in italics."""
    lines = [
        f"**{_escaped(table.caption)}**",
        "",
        _line([_heading(column) for column in table.columns]),
        _line(["--:" if column.is_number else ":--" for column in table.columns]),
    ]
    for heading, rows in table.groups:
        if heading is not None:
            lines.append(_line([f"*{_escaped(heading)}*", *[""] * (len(table.columns) - 1)]))
        lines += [_line([_cell(cell) for cell in row]) for row in rows]
    return "\n".join(lines) + "\n"


def _heading(column: ShownColumn) -> str:
    return _escaped(column.heading) + _ARROWS[column.better]


def _cell(cell: ShownCell) -> str:
    text = _escaped(cell.text)
    text = f"**{text}**" if cell.mark == "best" else f"<u>{text}</u>" if cell.mark == "second" else text
    if not cell.note:
        return text
    note = _escaped(cell.note)
    return f"{text} {note}" if is_interval(cell.note) else f"{text} ({note})"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    """Text of others as plain text within a table."""
    return re.sub(r"([\\`*_|<>\[\]~&#])", r"\\\1", " ".join(text.split()))
