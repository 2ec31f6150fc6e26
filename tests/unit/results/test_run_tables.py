"""Parquet beside the rows: the same facts, and never believed when they are not."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.core.errors import IntegrityError
from ldpbench.results.board import boards
from ldpbench.results.connection import open_for_reading
from ldpbench.results.ingest import ingest
from ldpbench.results.lake import open_lake
from ldpbench.results.parquet import TABLE_FILES, is_current_by_size, read_seal, read_tables, write_tables
from ldpbench.results.run_folder import read_run
from ldpbench.results.run_store import LocalFolder, RunStore
from ldpbench.results.table_checks import table_faults
from ldpbench.results.tables import tables_of
from tests.factories import make_method, make_protocol, make_row, make_scores, write_run

DATABASE_TABLES = ("runs", "protocols", "images", "image_scores", "latest_run")


class Listener:
    """Progress that remembers."""

    def __init__(self):
        self.warnings = []

    def track(self, items, *, label, total=None):
        return items

    def warn(self, message):
        self.warnings.append(message)


def dump(connection):
    return {table: connection.execute(f"SELECT * FROM {table} ORDER BY ALL").fetchall() for table in DATABASE_TABLES}


def ingested(runs, database):
    listener = Listener()
    report = ingest(runs, database, listener)
    with open_for_reading(database) as connection:
        return dump(connection), report, listener.warnings


def load(folder):
    stored = read_run(folder)
    return read_tables(LocalFolder(folder), stored.record, stored.content_sha256)


def alter(path, change):
    """Rewrite a Parquet file with another table, keeping what it says of itself."""
    table = pq.read_table(path)
    pq.write_table(change(table).replace_schema_metadata(table.schema.metadata), path)


@pytest.fixture
def runs(tmp_path):
    return tmp_path / "ru'ns"


def test_parquet_says_what_the_rows_say(runs):
    folder = write_run(runs, "run-a", psnr=[30.0, None, float("inf")])
    assert load(folder) is None
    write_tables(LocalFolder(folder))
    found, expected = load(folder), tables_of(read_run(folder))
    assert {path.name for path in folder.glob("*.parquet")} == set(TABLE_FILES)
    for table in ("images", "image_scores"):
        assert found[table].to_pylist() == expected[table].to_pylist()
    for file, table in TABLE_FILES.items():
        assert pq.read_table(folder / file).to_pylist() == expected[table].to_pylist()


@given(
    psnr=st.lists(
        st.one_of(st.none(), st.just(float("inf")), st.floats(1, 90, allow_nan=False)), min_size=1, max_size=6
    ),
    parquet=st.booleans(),
)
@settings(max_examples=6, deadline=None)
def test_a_database_is_the_same_from_either(tmp_path_factory, psnr, parquet):
    root = tmp_path_factory.mktemp("either")
    folder = write_run(root / "runs", "run-a", psnr=psnr)
    write_run(root / "runs", "run-b", psnr=psnr[::-1], method=make_method("other"))
    plain, _, _ = ingested(root / "runs", root / "plain.duckdb")
    write_tables(LocalFolder(folder))
    if parquet:
        write_tables(LocalFolder(folder.parent / "run-b"))
    columns, report, warnings = ingested(root / "runs", root / "columns.duckdb")
    assert (columns, report.new, warnings) == (plain, ("run-a", "run-b"), [])


def test_a_stale_parquet_is_left_aside_with_a_remark(runs, tmp_path):
    folder = write_run(runs, "run-a", psnr=[30.0, 31.0])
    write_tables(LocalFolder(folder))
    write_run(runs, "run-a", psnr=[35.0, 31.0])
    found, report, warnings = ingested(runs, tmp_path / "db")
    assert max(row[5] for row in found["image_scores"] if row[4] == "psnr") == 35.0
    assert report.new == ("run-a",)
    assert "made of another state" in warnings[0]
    assert "read from JSON" in warnings[0]


@pytest.mark.parametrize("name", [name for name, table in TABLE_FILES.items() if table in ("images", "image_scores")])
def test_an_altered_parquet_is_noticed_although_it_says_it_is_current(runs, tmp_path, name):
    folder = write_run(runs, "run-a", psnr=[30.0, 31.0])
    plain, _, _ = ingested(runs, tmp_path / "plain.duckdb")
    write_tables(LocalFolder(folder))
    column = "value" if name == "scores.parquet" else "seconds"

    def raised(table):
        place = table.schema.get_field_index(column)
        return table.set_column(place, column, pa.array([99.0] * table.num_rows))

    alter(folder / name, raised)
    found, _, warnings = ingested(runs, tmp_path / "db")
    assert found == plain
    assert f"{name} is not the file" in warnings[0]


@pytest.mark.parametrize("name", [*TABLE_FILES])
@pytest.mark.parametrize("content", [b"", b"PAR1nothingPAR1", None])
def test_a_damaged_parquet_costs_a_remark_at_most(runs, tmp_path, name, content):
    folder = write_run(runs, "run-a")
    plain, _, _ = ingested(runs, tmp_path / "plain.duckdb")
    write_tables(LocalFolder(folder))
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    found, report, warnings = ingested(runs, tmp_path / "db")
    assert found == plain
    assert (report.new, report.skipped) == (("run-a",), ())
    needed = name != "protocols.parquet" and not (name == "run.parquet" and content is None)
    assert len(warnings) == needed


def test_a_forged_seal_does_not_carry_wrong_rows_in(runs):
    """Even tables whose hashes fit are asked everything that lines are asked."""
    folder = write_run(runs, "run-a", psnr=[30.0, 31.0])
    write_tables(LocalFolder(folder))
    alter(folder / "scores.parquet", lambda table: table.slice(0, 3))
    alter(folder / "images.parquet", lambda table: table.slice(0, 1))
    from ldpbench.core.hashing import sha256_file

    def reseal(table):
        seal = json.loads(table.schema.metadata[b"ldpbench"])
        for name in ("images.parquet", "scores.parquet"):
            seal["tables"][name] = sha256_file(folder / name)
        return seal

    table = pq.read_table(folder / "run.parquet")
    pq.write_table(
        table.replace_schema_metadata({b"ldpbench": json.dumps(reseal(table)).encode()}), folder / "run.parquet"
    )
    with pytest.raises(IntegrityError, match="expected 2 images of a complete run, found 1"):
        load(folder)


def tables(**changes):
    """Sound tables of a complete run of two images, with other columns."""
    from tests.factories import make_record, rows_from_psnr

    protocol = make_protocol(regions=("all", "near"))
    record = make_record("run-a", protocols=[protocol])
    rows = rows_from_psnr([30.0, 31.0], [protocol])
    from ldpbench.results.run_folder import StoredFolder

    stored = StoredFolder(
        address="/runs/run-a", record=record, rows=tuple(rows), truncated=False, content_sha256="0" * 64
    )
    found = tables_of(stored)
    return record, found["images"], found["image_scores"]


def with_first(table, column, value):
    """The table with another value in its first row."""
    values = table[column].to_pylist()
    place = table.schema.get_field_index(column)
    return table.set_column(place, table.schema.field(place), pa.array([value, *values[1:]], table.schema.types[place]))


SCORE_FAULTS = [
    ("run_id", "run-b", "expected rows of the run run-a, found run-b"),
    ("run_id", None, "found None"),
    ("sample_id", "scene-99", "belong to no image"),
    ("protocol", "0" * 64, "no metric psnr in region 'all' of protocol 000000000000"),
    ("region", "far", "in region 'far'"),
    ("metric", "lpips-alex", "no metric lpips-alex"),
    ("metric", "ssim", "there twice"),
    ("metric", None, "rows have no metric"),
    ("status", "splendid", "status 'splendid'"),
    ("status", "undefined", "without a value"),
    ("status", None, "rows have no status"),
    ("value", None, "without a value"),
    ("value", float("nan"), "not finite"),
    ("value", float("inf"), "not finite"),
]
IMAGE_FAULTS = [
    ("run_id", "run-b", "found run-b"),
    ("sample_id", "scene-02", "there twice"),
    ("sample_id", None, "rows have no sample_id"),
    ("height_px", None, "rows have no height_px"),
    ("seconds", -1.0, "less than no time"),
    ("seconds", float("inf"), "not finite"),
    ("clipped_fraction", float("nan"), "not finite"),
    ("failure_kind", "method", "lack their kind or their message"),
    ("certificates", "[{}]", "a certificate is not one"),
    ("certificates", "[", "not JSON"),
    ("certificates", "7", "not JSON"),
]


def test_sound_tables_have_no_fault():
    assert table_faults(*tables()) == []


@pytest.mark.parametrize(("column", "value", "sentence"), SCORE_FAULTS)
def test_every_fault_of_scores_is_found(column, value, sentence):
    record, images, scores = tables()
    assert any(sentence in fault for fault in table_faults(record, images, with_first(scores, column, value)))


@pytest.mark.parametrize(("column", "value", "sentence"), IMAGE_FAULTS)
def test_every_fault_of_images_is_found(column, value, sentence):
    record, images, scores = tables()
    assert any(sentence in fault for fault in table_faults(record, with_first(images, column, value), scores))


def test_a_failed_image_has_no_values():
    record, images, scores = tables()
    failed = with_first(with_first(images, "failure_kind", "method"), "failure_message", "no light")
    assert table_faults(record, failed, scores) == ["6 scores have a value although their image failed"]


def test_the_lake_answers_as_the_database_does(runs, tmp_path):
    for run_id, psnr in {"run-a": [30.0, 31.0], "run-b": [20.0, None], "run-c": [25.0, 26.0]}.items():
        write_run(runs, run_id, psnr=psnr, method=make_method(f"method-{run_id}"))
    write_run(runs, "going", psnr=[30.0], status="running", finished_at=None)
    for run_id in ("run-a", "run-b"):
        write_tables(LocalFolder(runs / run_id))
    expected, _, _ = ingested(runs, tmp_path / "db")
    with open_for_reading(tmp_path / "db") as connection:
        boards_of_database = boards(connection)
    with open_lake(runs) as connection:
        assert boards(connection) == boards_of_database
        assert dump(connection) == expected


def test_the_lake_lies_anywhere(runs, tmp_path):
    write_run(runs, "run-a")
    write_run(runs, "run-b", method=make_method("other"))
    write_tables(LocalFolder(runs / "run-a"))
    store = RunStore(f"memory://{tmp_path.name}/runs")
    for run_id in ("run-a", "run-b"):
        for name, _ in LocalFolder(runs / run_id).names().items():
            store.folder(run_id).write(name, (runs / run_id / name).read_bytes())
    with open_lake(runs) as connection:
        here, rows = boards(connection), connection.execute("SELECT count(*) FROM image_scores").fetchone()
    with open_lake(store.address) as connection:
        assert boards(connection) == here
        assert connection.execute("SELECT count(*) FROM image_scores").fetchone() == rows
        folders = connection.execute("SELECT folder FROM runs ORDER BY run_id").fetchall()
    assert folders == [(f"{store.address}/run-a",), (f"{store.address}/run-b",)]


def test_the_lake_says_what_it_leaves_out(runs):
    write_run(runs, "run-a")
    damaged = write_run(runs, "run-b", method=make_method("other"))
    (damaged / "scores.jsonl").write_bytes(b"{}\n")
    listener = Listener()
    with open_lake(runs, listener) as connection:
        assert connection.execute("SELECT run_id FROM runs").fetchall() == [("run-a",)]
    assert "skipped run-b" in listener.warnings[0]


def test_the_lake_reads_rows_of_a_run_that_went_on_since(runs):
    folder = write_run(runs, "run-a", psnr=[30.0], status="running", finished_at=None)
    write_tables(LocalFolder(folder))
    assert is_current_by_size(LocalFolder(folder))
    write_run(runs, "run-a", psnr=[30.0, 31.0])
    assert not is_current_by_size(LocalFolder(folder))
    with open_lake(runs) as connection:
        assert connection.execute("SELECT count(*) FROM images").fetchone() == (2,)


def test_the_lake_does_not_trust_a_shorter_table_and_names_a_damaged_one(runs):
    folder = write_run(runs, "run-a")
    write_tables(LocalFolder(folder))
    whole = (folder / "scores.parquet").read_bytes()
    (folder / "scores.parquet").write_bytes(whole[:-10])
    with open_lake(runs) as connection:
        assert connection.execute("SELECT count(*) FROM image_scores").fetchone() == (6,)
    (folder / "scores.parquet").write_bytes(b"x" * len(whole))
    with pytest.raises(IntegrityError, match="cannot be used") as caught, open_lake(runs) as connection:
        boards(connection)
    assert "ingest" in caught.value.hint


def test_a_seal_knows_what_it_was_made_of(runs):
    folder = write_run(runs, "run-a")
    write_tables(LocalFolder(folder))
    seal = read_seal(LocalFolder(folder))
    assert seal.content_sha256 == read_run(folder).content_sha256
    assert seal.sizes == {name: (folder / name).stat().st_size for name in ("run.json", "scores.jsonl")}


def test_runs_without_rows_have_tables_too(runs):
    folder = write_run(runs, "run-a", psnr=[], status="running")
    write_tables(LocalFolder(folder))
    assert load(folder)["image_scores"].num_rows == 0
    with open_lake(runs) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (1,)


def test_certificates_and_workers_come_along(runs):
    from ldpbench.records import Certificate

    certificate = Certificate(
        of="tiling",
        way="tiles of 512 px",
        against="whole picture",
        height_px=8,
        width_px=9,
        agreement_db=None,
        changes={"psnr": -0.1},
    )
    row = make_row("scene-01", make_scores(make_protocol(), {"psnr": 30.0}), certificates=(certificate,), worker="2/3")
    folder = write_run(runs, "run-a", psnr=[30.0])
    (folder / "scores.jsonl").write_text(row.model_dump_json() + "\n")
    write_tables(LocalFolder(folder))
    found = load(folder)["images"].to_pylist()[0]
    assert json.loads(found["certificates"]) == [certificate.model_dump(mode="json")]
    assert (found["worker"], found["group_name"]) == ("2/3", None)
