"""Kills, interruptions and two processes at once."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ldpbench.core.progress import Silent
from ldpbench.data.fetch import fetch_files, missing_files
from ldpbench.records.dataset_source import RemoteFile
from tests.fault_server import FaultServer, remote_file

CONTENT = random.Random(17).randbytes(400_000)
_ROOT = Path(__file__).parents[3]

_FETCH = """
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits that it is ignored
from pathlib import Path
from ldpbench.core.progress import Silent
from ldpbench.data.fetch import fetch_files
from ldpbench.records.dataset_source import RemoteFile

class Said(Silent):
    def note(self, message):
        print(message, flush=True)

fetch_files([RemoteFile.model_validate_json(sys.argv[1])], Path(sys.argv[2]), progress=Said())
"""


def start(file: RemoteFile, folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", _FETCH, file.model_dump_json(), str(folder)]
    environment = os.environ | {"PYTHONPATH": str(_ROOT)}
    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def part_bytes(folder: Path) -> int:
    part = folder / ".a.bin.part"
    return part.stat().st_size if part.exists() else 0


def interrupted(file: RemoteFile, folder: Path, how: int) -> "subprocess.CompletedProcess[str]":
    """Fetch in a process of its own that gets a signal in the middle."""
    process = start(file, folder)
    wait_for(lambda: part_bytes(folder) > 100_000)
    process.send_signal(how)
    stdout, stderr = process.communicate(timeout=30)
    return subprocess.CompletedProcess([], process.returncode, stdout, stderr)


@pytest.mark.parametrize("known", [{}, {"checksum": None, "bytes": None}])
def test_a_killed_fetch_is_continued_with_fewer_bytes(known: dict[str, None], tmp_path: Path) -> None:
    with FaultServer({"a.bin": CONTENT}, pause_s=0.05) as server:
        file = remote_file("a.bin", CONTENT, server.url("a.bin"), **known)
        ended = interrupted(file, tmp_path, signal.SIGKILL)
        assert ended.returncode == -signal.SIGKILL
        assert not (tmp_path / "a.bin").exists()
        kept = part_bytes(tmp_path)
        server.pause_s = 0
        fetch_files([file], tmp_path)
    assert server.gets[-1].start == kept
    assert server.gets[-1].sent == len(CONTENT) - kept < 300_000
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert not list(tmp_path.glob(".a.bin*"))


def test_ctrl_c_ends_it_soon_and_leaves_a_part(tmp_path: Path) -> None:
    with FaultServer({"a.bin": CONTENT}, pause_s=0.05) as server:
        before = time.monotonic()
        ended = interrupted(remote_file("a.bin", CONTENT, server.url("a.bin")), tmp_path, signal.SIGINT)
    assert ended.returncode != 0
    assert ended.stderr.rstrip().endswith("KeyboardInterrupt")
    assert "Task was destroyed" not in ended.stderr
    assert time.monotonic() - before < 15
    assert part_bytes(tmp_path) > 100_000
    assert not (tmp_path / "a.bin").exists()


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interruption_from_within_propagates(jobs: int, tmp_path: Path) -> None:
    class Interrupting(Silent):
        @contextlib.contextmanager
        def transfer(self, *, label: str, total: int | None, done: int = 0) -> Iterator[Callable[[int], None]]:
            def advance(count: int) -> None:
                if count > 0:
                    raise KeyboardInterrupt

            yield advance

    with FaultServer(dict.fromkeys("abc", CONTENT), pause_s=0.005) as server:
        files = [remote_file(name, CONTENT, server.url(name)) for name in "abc"]
        with pytest.raises(KeyboardInterrupt):
            fetch_files(files, tmp_path, jobs=jobs, progress=Interrupting())
        assert not [path for path in tmp_path.iterdir() if path.name in "abc"]
        assert list(tmp_path.glob(".?.part"))
        server.pause_s = 0
        fetch_files(files, tmp_path, jobs=jobs)
    assert missing_files(files, tmp_path) == ()


def test_two_processes_fetch_it_once(tmp_path: Path) -> None:
    with FaultServer({"a.bin": CONTENT}, pause_s=0.3) as server:
        file = remote_file("a.bin", CONTENT, server.url("a.bin"))
        first = start(file, tmp_path)
        wait_for(lambda: part_bytes(tmp_path) > 0)
        second = start(file, tmp_path)
        assert second.stdout is not None
        assert "another process is fetching" in second.stdout.readline()
        server.pause_s = 0
        said = [process.communicate(timeout=60) for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], said
    assert len(server.gets) == 1
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_the_lock_of_a_killed_process_holds_nobody_up(tmp_path: Path) -> None:
    with FaultServer({"a.bin": CONTENT}, pause_s=0.05) as server:
        file = remote_file("a.bin", CONTENT, server.url("a.bin"))
        interrupted(file, tmp_path, signal.SIGKILL)
        assert (tmp_path / ".fetch.lock").exists()
        server.pause_s = 0
        before = time.monotonic()
        fetch_files([file], tmp_path)
    assert time.monotonic() - before < 10
