import contextlib

import duckdb
import pytest

from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError
from ldpbench.results import migrations
from ldpbench.results.connection import open_for_reading, open_for_writing
from ldpbench.results.ingest import ingest
from ldpbench.results.migrations import MIGRATIONS, Migration, migrate, pending
from tests.factories import write_run

RELEASED = {
    "m0001_initial": "db86fd12cf39439eb27cb363ec2c6f97c260988604ac96db68f90ae17f4ed82b",
    "m0002_content_hash": "952c6955b998668dd3163907289a0e05768b18f4d2d216625e97066b955725a6",
    "m0003_latest_run": "332ff0e28ca22d01260a7e1f2741a093f418ca3164d1169fff7901f0f141ef28",
    "m0004_unknown_whole": "351f175524ad33fc44c2e7b1618a32d5b4f8d782ff30c2764ba9f487be3b1c25",
    "m0005_evaluation": "b3e665763f3828ef76732a22fbf84bcadaf963be7e635424deb1a719c36db1e1",
    "m0006_costs": "d8bb39db3a3a94c125b8c787be972046cc4d9f448535e6a9196c300a87bd7477",
}


def schema(connection):
    tables = connection.execute(
        "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns() WHERE NOT internal ORDER BY ALL"
    ).fetchall()
    return tables, connection.execute("SELECT view_name, sql FROM duckdb_views() WHERE NOT internal").fetchall()


@contextlib.contextmanager
def raw(path):
    with contextlib.closing(duckdb.connect(str(path))) as connection:
        yield connection


def test_released_steps_are_never_edited():
    assert {step.name: step.sha256 for step in MIGRATIONS} == RELEASED
    assert [step.number for step in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_a_new_database_has_every_step_on_record(tmp_path):
    with open_for_writing(tmp_path / "new.duckdb") as connection:
        rows = connection.execute("SELECT number, name, sha256, applied_at FROM schema_migrations").fetchall()
        assert [row[:3] for row in rows] == [(step.number, step.name, step.sha256) for step in MIGRATIONS]
        assert all(row[3].year >= 2025 for row in rows)
        assert pending(connection, tmp_path) == ()


def test_there_are_no_indexes_and_no_keys(tmp_path):
    with open_for_writing(tmp_path / "new.duckdb") as connection:
        assert connection.execute("SELECT count(*) FROM duckdb_indexes()").fetchall() == [(0,)]
        kinds = connection.execute("SELECT DISTINCT constraint_type FROM duckdb_constraints()").fetchall()
        assert kinds == [("NOT NULL",)]


def test_the_first_schema_with_a_row_reaches_the_newest_one(tmp_path):
    """As a user of the very first version would meet it: old rows stay, and the next ingest completes them."""
    write_run(tmp_path / "runs", "run-a")
    new, old = tmp_path / "new.duckdb", tmp_path / "old.duckdb"
    ingest(tmp_path / "runs", new)
    with raw(old) as connection:
        migrate(connection, old, MIGRATIONS[:1])
        connection.execute(f"ATTACH '{new}' AS newest (READ_ONLY)")
        for table in ("runs", "protocols", "images", "image_scores"):
            columns = ", ".join(
                name
                for (name,) in connection.execute(
                    "SELECT column_name FROM duckdb_columns() WHERE table_name = ? AND database_name = 'old'", [table]
                ).fetchall()
            )
            connection.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM newest.{table}")
        row = connection.execute("SELECT * FROM runs").fetchall()
        assert len(row) == 1
    with pytest.raises(MissingPrerequisiteError, match="older schema.*m0002") as caught, open_for_reading(old):
        pass
    assert "ldpbench ingest" in caught.value.hint
    with open_for_writing(old) as connection:
        later = "content_sha256, task, gpu_driver, rescored_from"
        assert connection.execute(f"SELECT * EXCLUDE ({later}) FROM runs").fetchall() == row
        assert connection.execute(f"SELECT {later} FROM runs").fetchall() == [(None, "deblur", None, None)]
        assert connection.execute("SELECT run_id FROM latest_run").fetchall() == [("run-a",)]
        upgraded = schema(connection)
    with open_for_reading(new) as connection:
        assert schema(connection) == upgraded
    assert ingest(tmp_path / "runs", old).updated == ("run-a",)
    assert ingest(tmp_path / "runs", old).unchanged == ("run-a",)


def test_ingest_migrates_even_when_no_run_is_new(tmp_path):
    (tmp_path / "runs").mkdir()
    path = tmp_path / "old.duckdb"
    with raw(path) as connection:
        migrate(connection, path, MIGRATIONS[:2])
    ingest(tmp_path / "runs", path)
    with open_for_reading(path) as connection:
        assert connection.execute("SELECT * FROM latest_run").fetchall() == []


def test_a_step_that_fails_leaves_nothing_behind(tmp_path):
    path = tmp_path / "new.duckdb"
    broken = Migration(2, "m0002_broken", "CREATE TABLE half (x INTEGER); INSERT INTO half VALUES ('not a number');")
    with raw(path) as connection:
        with pytest.raises(duckdb.ConversionException):
            migrate(connection, path, (MIGRATIONS[0], broken))
        assert connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'half'").fetchall() == [(0,)]
        assert connection.execute("SELECT max(number) FROM schema_migrations").fetchall() == [(1,)]
        migrate(connection, path)
        assert pending(connection, path) == ()


def test_the_journal_belongs_to_the_first_step(tmp_path):
    path = tmp_path / "new.duckdb"
    with raw(path) as connection:
        with pytest.raises(duckdb.ParserException):
            migrate(connection, path, (Migration(1, "m0001_broken", "CREATE TABEL x;"),))
        assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchall() == [(0,)]


@pytest.mark.parametrize("opener", [open_for_reading, open_for_writing])
def test_a_database_of_a_newer_ldpbench_asks_for_an_update(tmp_path, opener):
    path = tmp_path / "newer.duckdb"
    with open_for_writing(path) as connection:
        connection.execute("INSERT INTO schema_migrations VALUES (99, 'm0099_later', now()::TIMESTAMP, 'f')")
    with (
        pytest.raises(MissingPrerequisiteError, match="schema 99, written by a newer ldpbench") as caught,
        opener(path),
    ):
        pass
    assert caught.value.hint == "update ldpbench"


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE schema_migrations SET sha256 = repeat('0', 64) WHERE number = 2",
        "UPDATE schema_migrations SET name = 'm0001_other' WHERE number = 1",
        "DELETE FROM schema_migrations WHERE number = 2",
    ],
)
def test_a_step_in_another_form_is_an_integrity_error(tmp_path, damage):
    path = tmp_path / "results.duckdb"
    with open_for_writing(path) as connection:
        connection.execute(damage)
    with pytest.raises(IntegrityError, match="expected migration") as caught, open_for_reading(path):
        pass
    assert caught.value.hint == migrations.REBUILD
