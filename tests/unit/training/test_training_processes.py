"""Runs in processes of their own: several of them on one batch, and some that are killed."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from ldpbench.core.home import Home
from ldpbench.training.journal import JOURNAL_FILE, read_journal
from tests.tiny_training import command_line, tiny_config, train_tiny

PATIENCE_S = 240
SCHEDULES = int(os.environ.get("LDPBENCH_TEST_SCHEDULES", "1"))
"""Seeded schedules of killing and resuming; each takes about half a minute."""


def environment(home: Home, **more: str) -> dict[str, str]:
    return {**os.environ, "LDPBENCH_HOME": str(home.root), "OMP_NUM_THREADS": "1", **more}


def start(arguments: Sequence[str], home: Home, **more: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "ldpbench", *arguments],
        env=environment(home, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def start_two(arguments: Sequence[str], home: Home) -> list["subprocess.Popen[str]"]:
    """What torchrun does for two processes of one machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    return [start(arguments, home, RANK=str(rank), LOCAL_RANK=str(rank), **shared) for rank in range(2)]


def losses(folder: Path) -> list[float]:
    return [line["loss"] for line in read_journal(folder) if line["kind"] == "step"]


def wait_for_steps(folder: Path, count: int, processes: Sequence["subprocess.Popen[str]"]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    journal = folder / JOURNAL_FILE
    while time.monotonic() < deadline:
        if journal.is_file() and journal.read_bytes().count(b'"kind": "step"') >= count:
            return
        if all(process.poll() is not None for process in processes):
            pytest.fail(f"the run ended early: {processes[0].communicate()}")
        time.sleep(0.02)
    pytest.fail(f"no {count} steps within {PATIENCE_S} s")


@pytest.fixture(scope="module")
def straight(sample_home: Home, tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    folder = tmp_path_factory.mktemp("straight")
    train_tiny(tiny_config(), sample_home, folder)
    return losses(folder)


def test_two_processes_are_one_at_the_same_global_batch(
    straight: list[float], sample_home: Home, tmp_path: Path
) -> None:
    processes = start_two(command_line(tmp_path / "run"), sample_home)
    ended = [process.communicate(timeout=PATIENCE_S) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], ended
    assert losses(tmp_path / "run") == pytest.approx(straight, rel=1e-5)
    assert ended[1][0] == ""  # only the first one talks


def test_a_killed_worker_is_a_clean_error_and_the_run_goes_on(
    straight: list[float], sample_home: Home, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    processes = start_two(command_line(folder), sample_home)
    wait_for_steps(folder, 5, processes)
    processes[1].kill()
    _, told = processes[0].communicate(timeout=PATIENCE_S)
    processes[1].communicate()
    assert processes[0].returncode == 1, told
    last = told.strip().splitlines()[-1]
    assert last.startswith("error: a process of this run was lost"), told
    assert "--resume" in last
    assert "Traceback" not in told
    alone = start(["train", "--resume", str(folder), "--device", "cpu"], sample_home)
    _, told = alone.communicate(timeout=PATIENCE_S)
    assert alone.returncode == 0, told
    assert losses(folder) == pytest.approx(straight, rel=1e-5)


@pytest.mark.parametrize("seed", range(SCHEDULES))
def test_killed_at_any_moment_it_goes_on_to_the_last_bit(
    seed: int, straight: list[float], sample_home: Home, tmp_path: Path
) -> None:
    kill_and_resume(seed, sample_home, tmp_path / "run")
    assert losses(tmp_path / "run") == straight


def kill_and_resume(seed: int, home: Home, folder: Path) -> int:
    """Start the run, kill it at seeded moments, and go on until it ends; how often it was killed."""
    rng = random.Random(seed)
    kills = 0
    while True:
        resume = (folder / "training.json").is_file()
        arguments = ["train", "--resume", str(folder), "--device", "cpu"] if resume else command_line(folder)
        process = start(arguments, home)
        if kills < 1 + seed % 3:
            done = (folder / JOURNAL_FILE).read_bytes().count(b'"kind": "step"') if resume else 0
            wait_for_steps(folder, min(12, done + rng.randrange(1, 6)), [process])
            time.sleep(rng.random() * 0.05)
            process.send_signal(rng.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
            process.communicate(timeout=PATIENCE_S)
            kills += 1
            continue
        _, told = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, told
        return kills
