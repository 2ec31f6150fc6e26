"""Several processes on one cell, each on the command line of a user: the rows are those of one alone, to the bit."""

import os
import socket

import pytest

from ldpbench.results.connection import open_for_reading
from ldpbench.results.run_folder import read_run
from tests.chaos_processes import Nursery
from tests.toy_methods import write_method

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes are forked")
N_IMAGES = 6


@pytest.fixture(scope="module")
def nursery(tmp_path_factory):
    found = Nursery(tmp_path_factory.mktemp("worker-logs"))
    yield found
    found.close()


@pytest.fixture
def start(nursery, home_with_sample, tmp_path):
    """Start an evaluation of a method of six images."""
    method = write_method(tmp_path, "mean", "return (left + right) / 2")

    def started(*more, **environment):
        arguments = ("evaluate", "--method", str(method), "--dataset", "sample", "--no-previews", *more)
        return nursery.start(*arguments, home=home_with_sample.root, **environment)

    return started


def finished(processes):
    """Wait for them all; each must end well."""
    for process in processes:
        assert process.wait() == 0, process.said


def facts(folder):
    """All that is said of the images but who did them and how long it took."""
    return [row.model_copy(update={"seconds": None, "worker": None}) for row in read_run(folder).rows]


def only_run(runs):
    (folder,) = [path for path in runs.iterdir() if not path.name.startswith(".")]
    return folder


def test_one_two_and_three_workers_give_the_same_bits(start, tmp_path):
    found = {}
    for count in (1, 2, 3):
        runs = tmp_path / f"runs-of-{count}"
        finished([start("--array", f"{number}/{count}", "--runs", str(runs)) for number in range(1, count + 1)])
        stored = read_run(only_run(runs))
        assert stored.record.status == "complete"
        names = {f"{number}/{count}" for number in range(1, count + 1)} if count > 1 else {None}
        assert {row.worker for row in stored.rows} == names
        assert sum(file.read_bytes().count(b"\n") for file in only_run(runs).glob("scores*.jsonl")) == N_IMAGES
        found[count] = facts(only_run(runs))
    assert len(found[1]) == N_IMAGES
    assert found[1] == found[2] == found[3]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def test_processes_of_one_launch_share_the_images_and_the_first_takes_the_rows_in(start, home_with_sample):
    launch = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    finished([start(RANK=str(rank), **launch) for rank in range(2)])
    stored = read_run(only_run(home_with_sample.runs))
    assert (stored.record.status, {row.worker for row in stored.rows}) == ("complete", {"1/2", "2/2"})
    with open_for_reading(home_with_sample.database) as connection:
        assert connection.execute("SELECT count(*) FROM images").fetchall() == [(N_IMAGES,)]


def test_a_lost_worker_is_made_up_for_by_one_alone(start, home_with_sample):
    finished([start("--array", "2/3")])
    folder = only_run(home_with_sample.runs)
    assert [row.sample_id for row in read_run(folder).rows] == ["scene-2", "scene-5"]
    assert read_run(folder).record.status == "running"
    finished([start()])
    assert read_run(folder).record.status == "complete"
    lines = [file.read_bytes().count(b"\n") for file in sorted(folder.glob("scores*.jsonl"))]
    assert lines == [2, N_IMAGES - 2], "exactly what was missing is done"


def test_several_workers_do_not_start_anew(start):
    process = start("--array", "1/2", "--force")
    assert process.wait() == 2
    assert "cannot tell a new run" in process.said
