"""What a browser saves is what the table shows, and what Python writes of the same table."""

import json

import duckdb
import pyarrow.parquet as pq
import pytest
from browser_site import make_site
from hypothesis import given, settings
from hypothesis import strategies as st
from site_fakes import make_facts, make_pictures
from test_site_html import evil_facts

from ldpbench.site.compose import compose
from ldpbench.site.exports import TEXTS, shown, to_document, to_parquet

BOARD = "board/toy--native.html"
SUFFIXES = {"csv": "csv", "markdown": "md", "latex": "tex"}


def saved(page, suffix, tmp_path):
    """The file behind a button below the first table."""
    with page.expect_download() as waiting:
        page.locator(f"main .exports [data-export={suffix}]").first.click()
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def table_of(facts, path):
    pages = compose(facts, make_pictures(("scene-01", "scene-02"), facts.runs))
    return shown(next(page.table for page in pages if page.path == path))


@pytest.fixture(scope="module")
def evil_site(tmp_path_factory):
    return make_site(tmp_path_factory.mktemp("evil-site"), evil_facts())


@pytest.mark.parametrize("format_", TEXTS)
def test_texts_are_those_that_python_writes(watched, toy_site, tmp_path, format_):
    page = watched.open(toy_site, BOARD)
    path = saved(page, SUFFIXES[format_], tmp_path)
    assert path.name == f"toy-test-values-as-they-are.{SUFFIXES[format_]}"
    assert path.read_text(encoding="utf-8") == TEXTS[format_](table_of(make_facts(), BOARD))


@pytest.mark.parametrize("format_", TEXTS)
def test_evil_names_come_out_as_python_escapes_them(watched, evil_site, tmp_path, format_):
    page = watched.open(evil_site, BOARD)
    path = saved(page, SUFFIXES[format_], tmp_path)
    assert path.read_text(encoding="utf-8") == TEXTS[format_](table_of(evil_facts(), BOARD))


def test_json_and_parquet_hold_the_same_as_pythons(watched, toy_site, tmp_path):
    page = watched.open(toy_site, BOARD)
    table = table_of(make_facts(), BOARD)
    assert json.loads(saved(page, "json", tmp_path).read_text()) == json.loads(json.dumps(to_document(table)))
    path = saved(page, "parquet", tmp_path)
    (tmp_path / "own.parquet").write_bytes(to_parquet(table))
    own = pq.read_table(tmp_path / "own.parquet")
    assert pq.read_table(path).to_pydict() == own.to_pydict()
    assert duckdb.read_parquet(str(path)).fetchall() == duckdb.read_parquet(str(tmp_path / "own.parquet")).fetchall()
    assert own.column("PSNR (dB)").to_pylist() == [30.5, 28.75, None]


def test_only_what_is_shown_is_saved_and_in_its_order(watched, toy_site, tmp_path):
    page = watched.open(toy_site, f"{BOARD}#sort=psnr&cols=psnr,licence")
    lines = saved(page, "csv", tmp_path).read_text(encoding="utf-8").splitlines()
    assert lines == [
        "Group,Method,Method note,PSNR (dB),Licence",
        ",OTHER (made up),,28.75,",
        ",FAKE (made up),,30.50,MIT",
        "Not ranked,BROKEN (made up),an image failed,,",
    ]
    page.locator("[data-search]").first.fill("fake")
    assert len(saved(page, "csv", tmp_path).read_text().splitlines()) == 2


def test_every_kind_of_value_survives_parquet(chromium, toy_site, tmp_path):
    page = chromium.new_context().new_page()
    page.goto((toy_site / BOARD).as_uri())
    page.evaluate("window.ldpbench.script('static/parquet.js')")
    number = st.none() | st.floats(allow_nan=False)
    text = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)

    @settings(deadline=None, max_examples=40)
    @given(st.lists(st.tuples(number, text), max_size=40))
    def check(rows):
        names = ["PSNR (dB)", "Методът, “quoted”"]
        columns = [
            {"name": name, "type": kind, "values": [row[place] for row in rows]}
            for place, (name, kind) in enumerate(zip(names, ("double", "string"), strict=True))
        ]
        data = page.evaluate("(columns) => [...window.ldpbench.parquet(columns, { caption: 'é' })]", columns)
        path = tmp_path / "one.parquet"
        path.write_bytes(bytes(data))
        found = pq.read_table(path)
        assert found.to_pydict() == {name: [row[place] for row in rows] for place, name in enumerate(names)}
        assert found.schema.metadata == {b"caption": "é".encode()}
        assert duckdb.read_parquet(str(path)).fetchall() == rows

    check()
    page.context.close()
