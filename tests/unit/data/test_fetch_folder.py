"""A folder of files: what is there already, what fits, many files at a time, other protocols."""

import contextlib
import errno
import io
import os
import random
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError, StorageError, UsageError
from ldpbench.core.units import human_bytes
from ldpbench.data.fetch import fetch_files, missing_files
from ldpbench.data.fetch import ledger as ledger_module
from ldpbench.data.fetch.part import Part
from ldpbench.data.fetch.plan import rough_time
from tests.fault_server import PLAIN_PAGE, Fault, FaultServer, Request, remote_file

T = TypeVar("T")

CONTENT = random.Random(13).randbytes(90_000)


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"STALL_S": "0.5", "BACKOFF_S": "0.001", "ATTEMPTS": "2"}.items():
        monkeypatch.setenv(f"LDPBENCH_FETCH_{name}", value)


class Heard:
    """Progress that remembers."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.bars: dict[str, tuple[int | None, int]] = {}
        self.tracked: dict[str, int | None] = {}

    def track(self, items: Iterable[T], *, label: str, total: int | None = None) -> Iterable[T]:
        self.tracked[label] = total
        return items

    @contextlib.contextmanager
    def transfer(self, *, label: str, total: int | None, done: int = 0) -> Iterator[Callable[[int], None]]:
        self.bars[label] = (total, done)

        def advance(count: int) -> None:
            self.bars[label] = (total, self.bars[label][1] + count)

        yield advance

    def note(self, message: str) -> None:
        self.notes.append(message)

    def warn(self, message: str) -> None:
        self.notes.append(message)


def tree(n_files: int) -> dict[str, bytes]:
    return {f"scene/{index:03}.png": random.Random(index).randbytes(500 + index) for index in range(n_files)}


def test_what_is_verified_is_neither_fetched_nor_hashed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer({"a": CONTENT}) as server:
        file = remote_file("a", CONTENT, server.url("a"))
        assert missing_files([file], tmp_path) == (file,)
        fetch_files([file], tmp_path)
        monkeypatch.setattr(ledger_module, "checksum_of", lambda *_: pytest.fail("it was hashed again"))
        fetch_files([file], tmp_path)
        assert missing_files([file], tmp_path) == ()
    assert len(server.gets) == 1


@pytest.mark.parametrize("known", [{}, {"bytes": None}, {"checksum": None}, {"checksum": None, "bytes": None}])
def test_a_changed_file_is_noticed_and_fetched_again(known: dict[str, None], tmp_path: Path) -> None:
    with FaultServer({"a": CONTENT}) as server:
        file = remote_file("a", CONTENT, server.url("a"), **known)
        fetch_files([file], tmp_path)
        (tmp_path / "a").write_bytes(bytes(len(CONTENT)))
        assert missing_files([file], tmp_path) == (file,)
        fetch_files([file], tmp_path)
        assert (tmp_path / "a").read_bytes() == CONTENT
        os.utime(tmp_path / "a", (1, 1))  # touched, not changed
        assert missing_files([file], tmp_path) == ()
    assert len(server.gets) == 2


def test_another_checksum_on_the_card_is_noticed(tmp_path: Path) -> None:
    with FaultServer({"a": CONTENT}) as server:
        fetch_files([remote_file("a", CONTENT, server.url("a"))], tmp_path)
        other = remote_file("a", bytes(len(CONTENT)), server.url("a"))
        assert missing_files([other], tmp_path) == (other,)


def test_files_that_a_person_put_there_are_accepted_if_they_are_right(tmp_path: Path) -> None:
    nowhere = "http://127.0.0.1:1/"
    for name, data in {"right": CONTENT, "cut": CONTENT[:-1], "wrong": bytes(len(CONTENT)), "page": PLAIN_PAGE}.items():
        (tmp_path / name).write_bytes(data)
    right, cut, wrong = (remote_file(name, CONTENT, nowhere) for name in ("right", "cut", "wrong"))
    page = remote_file("page", CONTENT, nowhere, checksum=None, bytes=None)
    assert missing_files([right, cut, wrong, page], tmp_path) == (cut, wrong, page)
    fetch_files([right], tmp_path, offline=True)


def test_a_ledger_that_is_damaged_only_costs_time(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    for text in ("", "[]", '{"a": 3}', '{"a": {"bytes": 90000}}', "\0"):
        (tmp_path / ".verified.json").write_text(text)
        assert missing_files([remote_file("a", CONTENT, "http://127.0.0.1:1/a")], tmp_path) == ()


def test_offline_opens_no_connection_and_names_what_is_missing(tmp_path: Path) -> None:
    with FaultServer({"a": CONTENT, "b": CONTENT}) as server:
        a, b = (remote_file(name, CONTENT, server.url(name)) for name in "ab")
        fetch_files([a], tmp_path)
        n_before = len(server.log)
        with pytest.raises(MissingPrerequisiteError, match="1 files are not in .* offline: b$") as caught:
            fetch_files([a, b], tmp_path, offline=True)
        assert len(server.log) == n_before
    assert "--source" in caught.value.hint
    assert not (tmp_path / ".b.part").exists()


def test_it_is_said_what_comes_and_whether_it_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    (tmp_path / ".a.part").write_bytes(CONTENT[:30_000])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**12, 0, 52_100_000_000))
    with FaultServer({"a": CONTENT}) as server:
        fetch_files([remote_file("a", CONTENT, server.url("a"))], tmp_path, progress=heard)
    assert heard.notes == [
        f"fetching a into {tmp_path}: 60 kB, 30 kB are here already; 52.1 GB free; less than a minute at 10 MB/s"
    ]
    assert heard.bars == {"a": (90_000, 90_000)}


def test_what_does_not_fit_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100_000, 10_001, 89_999))
    with FaultServer({"a": CONTENT}) as server:
        for known in ({}, {"bytes": None}):
            with pytest.raises(StorageError, match=r"90 kB needed, 90 kB free"):
                fetch_files([remote_file("a", CONTENT, server.url("a"), **known)], tmp_path)
    assert server.gets == []


def test_an_unknown_size_is_asked_for_or_admitted(tmp_path: Path) -> None:
    heard = Heard()
    with FaultServer({"a": CONTENT}) as server:
        fetch_files([remote_file("a", CONTENT, server.url("a"), bytes=None)], tmp_path, progress=heard)
        assert heard.bars == {"a": (90_000, 90_000)}
        with pytest.raises(MissingPrerequisiteError):
            fetch_files([remote_file("b", CONTENT, server.url("b"), bytes=None)], tmp_path, progress=heard)
    assert ": size unknown; " in heard.notes[1]


def test_the_bar_goes_back_when_the_file_begins_again(tmp_path: Path) -> None:
    heard = Heard()
    with FaultServer({"a": CONTENT}, [Fault("wrong-bytes"), Fault("drop"), Fault("no-range")]) as server:
        fetch_files([remote_file("a", CONTENT, server.url("a"))], tmp_path, progress=heard)
    assert heard.bars == {"a": (90_000, 90_000)}


@pytest.mark.parametrize("jobs", [1, 4])
def test_a_loose_tree_comes_several_files_at_a_time(jobs: int, tmp_path: Path) -> None:
    contents, heard = tree(60), Heard()
    dropped: set[str] = set()

    def drop_once(request: Request) -> Fault | None:
        if request.path[-5] not in "07" or request.path in dropped:
            return None
        dropped.add(request.path)
        return Fault("drop")

    with FaultServer(contents, drop_once) as server:
        files = [remote_file(name, data, server.url(name)) for name, data in contents.items()]
        fetch_files(files, tmp_path, jobs=jobs, progress=heard)
    assert {name: (tmp_path / name).read_bytes() for name in contents} == contents
    assert not list(tmp_path.rglob("*.part*"))
    assert heard.tracked == {"fetching files": 60}
    assert heard.bars == {}


def test_a_few_files_at_a_time_share_a_bar(tmp_path: Path) -> None:
    contents, heard = tree(4), Heard()
    with FaultServer(contents) as server:
        files = [remote_file(name, data, server.url(name)) for name, data in contents.items()]
        fetch_files(files, tmp_path, jobs=3, progress=heard)
    size = sum(map(len, contents.values()))
    assert heard.bars == {"fetching 4 files": (size, size)}


@pytest.mark.parametrize("jobs", [1, 3])
def test_missing_files_of_a_tree_are_all_named_and_the_rest_is_there(jobs: int, tmp_path: Path) -> None:
    contents = tree(12)
    gone = ["scene/003.png", "scene/007.png"]
    with FaultServer({name: data for name, data in contents.items() if name not in gone}) as server:
        files = [remote_file(name, data, server.url(name)) for name, data in contents.items()]
        with pytest.raises(MissingPrerequisiteError, match="2 of 12 files could not be fetched") as caught:
            fetch_files(files, tmp_path, jobs=jobs)
    assert all(f"{name}: {server.url(name)}: HTTP 404" in caught.value.message for name in gone)
    assert [file.name for file in missing_files(files, tmp_path)] == gone


def test_a_dead_network_ends_it_at_the_first_file(tmp_path: Path) -> None:
    contents = tree(30)
    with FaultServer({}, lambda _: Fault("hang-up")) as server:
        files = [remote_file(name, data, server.url(name)) for name, data in contents.items()]
        with pytest.raises(MissingPrerequisiteError, match="1 of 30 files"):
            fetch_files(files, tmp_path, jobs=2)
        assert len({request.path for request in server.gets}) < 10


def test_readers_that_wait_are_woken_when_another_file_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDPBENCH_FETCH_STALL_S", "30")

    def misbehave(request: Request) -> Fault:
        return Fault("stall") if request.path == "slow" else Fault("hang-up")

    with FaultServer({"slow": CONTENT, "dead": CONTENT}, misbehave, stall_s=30) as server:
        files = [remote_file(name, CONTENT, server.url(name)) for name in ("slow", "dead")]
        before = time.monotonic()
        with pytest.raises(MissingPrerequisiteError, match="dead"):
            fetch_files(files, tmp_path, jobs=2)
    assert time.monotonic() - before < 15


def test_wrong_content_among_many_lists_every_fault(tmp_path: Path) -> None:
    contents = tree(5)
    with FaultServer(contents | {"scene/001.png": b"?" * 501, "scene/002.png": b"?" * 502}) as server:
        files = [remote_file(name, data, server.url(name)) for name, data in contents.items()]
        with pytest.raises(IntegrityError) as caught:
            fetch_files(files, tmp_path)
    assert [fault.split(":")[0] for fault in caught.value.faults] == ["scene/001.png", "scene/002.png"]


def test_names_stay_inside_and_distinct(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "out").symlink_to(tmp_path)
    file = remote_file("out/a", CONTENT, "http://127.0.0.1:1/a")
    with pytest.raises(UsageError, match="outside"):
        fetch_files([file], tmp_path / "files")
    plain = remote_file("a", CONTENT, "http://127.0.0.1:1/a")
    with pytest.raises(UsageError, match="a 2 times"):
        fetch_files([plain, plain], tmp_path)
    with pytest.raises(UsageError, match="at least 1 job"):
        fetch_files([plain], tmp_path, jobs=0)
    fetch_files([], tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_full_disk_leaves_a_part_that_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class FullDisk(io.BytesIO):
        def __init__(self, path: Path) -> None:
            self.path = path

        def write(self, data: Any) -> int:
            with self.path.open("ab") as stream:
                stream.write(bytes(data[:1000]))
            raise OSError(errno.ENOSPC, "No space left on device")

    with FaultServer({"a": CONTENT}) as server:
        file = remote_file("a", CONTENT, server.url("a"))
        with monkeypatch.context() as patch:
            patch.setattr(Part, "append", lambda self: FullDisk(self.path))
            with pytest.raises(StorageError, match="No space left on device"):
                fetch_files([file], tmp_path)
        assert not (tmp_path / "a").exists()
        fetch_files([file], tmp_path)
    assert server.gets[-1].start == 1000
    assert len(server.gets) == 2


def test_a_folder_that_cannot_be_written_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    with FaultServer({"a": CONTENT}) as server:
        file = remote_file("a", CONTENT, server.url("a"))
        with pytest.raises(StorageError, match="cannot write"):
            fetch_files([file], tmp_path / "file" / "folder")

        def refuse(*_: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(Path, "touch", refuse)
        with pytest.raises(StorageError, match="Permission denied"):
            fetch_files([file], tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_explained_and_can_be_judged(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    tmp_path.chmod(0o500)
    a, b = (remote_file(name, CONTENT, "http://127.0.0.1:1/a") for name in "ab")
    fetch_files([a], tmp_path)
    with pytest.raises(StorageError, match="Permission denied"):
        fetch_files([b], tmp_path)
    tmp_path.chmod(0o700)


def test_a_part_that_a_file_system_cannot_continue_starts_from_zero(tmp_path: Path) -> None:
    source = tmp_path / "source.bin"
    source.write_bytes(CONTENT)
    (tmp_path / ".a.part").write_bytes(CONTENT + b"more")
    fetch_files([remote_file("a", CONTENT, f"file://{source}", bytes=None)], tmp_path)
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_an_empty_file_is_a_file(tmp_path: Path) -> None:
    with FaultServer({"a": b""}) as server:
        fetch_files([remote_file("a", b"", server.url("a"))], tmp_path)
    assert (tmp_path / "a").read_bytes() == b""


def test_local_and_memory_files_are_read_and_continued(tmp_path: Path) -> None:
    source = tmp_path / "source.bin"
    source.write_bytes(CONTENT)
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/set/b.bin", CONTENT)
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / ".a.part").write_bytes(CONTENT[:50_000])
    heard = Heard()
    files = [remote_file("a", CONTENT, f"file://{source}"), remote_file("b", CONTENT, "memory://set/b.bin")]
    fetch_files(files, folder, progress=heard)
    assert (folder / "a").read_bytes() == (folder / "b").read_bytes() == CONTENT
    assert heard.bars["a"] == (90_000, 90_000)
    with pytest.raises(MissingPrerequisiteError, match="no such file"):
        fetch_files([remote_file("c", CONTENT, "memory://set/c.bin", bytes=None)], folder)
    with pytest.raises(IntegrityError, match="expected 90000 bytes, found a file of 3"):
        source.write_bytes(b"cut")
        fetch_files([remote_file("d", CONTENT, str(source))], folder)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (2_557_794_235, "2.56 GB"),
        (16_934_738_559, "16.9 GB"),
        (999_999_999, "1 GB"),
        (5 * 10**15, "5000 TB"),
    ],
)
def test_sizes_read_well(count: int, text: str) -> None:
    assert human_bytes(count) == text


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**16))
def test_sizes_are_right_to_one_percent(count: int) -> None:
    number, unit = human_bytes(count).split()
    scale = {"bytes": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}[unit]
    assert abs(float(number) * scale - count) <= 0.01 * count
    assert "e" not in number


def test_times_read_well() -> None:
    assert [rough_time(s) for s in (0, 50, 1694, 3 * 3600)] == [
        "less than a minute",
        "about a minute",
        "about 28 min",
        "about 3 h",
    ]
