"""Tables as files, exactly as the pages show them. ``static/export.js`` does the same in a browser.

The text formats come out byte by byte alike on both sides; docs/export.md says what each holds.
"""

from collections.abc import Callable

from ldpbench.site.exports.as_csv import to_csv
from ldpbench.site.exports.as_json import to_document
from ldpbench.site.exports.as_latex import to_latex
from ldpbench.site.exports.as_markdown import to_markdown
from ldpbench.site.exports.as_parquet import to_parquet
from ldpbench.site.exports.shown import ShownTable, shown

TEXTS: dict[str, Callable[[ShownTable], str]] = {"csv": to_csv, "markdown": to_markdown, "latex": to_latex}
"""Formats that are plain text, by the name that the command line uses."""
FORMATS = ("csv", "json", "markdown", "latex", "parquet")

__all__ = ["FORMATS", "TEXTS", "ShownTable", "shown", "to_document", "to_parquet"]
