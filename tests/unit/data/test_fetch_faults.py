"""Whatever an address does: a file ends complete and right, or a named error and nothing half-made in its place."""

import random
from pathlib import Path

import pytest

from ldpbench.core.errors import IntegrityError, LdpbenchError, MissingPrerequisiteError
from ldpbench.core.progress import SILENT
from ldpbench.data.fetch import fetch_files, missing_files
from ldpbench.records.dataset_source import RemoteFile
from tests.fault_server import (
    KINDS,
    LOGIN_PAGE,
    PLAIN_PAGE,
    QUOTA_PAGE,
    Fault,
    FaultServer,
    remote_file,
    seeded_schedule,
)

_LEFTOVERS = {".fetch.lock", ".verified.json"}
_SEES_EVERYTHING = [kind for kind in KINDS if kind not in ("wrong-bytes", "longer")]
"""Faults that are noticed without a checksum and a size."""

CONTENT = random.Random(7).randbytes(150_000)


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"STALL_S": "0.15", "BACKOFF_S": "0.001", "LONGEST_WAIT_S": "0.02", "ATTEMPTS": "3"}.items():
        monkeypatch.setenv(f"LDPBENCH_FETCH_{name}", value)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def assert_complete(folder: Path, content: bytes = CONTENT) -> None:
    assert (folder / "a.bin").read_bytes() == content
    assert names(folder) == {"a.bin", *_LEFTOVERS}


def error_of(file: RemoteFile, folder: Path) -> LdpbenchError | None:
    try:
        fetch_files([file], folder, progress=SILENT)
    except LdpbenchError as error:
        return error
    return None


@pytest.mark.parametrize("block", range(10))
def test_two_hundred_schedules_of_faults(block: int, tmp_path: Path) -> None:
    endings = []
    for seed in range(20 * block, 20 * block + 20):
        rng = random.Random(seed)
        content = rng.randbytes(rng.randrange(20_000, 200_000))
        known = {"checksum": None} if seed % 4 == 0 else {}
        known |= {"bytes": None} if seed % 3 == 0 else {}
        kinds = _SEES_EVERYTHING if known else KINDS
        folder = tmp_path / str(seed)
        with (
            FaultServer({"a.bin": content}, seeded_schedule(seed, length=40, share=0.8, kinds=kinds)) as first,
            FaultServer({"a.bin": content}, seeded_schedule(-seed - 1, length=40, share=0.8, kinds=kinds)) as second,
        ):
            file = remote_file("a.bin", content, first.url("a.bin"), second.url("a.bin"), **known)
            error = error_of(file, folder)
            endings.append(error is None)
            if error is None:
                assert_complete(folder, content)
            else:
                assert error.message.startswith("a.bin could not be fetched: http://")
                assert names(folder) <= {*_LEFTOVERS, ".a.bin.part", ".a.bin.part.json"}
            first.schedule = second.schedule = ()
            fetch_files([file], folder, progress=SILENT)
            assert_complete(folder, content)
            assert not missing_files([file], folder)
    assert any(endings)


@pytest.mark.parametrize("kind", KINDS)
def test_one_fault_of_each_kind_is_survived_with_a_mirror(kind: str, tmp_path: Path) -> None:
    with FaultServer({"a.bin": CONTENT}, [Fault(kind)] * 9) as bad, FaultServer({"a.bin": CONTENT}) as good:
        fetch_files([remote_file("a.bin", CONTENT, bad.url("a.bin"), good.url("a.bin"))], tmp_path)
    assert_complete(tmp_path)


def test_a_dropped_connection_is_continued_where_it_broke(tmp_path: Path) -> None:
    with FaultServer({"a.bin": CONTENT}, [Fault("drop", at=0.5), Fault("drop", at=0.5)]) as server:
        fetch_files([remote_file("a.bin", CONTENT, server.url("a.bin"))], tmp_path)
    assert [request.start for request in server.gets] == [None, 75_000, 112_500]
    assert server.bytes_sent == len(CONTENT)
    assert_complete(tmp_path)


def test_a_stall_is_noticed_and_continued(tmp_path: Path) -> None:
    with FaultServer({"a.bin": CONTENT}, [Fault("stall", at=0.4)]) as server:
        fetch_files([remote_file("a.bin", CONTENT, server.url("a.bin"))], tmp_path)
    assert [request.start for request in server.gets] == [None, 60_000]


def test_a_server_that_ignores_ranges_is_read_from_zero_not_appended(tmp_path: Path) -> None:
    with FaultServer({"a.bin": CONTENT}, [Fault("drop"), Fault("no-range")]) as server:
        fetch_files([remote_file("a.bin", CONTENT, server.url("a.bin"))], tmp_path)
    assert server.gets[1].start == 75_000
    assert_complete(tmp_path)


def test_a_wrong_range_is_refused_and_the_whole_file_asked_for(tmp_path: Path) -> None:
    with FaultServer({"a.bin": CONTENT}, [Fault("drop"), Fault("wrong-range")]) as server:
        fetch_files([remote_file("a.bin", CONTENT, server.url("a.bin"), checksum=None)], tmp_path)
    assert [request.start for request in server.gets] == [None, 75_000, None]
    assert_complete(tmp_path)


def test_content_that_changed_in_between_is_not_spliced(tmp_path: Path) -> None:
    newer = random.Random(8).randbytes(len(CONTENT))
    with FaultServer({"a.bin": CONTENT}, [Fault("drop")] * 3) as server:
        file = remote_file("a.bin", CONTENT, server.url("a.bin"), checksum=None, bytes=None)
        server.schedule = lambda _: Fault("drop", at=0.2)
        with pytest.raises(MissingPrerequisiteError):
            fetch_files([file], tmp_path)
        assert ".a.bin.part.json" in names(tmp_path)
        server.files["a.bin"], server.schedule = newer, ()
        fetch_files([file], tmp_path)
    last = server.gets[-1]
    assert last.start is not None, "it was asked to continue"
    assert last.sent == len(newer), "and If-Range made the server send all of it"
    assert_complete(tmp_path, newer)


def test_without_a_checksum_no_part_goes_from_one_mirror_to_another(tmp_path: Path) -> None:
    with FaultServer({"a.bin": CONTENT}, [Fault("drop")] * 3) as first, FaultServer({"a.bin": CONTENT}) as second:
        known = {"checksum": None}
        fetch_files([remote_file("a.bin", CONTENT, first.url("a.bin"), second.url("a.bin"), **known)], tmp_path)
    assert second.gets[0].start is None
    assert second.bytes_sent == len(CONTENT)


def test_with_a_checksum_a_part_goes_on_at_the_next_mirror(tmp_path: Path) -> None:
    with FaultServer({"a.bin": CONTENT}, [Fault("drop")] * 3) as first, FaultServer({"a.bin": CONTENT}) as second:
        fetch_files([remote_file("a.bin", CONTENT, first.url("a.bin"), second.url("a.bin"))], tmp_path)
    assert second.gets[0].start == 131_250
    assert_complete(tmp_path)


def test_wrong_bytes_are_tried_once_more_from_zero_then_named(tmp_path: Path) -> None:
    with FaultServer({"a.bin": CONTENT}, [Fault("wrong-bytes")] * 9) as server:
        file = remote_file("a.bin", CONTENT, server.url("a.bin"))
        with pytest.raises(IntegrityError) as caught:
            fetch_files([file], tmp_path)
    assert [request.start for request in server.gets] == [None, None]
    assert server.url("a.bin") in caught.value.message
    assert f"expected {file.checksum}, found sha256:" in caught.value.message
    assert names(tmp_path) == {".fetch.lock"}


def test_an_md5_judges_too(tmp_path: Path) -> None:
    with FaultServer({"a.bin": b"hello"}) as server:
        right = remote_file("a.bin", b"hello", server.url("a.bin"), checksum="md5:5d41402abc4b2a76b9719d911017c592")
        fetch_files([right], tmp_path)
        wrong = right.model_copy(update={"name": "b.bin", "checksum": "md5:" + "0" * 32})
        with pytest.raises(IntegrityError, match="found md5:5d41402abc4b2a76b9719d911017c592"):
            fetch_files([wrong], tmp_path)


@pytest.mark.parametrize("known", [{}, {"checksum": None}])
def test_a_longer_body_is_stopped_at_once(known: dict[str, None], tmp_path: Path) -> None:
    endless = CONTENT * 400  # far more than sockets hold on their way, on a busy machine too
    with FaultServer({"a.bin": endless}, lambda _: Fault("no-length")) as server:
        with pytest.raises(IntegrityError, match="expected 150000 bytes, found more"):
            fetch_files([remote_file("a.bin", CONTENT, server.url("a.bin"), **known)], tmp_path)
        assert server.bytes_sent < len(endless)
    assert names(tmp_path) == {".fetch.lock"}


def test_a_file_of_another_size_is_not_even_begun(tmp_path: Path) -> None:
    with (
        FaultServer({"a.bin": CONTENT[:1000]}) as server,
        pytest.raises(IntegrityError, match="expected 150000 bytes, found a file of 1000"),
    ):
        fetch_files([remote_file("a.bin", CONTENT, server.url("a.bin"))], tmp_path)
    assert names(tmp_path) == {".fetch.lock"}


@pytest.mark.parametrize("kind", ["drop", "cut-chunks"])
def test_a_cut_is_noticed_although_nothing_is_known(kind: str, tmp_path: Path) -> None:
    with FaultServer({"a.bin": CONTENT}, lambda _: Fault(kind, at=0.9)) as server:
        file = remote_file("a.bin", CONTENT, server.url("a.bin"), checksum=None, bytes=None)
        with pytest.raises(MissingPrerequisiteError, match="the connection broke before the end"):
            fetch_files([file], tmp_path)
    assert "a.bin" not in names(tmp_path)


def test_a_body_without_any_mark_of_its_end_needs_a_size_or_a_checksum(tmp_path: Path) -> None:
    with FaultServer({"a.bin": CONTENT}, lambda _: Fault("unmarked")) as server:
        file = remote_file("a.bin", CONTENT, server.url("a.bin"), checksum=None, bytes=None)
        with pytest.raises(MissingPrerequisiteError, match="a cut could not be noticed"):
            fetch_files([file], tmp_path)
        fetch_files([remote_file("a.bin", CONTENT, server.url("a.bin"), bytes=None)], tmp_path)
    assert_complete(tmp_path)


@pytest.mark.parametrize(
    ("page", "said"),
    [(QUOTA_PAGE, "download quota is used up"), (LOGIN_PAGE, "a login page"), (PLAIN_PAGE, "titled 'Welcome & hello'")],
)
@pytest.mark.parametrize("content_type", ["text/html", "application/zip"])
def test_a_page_in_place_of_the_file_is_named_and_never_kept(
    page: bytes, said: str, content_type: str, tmp_path: Path
) -> None:
    fault = Fault("page", page=page, headers={"Content-Type": content_type})
    with FaultServer({"a.bin": CONTENT}, [fault] * 5) as server:
        file = remote_file("a.bin", CONTENT, server.url("a.bin"), checksum=None, bytes=None)
        with pytest.raises(MissingPrerequisiteError, match=said):
            fetch_files([file], tmp_path)
    assert names(tmp_path) == {".fetch.lock"}


def test_a_page_does_not_cost_what_has_arrived(tmp_path: Path) -> None:
    with FaultServer({"a.bin": CONTENT}, [Fault("drop"), Fault("page", page=QUOTA_PAGE)]) as server:
        file = remote_file("a.bin", CONTENT, server.url("a.bin"))
        with pytest.raises(MissingPrerequisiteError, match="quota"):
            fetch_files([file], tmp_path)
        assert (tmp_path / ".a.bin.part").read_bytes() == CONTENT[:75_000]
        fetch_files([file], tmp_path)
    assert server.gets[-1].start == 75_000


def test_a_server_that_calls_everything_html_makes_no_page_of_an_archive(tmp_path: Path) -> None:
    content = b"PK\x03\x04\x14\x00\x00\x00" + CONTENT
    with FaultServer({"a.bin": content}, lambda _: Fault("headers", headers={"Content-Type": "text/html"})) as server:
        fetch_files([remote_file("a.bin", content, server.url("a.bin"), checksum=None, bytes=None)], tmp_path)
    assert_complete(tmp_path, content)
