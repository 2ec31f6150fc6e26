"""Google Drive through gdown: continued parts, and its many ways to say no."""

import errno
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gdown
import pytest
from gdown.exceptions import FileURLRetrievalError

from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError, StorageError
from ldpbench.data.fetch import fetch_files
from tests.fault_server import QUOTA_PAGE, Fault, FaultServer, remote_file

CONTENT = random.Random(11).randbytes(1_400_000)
REAL_DOWNLOAD = gdown.download
URI = "gdrive://1AbC-d_E"

Download = Callable[..., Any]


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"STALL_S": "0.5", "BACKOFF_S": "0.001", "ATTEMPTS": "3"}.items():
        monkeypatch.setenv(f"LDPBENCH_FETCH_{name}", value)


@pytest.fixture
def drive(monkeypatch: pytest.MonkeyPatch) -> Callable[[FaultServer], list[str]]:
    """Let gdown fetch from the loopback server instead, and list the ids that it was asked for."""

    def aim_at(server: FaultServer) -> list[str]:
        asked: list[str] = []

        def download(*, id: str, **options: Any) -> Any:
            asked.append(id)
            return REAL_DOWNLOAD(url=server.url("file"), **options)

        monkeypatch.setattr(gdown, "download", download)
        return asked

    return aim_at


def refusing(error: Exception) -> Download:
    def download(**options: Any) -> None:
        raise error

    return download


def test_a_file_comes_by_its_id(tmp_path: Path, drive: Callable[[FaultServer], list[str]]) -> None:
    with FaultServer({"file": CONTENT}) as server:
        asked = drive(server)
        fetch_files([remote_file("a.zip", CONTENT, URI)], tmp_path)
    assert asked == ["1AbC-d_E"]
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert {path.name for path in tmp_path.iterdir()} == {"a.zip", ".fetch.lock", ".verified.json"}


def test_a_broken_transfer_is_continued(tmp_path: Path, drive: Callable[[FaultServer], list[str]]) -> None:
    with FaultServer({"file": CONTENT}, [Fault("drop", at=0.5)]) as server:
        drive(server)
        fetch_files([remote_file("a.zip", CONTENT, URI)], tmp_path)
    # gdown reads half a megabyte at a time, and asks for the whole first to learn what the file is.
    assert server.gets[-1].start == 524_288
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_part_goes_on_at_another_kind_of_mirror(tmp_path: Path, drive: Callable[[FaultServer], list[str]]) -> None:
    with FaultServer({"file": CONTENT}, lambda _: Fault("drop", at=0.5)) as bad, FaultServer({"b": CONTENT}) as good:
        drive(bad)
        fetch_files([remote_file("a.zip", CONTENT, URI, good.url("b"))], tmp_path)
    assert bad.gets[-1].start == good.gets[0].start == 524_288
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_what_a_killed_gdown_left_is_adopted(tmp_path: Path, drive: Callable[[FaultServer], list[str]]) -> None:
    (tmp_path / ".a.zip.drive_partial.part").write_bytes(CONTENT[:70_000])
    (tmp_path / ".a.zip.part").write_bytes(CONTENT[:10])
    with FaultServer({"file": CONTENT}) as server:
        drive(server)
        fetch_files([remote_file("a.zip", CONTENT, URI)], tmp_path)
    assert server.gets[-1].start == 70_000
    assert not list(tmp_path.glob(".a.zip*"))


def test_without_a_checksum_it_starts_from_zero(tmp_path: Path, drive: Callable[[FaultServer], list[str]]) -> None:
    (tmp_path / ".a.zip.part").write_bytes(b"\0" * 500)
    with FaultServer({"file": CONTENT}) as server:
        drive(server)
        fetch_files([remote_file("a.zip", CONTENT, URI, checksum=None)], tmp_path)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


@pytest.mark.parametrize("kind", ["no-range", "wrong-range"])
def test_what_cannot_be_continued_starts_from_zero(
    kind: str, tmp_path: Path, drive: Callable[[FaultServer], list[str]]
) -> None:
    (tmp_path / ".a.zip.part").write_bytes(CONTENT[:70_000])
    with FaultServer({"file": CONTENT}, lambda request: Fault(kind) if request.start else None) as server:
        drive(server)
        fetch_files([remote_file("a.zip", CONTENT, URI)], tmp_path)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_part_that_is_whole_already_is_not_an_error(
    tmp_path: Path, drive: Callable[[FaultServer], list[str]]
) -> None:
    (tmp_path / ".a.zip.part").write_bytes(CONTENT)
    with FaultServer({"file": CONTENT}) as server:
        drive(server)
        fetch_files([remote_file("a.zip", CONTENT, URI, bytes=None)], tmp_path)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_wrong_content_and_a_longer_file_are_named(tmp_path: Path, drive: Callable[[FaultServer], list[str]]) -> None:
    with FaultServer({"file": CONTENT * 3}) as server:
        drive(server)
        with pytest.raises(IntegrityError, match="expected 1400000 bytes, found at least 4200000"):
            fetch_files([remote_file("a.zip", CONTENT, URI)], tmp_path)
        server.files["file"] = bytes(len(CONTENT))
        with pytest.raises(IntegrityError, match="expected sha256:.* found sha256:"):
            fetch_files([remote_file("b.zip", CONTENT, URI)], tmp_path)
    assert not list(tmp_path.glob("?.zip"))


def test_a_page_is_never_kept(tmp_path: Path, drive: Callable[[FaultServer], list[str]]) -> None:
    with FaultServer({"file": QUOTA_PAGE}) as server:
        drive(server)
        with pytest.raises(MissingPrerequisiteError, match="quota is used up"):
            fetch_files([remote_file("a.zip", CONTENT, URI, checksum=None, bytes=None)], tmp_path)
    assert not list(tmp_path.glob("*zip*"))


@pytest.mark.parametrize(("status", "said"), [(404, "HTTP 404"), (403, "HTTP 403: it wants a login")])
def test_a_refusal_is_named(status: int, said: str, tmp_path: Path, drive: Callable[[FaultServer], list[str]]) -> None:
    with FaultServer({}, lambda _: Fault("status", status=status)) as server:
        drive(server)
        with pytest.raises(MissingPrerequisiteError, match=said):
            fetch_files([remote_file("a.zip", CONTENT, URI)], tmp_path)
    assert len(server.gets) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "Failed to retrieve file url:\n\n\tToo many users have viewed or\n\tdownloaded this file recently.\n\n"
            "You may still be able to access the file from the browser. Please check connections and permissions.",
            "quota on Google Drive is used up",
        ),
        (
            "Failed to retrieve file url:\n\n\tCannot retrieve the public link of the file. You may need to change the "
            "permission to 'Anyone with the link', or have had many accesses.",
            "not shared with everyone, or its quota",
        ),
    ],
)
def test_drives_own_refusals_become_our_sentence(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gdown, "download", refusing(FileURLRetrievalError(text)))
    with FaultServer({"a": CONTENT}) as mirror:
        with pytest.raises(MissingPrerequisiteError, match=said):
            fetch_files([remote_file("a.zip", CONTENT, URI)], tmp_path)
        fetch_files([remote_file("a.zip", CONTENT, URI, mirror.url("a"))], tmp_path)
    assert (tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_full_disk_under_gdown_is_a_storage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gdown, "download", refusing(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(StorageError, match="No space left"):
        fetch_files([remote_file("a.zip", CONTENT, URI)], tmp_path)


def test_whatever_else_gdown_raises_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gdown, "download", refusing(KeyError("Content-Type")))
    with pytest.raises(MissingPrerequisiteError, match="Content-Type"):
        fetch_files([remote_file("a.zip", CONTENT, URI)], tmp_path)
