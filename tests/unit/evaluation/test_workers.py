"""Who does what: shares, names, and who may work at the same time."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.core.errors import MissingPrerequisiteError, UsageError
from ldpbench.evaluation.run_locks import cell_lock, record_lock
from ldpbench.evaluation.workers import ALONE, Launch, Worker, local_device, this_launch, this_worker
from ldpbench.results.run_store import RunStore

CELL = "c" * 64


@given(n_images=st.integers(0, 40), count=st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_every_image_is_of_one_worker(n_images, count):
    ids = [f"scene-{number}" for number in range(n_images)]
    shares = [Worker(index, count).mine(ids) for index in range(count)]
    assert sorted(name for share in shares for name in share) == sorted(ids)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert all(share == [name for name in ids if name in share] for share in shares)


def test_one_alone_has_no_name():
    assert (ALONE.name, ALONE.is_alone, Worker(1, 3).name) == (None, True, "2/3")
    with pytest.raises(UsageError, match="worker 4 of 3"):
        Worker(3, 3)


@pytest.mark.parametrize(
    ("array", "environment", "expected"),
    [
        (None, {}, Worker(0, 1)),
        ("2/3", {}, Worker(1, 3)),
        (None, {"RANK": "1", "WORLD_SIZE": "2"}, Worker(1, 2)),
        ("1/3", {"RANK": "1", "WORLD_SIZE": "2"}, Worker(1, 6)),
        ("3/3", {"RANK": "1", "WORLD_SIZE": "2"}, Worker(5, 6)),
    ],
)
def test_a_worker_is_named_by_array_and_torchrun(array, environment, expected):
    assert this_worker(array, this_launch(environment)) == expected


@pytest.mark.parametrize("array", ["0/3", "4/3", "1", "a/b", "1/0", "-1/3", "1/3/5"])
def test_an_array_that_cannot_be_is_refused(array):
    with pytest.raises(UsageError, match="expected I/N"):
        this_worker(array, Launch())


def test_each_process_of_torchrun_has_its_own_gpu():
    assert local_device("cuda", {"LOCAL_RANK": "2"}) == "cuda:2"
    assert local_device("cuda", {}) == "cuda"
    assert local_device("cpu", {"LOCAL_RANK": "2"}) == "cpu"


def test_one_alone_keeps_everybody_out(tmp_path):
    store = RunStore(tmp_path)
    with cell_lock(store, CELL):
        for other in (ALONE, Worker(0, 2)):
            with pytest.raises(MissingPrerequisiteError, match="another evaluation"), cell_lock(store, CELL, other):
                pass
        with cell_lock(store, "d" * 64):
            pass
    with cell_lock(store, CELL):
        pass


def test_workers_share_a_cell_but_not_a_place(tmp_path):
    store = RunStore(tmp_path)
    with cell_lock(store, CELL, Worker(0, 2)), cell_lock(store, CELL, Worker(1, 2)):
        refused = pytest.raises(MissingPrerequisiteError, match="is worker 2/2 of this cell")
        with refused, cell_lock(store, CELL, Worker(1, 2)):
            pass
        with pytest.raises(MissingPrerequisiteError, match="another evaluation"), cell_lock(store, CELL):
            pass
        with cell_lock(store, CELL, Worker(1, 3)):
            pass
    with cell_lock(store, CELL):
        pass


def test_a_lock_dies_with_its_process(tmp_path):
    script = (
        "import sys, time\nfrom ldpbench.evaluation.run_locks import cell_lock\n"
        "from ldpbench.evaluation.workers import Worker\nfrom ldpbench.results.run_store import RunStore\n"
        f"with cell_lock(RunStore(sys.argv[1]), {CELL!r}, Worker(int(sys.argv[2]), int(sys.argv[3]))):\n"
        "    print('held', flush=True)\n    time.sleep(60)\n"
    )
    for place in (("0", "1"), ("1", "2")):
        holder = subprocess.Popen([sys.executable, "-c", script, str(tmp_path), *place], stdout=subprocess.PIPE)
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(MissingPrerequisiteError), cell_lock(RunStore(tmp_path), CELL):
            pass
        holder.kill()
        holder.communicate()
        with cell_lock(RunStore(tmp_path), CELL):
            pass


def test_only_one_alone_clears_what_was_abandoned(tmp_path):
    store = RunStore(tmp_path)
    run = tmp_path / f"m-toy-{CELL[:12]}"
    (run / "previews").mkdir(parents=True)
    abandoned = [run / ".run.json.abc.part", run / "previews" / ".scene-1.png.abc.part"]
    begun = tmp_path / f".m-toy-{CELL[:12]}.abc.part"
    begun.mkdir()
    for file in abandoned:
        file.touch()
    with cell_lock(store, CELL, Worker(0, 2)):
        assert begun.exists()
        assert all(file.exists() for file in abandoned)
    with cell_lock(store, CELL):
        assert not begun.exists()
        assert not any(file.exists() for file in abandoned)


def test_object_stores_have_no_locks():
    store = RunStore("memory://locks/runs")
    with cell_lock(store, CELL), cell_lock(store, CELL), record_lock(store, CELL):
        assert store.root.names() == {}
