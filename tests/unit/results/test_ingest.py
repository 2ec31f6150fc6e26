import json
import os
import shutil
import subprocess
import sys
import threading
from datetime import datetime

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError
from ldpbench.results import ingest as ingest_module
from ldpbench.results.connection import open_for_reading
from ldpbench.results.ingest import IngestReport, Skipped, ingest
from tests.factories import (
    failed_row,
    make_method,
    make_protocol,
    make_record,
    make_row,
    make_scores,
    write_folder,
    write_run,
)

TABLES = ("runs", "protocols", "images", "image_scores", "latest_run")


def dump(database):
    with open_for_reading(database) as connection:
        return {table: connection.execute(f"SELECT * FROM {table} ORDER BY ALL").fetchall() for table in TABLES}


def query(database, sql):
    with open_for_reading(database) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture
def runs(tmp_path):
    return tmp_path / "runs"


@pytest.fixture
def database(tmp_path):
    return tmp_path / "results.duckdb"


class Listener:
    """Progress that remembers."""

    def __init__(self):
        self.warnings, self.tracked = [], []

    def track(self, items, *, label, total=None):
        self.tracked.append((label, total))
        return items

    def note(self, message):
        raise AssertionError(message)

    def warn(self, message):
        self.warnings.append(message)


def test_every_table_holds_what_the_folder_says(runs, database):
    protocols = [make_protocol(regions=("all", "near")), make_protocol(border_px=8)]
    scores = [
        *make_scores(protocols[0], {"psnr": 30.0}),
        *make_scores(protocols[1], {"psnr": float("inf"), "ssim": None}),
    ]
    record = make_record("run-a", status="partial", failures=1, protocols=protocols, method=make_method(parameters=7))
    write_folder(runs, record, [make_row("scene-01", scores), failed_row("scene-02", "no light")])
    assert ingest(runs, database) == IngestReport(new=("run-a",))
    first, second = (protocol.hash for protocol in protocols)
    assert query(database, "SELECT * FROM image_scores ORDER BY ALL") == sorted(
        [
            ("run-a", "scene-01", first, "all", "psnr", 30.0, "ok"),
            ("run-a", "scene-01", second, "all", "psnr", None, "identical"),
            ("run-a", "scene-01", second, "all", "ssim", None, "undefined"),
        ],
        key=str,
    )
    assert query(database, "SELECT * FROM images ORDER BY sample_id") == [
        ("run-a", "scene-01", 0.5, 12, 16, 0.0, None, None, None, None, None),
        ("run-a", "scene-02", None, 12, 16, None, "method", "no light", None, None, None),
    ]
    assert query(database, "SELECT protocol FROM protocols") == [(first,), (second,)]
    assert query(database, "SELECT protocols, command, parameters, started_at, folder FROM runs") == [
        (
            json.dumps([first, second], separators=(",", ":")),
            ["ldpbench", "evaluate", "--all"],
            7,
            datetime.fromisoformat("2025-01-02 03:04:05"),
            str(runs / "run-a"),
        )
    ]
    stored = query(database, "SELECT record, packages->>'torch', config->'seed' FROM runs")[0]
    assert type(record).model_validate_json(stored[0]) == record
    assert stored[1:] == ("2.4.0", "0")


def test_times_are_kept_as_utc(runs, database):
    for name, text in {
        "a": "2025-01-02T03:04:05Z",
        "b": "2025-01-02T05:04:05.5+02:00",
        "c": "2025-01-02T03:04:06",
    }.items():
        write_run(runs, name, started_at=text)
    ingest(runs, database)
    assert query(database, "SELECT run_id, epoch(started_at) % 60 FROM runs ORDER BY run_id") == [
        ("a", 5),
        ("b", 5.5),
        ("c", 6),
    ]


def test_a_second_ingest_changes_nothing_and_does_not_touch_the_file(runs, database):
    write_run(runs, "run-a")
    write_run(runs, "run-b", psnr=[20.0, None])
    assert ingest(runs, database).new == ("run-a", "run-b")
    before, content = dump(database), database.read_bytes()
    assert ingest(runs, database) == IngestReport(unchanged=("run-a", "run-b"))
    assert (dump(database), database.read_bytes()) == (before, content)


def test_only_what_changed_is_replaced(runs, database):
    write_run(runs, "run-a", psnr=[30.0, 31.0], status="running", finished_at=None)
    write_run(runs, "run-b")
    ingest(runs, database)
    write_run(runs, "run-a", psnr=[30.0, 31.0, 32.0])
    write_run(runs, "run-c")
    assert ingest(runs, database) == IngestReport(new=("run-c",), updated=("run-a",), unchanged=("run-b",))
    assert query(database, "SELECT status, n_images FROM runs WHERE run_id = 'run-a'") == [("complete", 3)]
    assert query(database, "SELECT run_id, count(*) FROM images GROUP BY ALL ORDER BY ALL") == [
        ("run-a", 3),
        ("run-b", 2),
        ("run-c", 2),
    ]
    assert query(database, "SELECT count(*) FROM image_scores") == [(7 * 3,)]


def test_a_vanished_folder_stays_in_the_database_and_is_reported(runs, database):
    write_run(runs, "run-a")
    folder = write_run(runs, "run-b")
    ingest(runs, database)
    before = dump(database)
    shutil.rmtree(folder)
    assert ingest(runs, database) == IngestReport(unchanged=("run-a",), vanished=("run-b",))
    assert dump(database) == before


def test_a_home_that_moved_is_found_again(tmp_path, runs, database):
    write_run(runs, "run-a")
    ingest(runs, database)
    runs.rename(tmp_path / "elsewhere")
    assert ingest(tmp_path / "elsewhere", database).updated == ("run-a",)
    assert query(database, "SELECT folder FROM runs") == [(str(tmp_path / "elsewhere" / "run-a"),)]


def test_a_half_line_is_taken_in_and_completed_later(runs, database):
    folder = write_run(runs, "run-a", psnr=[30.0, 31.0], status="running")
    whole = (folder / "scores.jsonl").read_bytes()
    (folder / "scores.jsonl").write_bytes(whole[:-7])
    ingest(runs, database)
    assert query(database, "SELECT count(*) FROM images") == [(1,)]
    (folder / "scores.jsonl").write_bytes(whole)
    assert ingest(runs, database).updated == ("run-a",)
    assert query(database, "SELECT count(*) FROM images") == [(2,)]


def test_a_bad_folder_is_skipped_loudly_and_the_others_are_taken_in(runs, database):
    write_run(runs, "good")
    folder = write_run(runs, "cut", psnr=[30.0, 31.0, 32.0])
    lines = (folder / "scores.jsonl").read_bytes().split(b"\n")
    (folder / "scores.jsonl").write_bytes(b"\n".join([lines[0], lines[1][:30], lines[2], b""]))
    shutil.copytree(runs / "good", runs / "copy")
    write_run(runs, "undated", started_at="yesterday")
    (runs / "empty").mkdir()
    protocol = make_protocol()
    stray = make_row("scene-01", make_scores(make_protocol(border_px=99), {"psnr": 30.0}))
    write_folder(runs, make_record("stray", n_images=1, protocols=[protocol]), [stray])
    listener = Listener()
    report = ingest(runs, database, listener)
    assert report.new == ("good",)
    reasons = {skipped.folder: skipped.reason for skipped in report.skipped}
    assert reasons.keys() == {"copy", "cut", "empty", "stray", "undated"}
    assert "scores.jsonl line 2" in reasons["cut"]
    assert "holds the run 'good'" in reasons["copy"]
    assert "no run.json" in reasons["empty"]
    assert "no such protocol" in reasons["stray"]
    assert "started_at: expected an ISO 8601 time, found 'yesterday'" in reasons["undated"]
    assert len(listener.warnings) == 5
    assert listener.tracked == [("reading run folders", 6)]
    assert query(database, "SELECT run_id FROM runs") == [("good",)]


def test_a_folder_that_breaks_later_keeps_its_old_rows(runs, database):
    folder = write_run(runs, "run-a")
    ingest(runs, database)
    before = dump(database)
    (folder / "run.json").write_text("{")
    report = ingest(runs, database)
    assert [type(skipped) for skipped in report.skipped] == [Skipped]
    assert report.vanished == ()
    assert dump(database) == before


def test_files_and_hidden_folders_are_not_runs(runs, database):
    write_run(runs, "run-a")
    (runs / "notes.txt").write_text("mine")
    (runs / ".locks").mkdir()
    assert ingest(runs, database) == IngestReport(new=("run-a",))


def test_no_folder_of_runs_is_an_error_and_makes_no_database(runs, database):
    with pytest.raises(MissingPrerequisiteError, match="not a folder of runs") as caught:
        ingest(runs, database)
    assert "ldpbench evaluate" in caught.value.hint
    assert not database.exists()


def test_an_empty_folder_of_runs_makes_an_empty_database(runs, database):
    runs.mkdir()
    assert ingest(runs, database) == IngestReport()
    assert query(database, "SELECT count(*) FROM runs") == [(0,)]


def test_a_run_without_protocols_or_images_is_a_run(runs, database):
    write_folder(runs, make_record("run-a", status="failed").model_copy(update={"protocols": ()}), [])
    assert ingest(runs, database).new == ("run-a",)
    assert query(database, "SELECT status FROM runs") == [("failed",)]


def test_a_damaged_database_is_not_replaced(runs, database):
    write_run(runs, "run-a")
    database.write_bytes(b"precious")
    with pytest.raises(IntegrityError):
        ingest(runs, database)
    assert database.read_bytes() == b"precious"


@pytest.mark.parametrize("failing_table", ["runs", "image_scores"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, duckdb.IOException])
def test_an_ingest_that_is_stopped_leaves_the_database_as_it_was(runs, database, monkeypatch, failing_table, error):
    write_run(runs, "run-a", psnr=[30.0, 31.0])
    ingest(runs, database)
    before = dump(database)
    write_run(runs, "run-a", psnr=[40.0, 41.0])
    write_run(runs, "run-b")
    insert = ingest_module._insert

    def stopped(connection, table, parts):
        insert(connection, table, parts)
        if table == failing_table:
            raise error("stopped")

    with monkeypatch.context() as patch:
        patch.setattr(ingest_module, "_insert", stopped)
        with pytest.raises((KeyboardInterrupt, MemoryError, MissingPrerequisiteError)):
            ingest(runs, database)
    assert dump(database) == before
    assert ingest(runs, database) == IngestReport(new=("run-b",), updated=("run-a",))


KILLED = """
import os, signal, sys
from pathlib import Path
from ldpbench.results import ingest as module
insert = module._insert
def killed(connection, table, parts):
    insert(connection, table, parts)
    if table == "image_scores":
        os.kill(os.getpid(), signal.SIGKILL)
module._insert = killed
module.ingest(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("first", [True, False])
def test_an_ingest_that_is_killed_leaves_the_database_usable(runs, database, first):
    write_run(runs, "run-a")
    if not first:
        ingest(runs, database)
        before = dump(database)
        write_run(runs, "run-a", psnr=[40.0, 41.0])
    process = subprocess.run([sys.executable, "-c", KILLED, str(runs), str(database)], check=False)
    assert process.returncode == -9
    if not first:
        assert dump(database) == before
    assert ingest(runs, database) == (IngestReport(new=("run-a",)) if first else IngestReport(updated=("run-a",)))


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from ldpbench.core.errors import StorageError
from ldpbench.results.ingest import ingest
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    ingest(Path(sys.argv[1]), Path(sys.argv[2]))
except StorageError as error:
    sys.exit(f"{error.message}; {error.hint}")
"""


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX processes stand in for a full disk")
def test_a_full_disk_leaves_the_database_as_it_was(runs, database):
    write_run(runs, "run-a")
    ingest(runs, database)
    before = dump(database)
    write_run(runs, "run-b", psnr=[30.0] * 50)
    process = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(runs), str(database)], check=False, capture_output=True, text=True
    )
    assert process.returncode == 1
    assert f"cannot use {database}" in process.stderr
    assert "space" in process.stderr
    assert dump(database) == before
    assert ingest(runs, database).new == ("run-b",)


def test_ingests_at_the_same_time_end_with_every_run(runs, database):
    for number in range(6):
        write_run(runs, f"run-{number}")
    errors = []

    def work():
        try:
            ingest(runs, database)
        except MissingPrerequisiteError as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) < len(threads)
    assert all("locked" in error.message for error in errors)
    assert query(database, "SELECT count(*), count(DISTINCT run_id) FROM runs") == [(6, 6)]


numbers = st.one_of(st.floats(10, 60), st.just(float("inf")), st.none())
folders = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]), st.lists(numbers, min_size=1, max_size=3), min_size=1, max_size=4
)


def write_all(runs, contents):
    for name, psnr in contents.items():
        write_run(runs, name, psnr=psnr, method=make_method(f"m-{min(name, 'b')}"))


def normalised(database, folder):
    return json.dumps(dump(database), default=str, sort_keys=True).replace(str(folder), "")


@given(contents=folders, order=st.randoms(use_true_random=False))
@settings(max_examples=5, deadline=None)
def test_twice_is_once_and_order_does_not_matter(tmp_path_factory, contents, order):
    base = tmp_path_factory.mktemp("property")
    write_all(base / "once", contents)
    ingest(base / "once", base / "once.duckdb")
    names = list(contents)
    order.shuffle(names)
    for name in names:  # one at a time, in another order, each ingested twice
        write_all(base / "shuffled", {name: contents[name]})
        ingest(base / "shuffled", base / "shuffled.duckdb")
        ingest(base / "shuffled", base / "shuffled.duckdb")
    assert normalised(base / "once.duckdb", base / "once") == normalised(base / "shuffled.duckdb", base / "shuffled")


def test_the_latest_complete_run_stands_for_a_method(runs, database):
    early, late = "2025-01-01T00:00:00+00:00", "2025-02-01T00:00:00+00:00"
    write_run(runs, "a-complete-early", method=make_method("a"), started_at=early)
    write_run(runs, "a-complete-late", method=make_method("a"), started_at=late)
    write_run(runs, "a-partial-latest", method=make_method("a"), psnr=[30.0, None], started_at="2025-03-01T00:00:00Z")
    write_run(runs, "b-partial-early", method=make_method("b"), psnr=[30.0, None], started_at=early)
    write_run(runs, "b-partial-late", method=make_method("b"), psnr=[None, 30.0], started_at=late)
    write_run(runs, "b-running", method=make_method("b"), status="running", started_at="2025-03-01T00:00:00Z")
    write_run(runs, "c-failed", method=make_method("c"), status="failed")
    ingest(runs, database)
    assert query(database, "SELECT method_id, run_id FROM latest_run ORDER BY ALL") == [
        ("a", "a-complete-late"),
        ("b", "b-partial-late"),
    ]
