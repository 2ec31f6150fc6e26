"""A LaTeX table with booktabs: the best value bold, the second best underlined, as papers print them."""

import re

from ldpbench.site.exports.shown import ShownCell, ShownColumn, ShownTable

_ARROWS = {"": "", "higher": r" $\uparrow$", "lower": r" $\downarrow$"}
_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_", "%": r"\%",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "−": "$-$", "×": r"$\times$", "±": r"$\pm$", "∞": r"$\infty$",
    "—": "---", "–": "--", "…": r"\ldots{}", "²": r"\textsuperscript{2}", "·": r"$\cdot$", "µ": r"$\mu$",
    "↑": r"$\uparrow$", "↓": r"$\downarrow$", "≤": r"$\leq$", "≥": r"$\geq$", "ρ": r"$\rho$",
    "“": "``", "”": "''", "‘": "`", "’": "'",
}  # fmt: skip
_PATTERN = re.compile("|".join(map(re.escape, _SPECIAL)))


def to_latex(table: ShownTable) -> str:
    """A whole ``table`` with its caption."""
    width = len(table.columns)
    lines = [
        r"% Needs \usepackage{booktabs}; \textquotedbl needs \usepackage[T1]{fontenc}.",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_escaped(table.caption)}}}",
        rf"\begin{{tabular}}{{{''.join('r' if column.is_number else 'l' for column in table.columns)}}}",
        r"\toprule",
        _line([_heading(column) for column in table.columns]),
    ]
    for heading, rows in table.groups:
        lines.append(r"\midrule")
        if heading is not None:
            lines.append(_line([rf"\multicolumn{{{width}}}{{l}}{{\textit{{{_escaped(heading)}}}}}"]))
        lines += [_line([_cell(cell) for cell in row]) for row in rows]
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table}"]
    return "\n".join(lines) + "\n"


def _heading(column: ShownColumn) -> str:
    return _escaped(column.heading) + _ARROWS[column.better]


def _cell(cell: ShownCell) -> str:
    text = _escaped(cell.text)
    if cell.mark in ("best", "second"):
        text = rf"\textbf{{{text}}}" if cell.mark == "best" else rf"\underline{{{text}}}"
    return rf"{text} {{\scriptsize {_escaped(cell.note)}}}" if cell.note else text


def _line(cells: list[str]) -> str:
    line = rf"{' & '.join(cells)} \\"
    return f"{{}}{line}" if line.startswith("[") else line  # or it would be an option of the line break before


def _escaped(text: str) -> str:
    """Text of others as plain text."""
    return _PATTERN.sub(lambda found: _SPECIAL[found.group()], " ".join(text.split()))
