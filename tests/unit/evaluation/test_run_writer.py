"""Rows are written by one or by many, here and elsewhere, stopped anywhere, and counted once."""

import itertools
import random
import threading

import fsspec
import pytest

from ldpbench.core.errors import UsageError
from ldpbench.evaluation import run_writer
from ldpbench.evaluation.run_writer import RunWriter, find_run, new_run_id, refuse_force_by_many
from ldpbench.evaluation.workers import ALONE, Worker
from ldpbench.results.ingest import ingest
from ldpbench.results.parquet import TABLE_FILES, is_current_by_size
from ldpbench.results.run_folder import read_record, read_run
from ldpbench.results.run_store import RunStore
from tests.factories import failed_row, make_protocol, make_record, rows_from_psnr, sample_ids

CELL = "0123456789ab" + "c" * 52
_numbers = itertools.count()


@pytest.fixture(params=["here", "elsewhere"])
def store(request, tmp_path):
    if request.param == "here":
        yield RunStore(tmp_path / "runs")
    else:
        yield (found := RunStore(f"memory://writer-{next(_numbers)}/runs"))
        if found.root.exists():
            fsspec.filesystem("memory").rm(found.address.removeprefix("memory://"), recursive=True)


def fresh(store, n_images):
    started = "2025-01-02T03:04:05+00:00"
    run_id = new_run_id(store, cell=CELL, method="fake", dataset="toy", started_at=started)
    changes = {"cell": CELL, "status": "running", "finished_at": None, "wall_s": None}
    return make_record(run_id, n_images=n_images, protocols=[make_protocol()], started_at=started, **changes)


def join(store, n_images, worker=ALONE):
    return RunWriter.join(store, CELL, worker, lambda: find_run(store, CELL), lambda: fresh(store, n_images))


def rows_of(n_images):
    rows = rows_from_psnr([20.0 + number for number in range(n_images)], [make_protocol()])
    return dict(zip(sample_ids(n_images), rows, strict=True))


def work(store, n_images, worker=ALONE, *, at_most=None, failing=()):
    """One worker's share, or its first rows."""
    rows = rows_of(n_images)
    with join(store, n_images, worker) as writer:
        todo = [name for name in worker.mine(sample_ids(n_images)) if name not in writer.done]
        for name in todo[:at_most]:
            writer.append(failed_row(name) if name in failing else rows[name])
        if at_most is None:
            writer.finish(seconds=2.0)
    return todo[:at_most]


def the_run(store):
    (run_id,) = store.run_ids()
    return read_run(store.place(run_id))


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_the_last_worker_closes_the_run(store, count):
    workers = [Worker(index, count) for index in range(count)]
    random.Random(count).shuffle(workers)
    for number, worker in enumerate(workers):
        if number:
            assert the_run(store).record.status == "running"
        work(store, 5, worker)
    stored = the_run(store)
    assert (stored.record.status, stored.record.failures, stored.record.wall_s) == ("complete", 0, 2.0)
    assert [row.model_copy(update={"worker": None}) for row in stored.rows] == list(rows_of(5).values())
    own = {row.worker for row in stored.rows}
    assert own == {None} if count == 1 else own <= {worker.name for worker in workers}
    (run_id,) = store.run_ids()
    assert is_current_by_size(store.folder(run_id))


def test_workers_at_the_same_time_come_to_one_run(store):
    barrier = threading.Barrier(4)

    def one(worker):
        barrier.wait()
        work(store, 13, worker)

    threads = [threading.Thread(target=one, args=(Worker(index, 4),)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = the_run(store)
    assert stored.record.status == "complete"
    assert [row.sample_id for row in stored.rows] == sample_ids(13)


def test_a_lost_worker_is_made_up_for_by_any_number(store):
    work(store, 9, Worker(0, 3))
    lost = work(store, 9, Worker(1, 3), at_most=1)
    work(store, 9, Worker(2, 3))
    assert the_run(store).record.status == "running"
    done = [name for index in range(2) for name in work(store, 9, Worker(index, 2))]
    missing = set(Worker(1, 3).mine(sample_ids(9))) - set(lost)
    assert sorted(done) == sorted(missing)
    stored = the_run(store)
    assert (stored.record.status, len(stored.rows)) == ("complete", 9)


def test_failures_of_all_workers_count_and_are_tried_again(store):
    work(store, 6, Worker(0, 2), failing={"scene-01"})
    work(store, 6, Worker(1, 2), failing={"scene-04"})
    record = the_run(store).record
    assert (record.status, record.failures) == ("partial", 2)
    assert work(store, 6, failing={"scene-04"}) == ["scene-01", "scene-04"]
    record = the_run(store).record
    assert (record.status, record.failures, record.wall_s) == ("partial", 1, 4.0)
    assert work(store, 6) == ["scene-04"]
    record = the_run(store).record
    assert (record.status, record.failures) == ("complete", 0)


def test_a_run_that_goes_on_has_no_stale_tables(store):
    work(store, 2, failing={"scene-01"})
    (run_id,) = store.run_ids()
    assert TABLE_FILES.keys() <= store.folder(run_id).names().keys()
    with join(store, 2) as writer:
        assert not TABLE_FILES.keys() & store.folder(run_id).names().keys()
        assert (read_record(store.place(run_id)).status, writer.done) == ("running", {"scene-02"})


def test_a_complete_run_is_left_alone_by_a_worker_that_comes_late(store):
    work(store, 2)
    (run_id,) = store.run_ids()
    before = store.read(run_id, "run.json")
    assert work(store, 2, Worker(1, 2)) == []
    assert store.read(run_id, "run.json") == before
    assert is_current_by_size(store.folder(run_id))


def test_files_are_kept_beside_the_rows(store):
    with join(store, 1) as writer:
        writer.put("predictions/scene-01.png", b"picture")
    assert store.read(writer.record.run_id, "predictions/scene-01.png") == b"picture"
    assert writer.uri == f"{store.address}/{writer.record.run_id}"
    assert read_record(writer.folder) == writer.record


def test_elsewhere_a_kill_loses_a_batch_at_most(monkeypatch):
    monkeypatch.setattr(run_writer, "BATCH_ROWS", 4)
    store = RunStore(f"memory://writer-{next(_numbers)}/runs")
    writer = join(store, 20)
    rows = rows_of(20)
    seen = []
    for name in sample_ids(10):
        writer.append(rows[name])
        seen.append(len(the_run(store).rows))
    assert seen == [0, 0, 0, 4, 4, 4, 4, 8, 8, 8]
    del writer  # as a kill does: nothing is flushed
    assert len(work(store, 20)) == 12
    assert the_run(store).record.status == "complete"


def test_elsewhere_a_slow_row_does_not_wait_for_its_batch(monkeypatch):
    monkeypatch.setattr(run_writer, "BATCH_S", 0.0)
    store = RunStore(f"memory://writer-{next(_numbers)}/runs")
    writer = join(store, 2)
    writer.append(rows_of(2)["scene-01"])
    assert len(the_run(store).rows) == 1


def test_an_error_does_not_lose_the_rows_before_it(store):
    with pytest.raises(KeyboardInterrupt), join(store, 3) as writer:
        writer.append(rows_of(3)["scene-01"])
        raise KeyboardInterrupt
    assert [row.sample_id for row in the_run(store).rows] == ["scene-01"]


def test_half_a_line_of_its_own_is_cut_off(store):
    for worker in (ALONE, Worker(1, 2)):
        work(store, 6, worker, at_most=2)
        (run_id,) = store.run_ids()
        name = "scores.jsonl" if worker.is_alone else "scores-2of2.jsonl"
        whole = store.read(run_id, name)
        store.folder(run_id).write(name, whole[:-5])
        work(store, 6, worker, at_most=1)
        assert store.read(run_id, name) == whole
    work(store, 6)
    assert len(the_run(store).rows) == 6


def test_names_of_runs_follow_from_the_cell_where_there_are_no_locks(tmp_path):
    where = {"method": "fake", "dataset": "toy", "cell": CELL}
    elsewhere = RunStore(f"memory://writer-{next(_numbers)}/runs")
    names = []
    for second in ("05", "06", "07"):
        names.append(new_run_id(elsewhere, **where, started_at=f"2025-01-02T03:04:{second}+00:00"))
        record = make_record(names[-1], cell=CELL, started_at=f"2025-01-02T03:04:{second}+00:00")
        RunWriter.create(elsewhere, record)
    assert names == ["fake-toy-0123456789ab", "fake-toy-0123456789ab-2", "fake-toy-0123456789ab-3"]
    assert find_run(elsewhere, CELL) == names[-1]
    here = RunStore(tmp_path)
    assert new_run_id(here, **where, started_at="2025-01-02T03:04:05+00:00") == "20250102T030405-fake-toy-0123456789ab"


def test_a_name_that_is_taken_is_never_given_again(tmp_path):
    store = RunStore(tmp_path)
    where = {"method": "fake", "dataset": "toy", "cell": CELL, "started_at": "2025-01-02T03:04:05+00:00"}
    for suffix in ("", "-3"):
        (tmp_path / f"20250102T030405-fake-toy-0123456789ab{suffix}").mkdir()
    assert new_run_id(store, **where).endswith("-2")
    (tmp_path / "20250102T030405-fake-toy-0123456789ab-2").mkdir()
    assert new_run_id(store, **where).endswith("-4")


def test_the_latest_of_eleven_runs_is_found(store):
    for number in range(1, 12):
        record = make_record(f"fake-toy-0123456789ab{f'-{number}' if number > 1 else ''}", cell=CELL)
        RunWriter.create(store, record)
    RunWriter.create(store, make_record("other-toy-0123456789ab", cell="0123456789ab" + "d" * 52))
    assert find_run(store, CELL) == "fake-toy-0123456789ab-11"
    assert find_run(store, "f" * 64) is None


def test_several_workers_cannot_start_anew():
    refuse_force_by_many(ALONE, force=True)
    refuse_force_by_many(Worker(0, 2), force=False)
    with pytest.raises(UsageError, match="worker 1/2 cannot tell"):
        refuse_force_by_many(Worker(0, 2), force=True)


def test_what_workers_wrote_is_ingested_once(store, tmp_path):
    for index in range(3):
        work(store, 7, Worker(index, 3))
    assert len(ingest(store.address, tmp_path / "db").new) == 1
    assert len(ingest(store.address, tmp_path / "db").unchanged) == 1
