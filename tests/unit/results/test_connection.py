import contextlib
import os
import re
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import duckdb
import pytest

from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError, StorageError
from ldpbench.results.connection import LOCK_PATIENCE_S, open_for_reading, open_for_writing

HOLDER = """
import duckdb, sys, time
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read")
print("ready", flush=True)
time.sleep(float(sys.argv[3]))
"""


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "results.duckdb"
    with open_for_writing(path):
        pass
    return path


@contextlib.contextmanager
def held_by_another_process(path, mode="write", seconds=60.0):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), mode, str(seconds)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("opener", [open_for_reading, open_for_writing])
def test_a_database_that_another_process_writes_is_busy(database, opener):
    with held_by_another_process(database) as process:
        started = time.monotonic()
        with (
            pytest.raises(MissingPrerequisiteError, match=rf"locked by process {process.pid}$") as caught,
            opener(database),
        ):
            pass
        assert time.monotonic() - started >= LOCK_PATIENCE_S
    assert "wait" in caught.value.hint
    with opener(database):
        pass


def test_a_short_lock_is_waited_for(database):
    with held_by_another_process(database, seconds=0.2), open_for_writing(database) as connection:
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_readers_do_not_exclude_each_other_but_a_writer(database):
    with held_by_another_process(database, "read"):
        with open_for_reading(database) as connection:
            assert connection.execute("SELECT count(*) FROM runs").fetchall() == [(0,)]
        with pytest.raises(MissingPrerequisiteError, match="locked"), open_for_writing(database):
            pass


def test_reading_while_this_process_writes_is_busy_too(database):
    with (
        open_for_writing(database),
        pytest.raises(MissingPrerequisiteError, match="locked by another connection"),
        open_for_reading(database),
    ):
        pass


def test_a_missing_database_names_the_command_that_makes_it(tmp_path):
    with (
        pytest.raises(MissingPrerequisiteError, match="no results database") as caught,
        open_for_reading(tmp_path / "no"),
    ):
        pass
    assert "ldpbench ingest" in caught.value.hint


@pytest.mark.parametrize("opener", [open_for_reading, open_for_writing])
@pytest.mark.parametrize("content", [b"", b"x", b"run_id,psnr\n" * 2000])
def test_a_file_that_is_no_database_is_an_integrity_error_and_stays_as_it_is(tmp_path, opener, content):
    path = tmp_path / "results.duckdb"
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="not an intact DuckDB database") as caught, opener(path):
        pass
    assert "ldpbench ingest" in caught.value.hint
    assert path.read_bytes() == content


def test_a_cut_or_flipped_database_is_an_integrity_error(database):
    whole = database.read_bytes()
    flipped = bytearray(whole)
    flipped[4100] ^= 0xFF
    flipped[8200] ^= 0xFF
    for content in (whole[:6000], whole[:20_000], bytes(flipped)):
        database.write_bytes(content)
        with pytest.raises(IntegrityError, match="not an intact"), open_for_reading(database):
            pass


def test_somebody_elses_database_is_left_alone(tmp_path):
    path = tmp_path / "results.duckdb"
    with contextlib.closing(duckdb.connect(str(path))) as connection:
        connection.execute("CREATE TABLE holidays (day DATE)")
    for opener in (open_for_reading, open_for_writing):
        with pytest.raises(IntegrityError, match="not one of ldpbench"), opener(path):
            pass
    with contextlib.closing(duckdb.connect(str(path))) as connection:
        assert connection.execute("SELECT table_name FROM duckdb_tables()").fetchall() == [("holidays",)]


def test_a_newer_storage_format_asks_for_an_update(database):
    """The main header holds a checksum, 'DUCK' and the format's number; DuckDB itself says which checksum it wants."""
    content = bytearray(database.read_bytes())
    assert content[8:12] == b"DUCK"
    content[12:20] = struct.pack("<Q", 100_000)
    database.write_bytes(content)
    with pytest.raises(duckdb.Error) as wanted:
        duckdb.connect(str(database))
    if found := re.search(r"computed checksum (\d+)", str(wanted.value)):
        content[:8] = struct.pack("<Q", int(found[1]))
        database.write_bytes(content)
    with pytest.raises(MissingPrerequisiteError, match="storage format 100000") as caught, open_for_reading(database):
        pass
    assert "update duckdb" in caught.value.hint


def test_a_file_that_somebody_is_just_making_is_waited_for(tmp_path, database, monkeypatch):
    monkeypatch.setattr("ldpbench.results.connection.LOCK_PATIENCE_S", 20.0)  # a busy machine may be late
    newborn = tmp_path / "newborn.duckdb"
    newborn.touch()
    maker = threading.Timer(0.2, database.replace, [newborn])
    maker.start()
    with open_for_reading(newborn) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchall() == [(0,)]
    maker.join()


def test_a_folder_is_not_a_database(tmp_path):
    with pytest.raises(IntegrityError), open_for_reading(tmp_path):
        pass


def test_a_path_below_a_file_is_a_storage_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError), open_for_writing(tmp_path / "file" / "results.duckdb"):
        pass


@pytest.fixture
def unprivileged():
    """Root ignores permissions: act as nobody for a moment."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder():
    """A folder that everybody may enter, unlike tmp_path."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX file systems")
def test_a_read_only_folder_can_be_read_and_not_written(open_folder, request):
    path = open_folder / "results.duckdb"
    with open_for_writing(path):
        pass
    path.chmod(0o444)
    open_folder.chmod(0o555)
    request.getfixturevalue("unprivileged")
    with open_for_reading(path) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchall() == [(0,)]
    for place in (path, open_folder / "new.duckdb", open_folder / "below" / "new.duckdb"):
        with pytest.raises(StorageError, match="(?i)permission denied") as caught, open_for_writing(place):
            pass
        assert "LDPBENCH_HOME" in caught.value.hint


def test_reading_cannot_write(database):
    with pytest.raises(duckdb.InvalidInputException, match="read-only"), open_for_reading(database) as connection:
        connection.execute("DELETE FROM runs")


def test_wrong_sql_keeps_its_own_error(database):
    with pytest.raises(duckdb.CatalogException, match="nowhere"), open_for_reading(database) as connection:
        connection.execute("SELECT * FROM nowhere")


def test_a_database_needs_nothing_beside_itself(database):
    with open_for_reading(database) as connection, pytest.raises(duckdb.PermissionException):
        connection.execute(f"SELECT * FROM read_text('{__file__}')")


def test_killed_while_it_is_made_a_database_is_made_again(tmp_path):
    """DuckDB writes the head of a file in several steps: what it leaves when killed between is never in place."""
    path = tmp_path / "results.duckdb"
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom ldpbench.results import connection\n"
        "def stop(*_):\n    print('made', flush=True)\n    time.sleep(60)\n"
        "connection.migrate = stop\n"
        "with connection.open_for_writing(Path(sys.argv[1])):\n    pass\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "made\n"
    process.kill()
    process.communicate()
    assert not path.exists()
    beside = path.with_name(f".{path.name}.part")
    assert beside.exists()
    beside.write_bytes(b"half a head")
    with open_for_writing(path) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchall() == [(0,)]
    assert not beside.exists()
