"""Tables as files: what they hold, and that no text of others breaks them."""

import csv
import io
import json
import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from site_fakes import make_board, make_facts, make_protocol

from ldpbench.core.errors import UsageError
from ldpbench.site.board_table import board_table
from ldpbench.site.exports import TEXTS, shown, to_document
from ldpbench.site.exports.as_csv import to_csv
from ldpbench.site.exports.as_latex import to_latex
from ldpbench.site.exports.as_markdown import to_markdown
from ldpbench.site.pages import Cell, Column, RowGroup, Table

TRICKY = st.text(st.sampled_from("ab \\{}$&#^_~%<>|\"'`*[]=+-@,;\n×−∞—…"), max_size=12)


def table_of(texts, notes=None):
    """A table of one text and one number a row."""
    rows = tuple(
        (Cell(text=text, note=(notes or {}).get(place)), Cell(text="1.50", sort="1.5", mark="best"))
        for place, text in enumerate(texts)
    )
    columns = (
        Column(title="Method", kind="text", key="method"),
        Column(title="PSNR", unit="dB", better="higher", key="psnr"),
    )
    return shown(Table(caption="A table", columns=columns, groups=(RowGroup(rows=rows),)))


def board():
    psnr = {"fake": [30.0, 31.0], "same": [math.inf, 29.0], "broken": [20.0, None]}
    found, scores = make_board(make_protocol(), psnr)
    return board_table(found, "Toy & more", records=make_facts().methods, scores=scores)


def test_csv_has_the_shown_text_units_groups_and_no_drawing():
    lines = list(csv.reader(io.StringIO(to_csv(shown(board())))))
    assert lines[0] == [
        *("Group", "Rank", "Method", "Method note", "Views", "PSNR (dB)", "PSNR (dB) note", "SSIM", "MAE"),
        *("Time (s)", "Parameters", "Run"),
    ]
    assert lines[1][1:6] == ["1", "SAME (made up)", "", "dual", "∞"]
    assert lines[2][5] == "30.50"
    assert lines[3][:3] == ["Not ranked", "", "BROKEN (made up)"]
    assert lines[3][5] == ""


def test_json_has_every_digit_and_null_for_infinity():
    document = json.loads(json.dumps(to_document(shown(board())), allow_nan=False))
    place = [column["title"] for column in document["columns"]].index("PSNR")
    cells = [row["cells"][place] for row in document["rows"]]
    assert [cell["text"] for cell in cells] == ["∞", "30.50", "—"]
    assert [cell["value"] for cell in cells] == [None, 30.5, None]
    assert [cell["mark"] for cell in cells] == ["best", "second", "missing"]
    assert document["columns"][place] == {"title": "PSNR", "unit": "dB", "better": "higher"}


def test_latex_marks_best_and_second_and_heads_groups():
    text = to_latex(shown(board()))
    assert r"\caption{Toy \& more}" in text
    assert r"\textbf{$\infty$}" in text
    assert r"\underline{30.50}" in text
    assert r"\textit{Not ranked}" in text
    assert r"PSNR (dB) $\uparrow$" in text
    assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 2, 1]


@settings(deadline=None, max_examples=80)
@given(st.lists(TRICKY, min_size=1, max_size=4), st.dictionaries(st.integers(0, 3), TRICKY))
def test_no_text_breaks_a_format(texts, notes):
    table = table_of(texts, notes)
    for line in to_markdown(table).splitlines()[2:]:
        assert len(re.sub(r"\\.", "", line).split("|")) == 4
    body = to_latex(table).split(r"\midrule")[1].split(r"\bottomrule")[0].strip()
    rows = [line for line in body.split("\n") if line]
    assert len(rows) == len(texts)
    for row in rows:
        plain = re.sub(r"\\[{}$&#_%]", "", row)
        assert plain.count("&") == 1
        assert plain.count("{") == plain.count("}")
        assert plain.count("$") % 2 == 0
        assert not re.search(r"(?<!\\)[#_%^~<>|]", plain)
        assert not row.startswith("[")
        assert row.endswith(r" \\")
    lines = list(csv.reader(io.StringIO(to_csv(table), newline="")))
    assert len({len(line) for line in lines}) == 1
    for text, line in zip(texts, lines[1:], strict=True):
        expected = text.replace("−", "-")
        assert line[0] in (expected, f"'{expected}")
        assert not line[0].startswith(("=", "@")), "a spreadsheet would run it"


def test_a_formula_is_text_and_a_number_stays_one():
    lines = to_csv(table_of(["=1+1", "-2", "−3.5", "+cmd", "@x"])).splitlines()[1:]
    assert [line.split(",")[0] for line in lines] == ["'=1+1", "-2", "-3.5", "'+cmd", "'@x"]


def test_columns_are_chosen_by_key_and_names_stay():
    found = shown(board(), ["licence", "psnr"])
    assert [column.title for column in found.columns] == ["Method", "PSNR", "Licence"]
    with pytest.raises(UsageError, match="column of Toy & more"):
        shown(board(), ["psnrr"])


@pytest.mark.parametrize("format_", TEXTS)
def test_every_text_ends_with_one_newline(format_):
    text = TEXTS[format_](shown(board()))
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
