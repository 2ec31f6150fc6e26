"""HTTP manners: refusals, waits, encodings, redirects, proxies and logins."""

import email.utils
import hashlib
import random
import time
from pathlib import Path
from typing import Any

import pytest

from ldpbench.core.errors import MissingPrerequisiteError, UsageError
from ldpbench.data.fetch import fetch_files
from ldpbench.data.fetch.address import AddressError, without_secrets
from ldpbench.data.fetch.http import _seconds
from ldpbench.data.fetch.hub import hub_request
from ldpbench.data.fetch.settings import FetchSettings
from tests.fault_server import QUOTA_PAGE, Fault, FaultServer, remote_file

CONTENT = random.Random(9).randbytes(60_000)


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"STALL_S": "0.5", "BACKOFF_S": "0.001", "LONGEST_WAIT_S": "0.3", "ATTEMPTS": "3"}.items():
        monkeypatch.setenv(f"LDPBENCH_FETCH_{name}", value)


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_final_refusal_goes_straight_to_the_next_mirror(status: int, tmp_path: Path) -> None:
    refusal = Fault("status", status=status)
    with FaultServer({"a": CONTENT}, [refusal] * 9) as first, FaultServer({"a": CONTENT}) as second:
        fetch_files([remote_file("a", CONTENT, first.url("a"), second.url("a"))], tmp_path)
    assert len(first.gets) == len(second.gets) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_passing_refusal_is_tried_again(status: int, tmp_path: Path) -> None:
    with FaultServer({"a": CONTENT}, [Fault("status", status=status, headers={"Retry-After": "0"})] * 2) as server:
        fetch_files([remote_file("a", CONTENT, server.url("a"))], tmp_path)
    assert len(server.gets) == 3


def test_every_reason_is_listed(tmp_path: Path) -> None:
    with (
        FaultServer({}, [Fault("status", status=403, page=QUOTA_PAGE)]) as first,
        FaultServer({}) as second,
        pytest.raises(MissingPrerequisiteError) as caught,
    ):
        fetch_files([remote_file("a", CONTENT, first.url("a"), second.url("a"), "http://127.0.0.1:1/a")], tmp_path)
    message = caught.value.message
    assert f"{first.url('a')}: HTTP 403" in message
    assert "download quota is used up" in message
    assert f"{second.url('a')}: HTTP 404 Not Found" in message
    assert "http://127.0.0.1:1/a: " in message
    assert "\n" not in message


def test_retry_after_is_respected_up_to_the_longest_wait(tmp_path: Path) -> None:
    with FaultServer({"a": CONTENT}, [Fault("status", status=503, headers={"Retry-After": "3600"})]) as server:
        before = time.monotonic()
        fetch_files([remote_file("a", CONTENT, server.url("a"))], tmp_path)
    assert 0.3 <= time.monotonic() - before < 5


def test_retry_after_may_be_seconds_or_a_date() -> None:
    assert _seconds("17") == 17
    assert 50 < _seconds(email.utils.formatdate(time.time() + 60, usegmt=True)) <= 60
    assert _seconds(email.utils.formatdate(time.time() - 60, usegmt=True)) == 0
    assert [_seconds(text) for text in ("soon", "", "²", "Mon, 01 Jan 9999999 00:00:00 GMT")] == [0, 0, 0, 0]


def test_a_plain_form_is_asked_for_and_a_packed_one_refused(tmp_path: Path) -> None:
    with FaultServer({"a": CONTENT}, [None, Fault("packed")]) as server:
        fetch_files([remote_file("a", CONTENT, server.url("a"))], tmp_path)
        assert server.gets[0].headers["accept-encoding"] == "identity"
        with pytest.raises(MissingPrerequisiteError, match=r"packed \(gzip\)"):
            fetch_files([remote_file("b", CONTENT, server.url("a"))], tmp_path)


def test_a_part_that_is_whole_already_needs_no_request(tmp_path: Path) -> None:
    (tmp_path / ".a.part").write_bytes(CONTENT)
    with FaultServer({"a": CONTENT}) as server:
        fetch_files([remote_file("a", CONTENT, server.url("a"))], tmp_path)
    assert server.log == []
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_a_whole_part_of_unknown_size_is_recognised_by_status_416(tmp_path: Path) -> None:
    (tmp_path / ".a.part").write_bytes(CONTENT)
    with FaultServer({"a": CONTENT}) as server:
        fetch_files([remote_file("a", CONTENT, server.url("a"), bytes=None)], tmp_path)
    assert [request.sent for request in server.gets] == [0]


@pytest.mark.parametrize("left", [CONTENT + b"more", b"\0" * len(CONTENT), b"\0" * 99])
@pytest.mark.parametrize("known", [{}, {"bytes": None}])
def test_a_wrong_part_is_replaced(left: bytes, known: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / ".a.part").write_bytes(left)
    with FaultServer({"a": CONTENT}) as server:
        fetch_files([remote_file("a", CONTENT, server.url("a"), **known)], tmp_path)
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_without_a_note_and_a_checksum_a_part_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / ".a.part").write_bytes(b"\0" * 99)
    (tmp_path / ".a.part.json").write_text('{"address": "cut by a')
    with FaultServer({"a": CONTENT}) as server:
        fetch_files([remote_file("a", CONTENT, server.url("a"), checksum=None, bytes=None)], tmp_path)
    assert server.gets[0].start is None
    assert (tmp_path / "a").read_bytes() == CONTENT


def test_a_redirect_keeps_the_range_and_drops_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    path = "datasets/owner/set/resolve/1234abcd/folder/a b.bin"
    with FaultServer({"stored": CONTENT}) as storage:
        moved = Fault("status", status=302, headers={"Location": storage.url("stored", host="localhost")})
        with FaultServer({path: CONTENT}, lambda _: moved) as hub:
            monkeypatch.setenv("HF_ENDPOINT", hub.url("").rstrip("/"))
            (tmp_path / ".a.bin.part").write_bytes(CONTENT[:10_000])
            file = remote_file("a.bin", CONTENT, "hf://datasets/owner/set@1234abcd/folder/a b.bin")
            fetch_files([file], tmp_path)
    assert hub.gets[0].path == path
    assert hub.gets[0].headers["authorization"] == "Bearer hf_secret"
    assert "authorization" not in storage.gets[0].headers
    assert storage.gets[0].start == 10_000
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_a_gated_hub_file_is_explained_without_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    gated = Fault("status", status=403, headers={"X-Error-Message": "Access is restricted; hf_secret is not enough"})
    with FaultServer({}, [gated]) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url(""))
        with pytest.raises(MissingPrerequisiteError, match="Access is restricted") as caught:
            fetch_files([remote_file("a", CONTENT, "hf://owner/model/a")], tmp_path)
    assert hub.gets[0].path == "owner/model/resolve/main/a"
    assert "secret" not in caught.value.message


def test_hub_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.example/")
    url, _ = hub_request("hf://datasets/o/n@refs%2Fpr%2F3/a/b.zip")
    assert url == "http://hub.example/datasets/o/n/resolve/refs%2Fpr%2F3/a/b.zip"
    assert hub_request("hf://datasets/o/n@refs/pr/3/a/b.zip")[0] == url
    for wrong in ("hf://datasets/o", "hf://o/n", "hf://datasets/o/--n--/a"):
        with pytest.raises(AddressError):
            hub_request(wrong)


def test_proxies_of_the_environment_are_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer({"folder/a": CONTENT}) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url(""))
        monkeypatch.setenv("no_proxy", "")
        fetch_files([remote_file("a", CONTENT, "http://publisher.invalid/folder/a")], tmp_path)
        assert proxy.gets[0].target == "http://publisher.invalid/folder/a"
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        fetch_files([remote_file("b", CONTENT, proxy.url("folder/a"))], tmp_path)
        assert proxy.gets[1].target == "/folder/a"


def test_a_netrc_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with FaultServer({"a": CONTENT}) as server:
        fetch_files([remote_file("a", CONTENT, server.url("a"))], tmp_path / "files")
    assert server.gets[0].headers["authorization"] == "Basic bWU6c2VjcmV0"


def test_messages_hold_no_secrets(tmp_path: Path) -> None:
    with FaultServer({}) as server:
        uri = f"http://me:pass@127.0.0.1:{server.port}/a?token=sesame"
        with pytest.raises(MissingPrerequisiteError) as caught:
            fetch_files([remote_file("a", CONTENT, uri)], tmp_path)
    assert "pass" not in caught.value.message
    assert "sesame" not in caught.value.message
    assert f"http://127.0.0.1:{server.port}/a" in caught.value.message
    assert without_secrets("sent Bearer abc to https://u:p@h/x?sig=1, hf_Ab1") == "sent … to https://h/x?… …"


def test_odd_addresses_are_reasons_not_tracebacks(tmp_path: Path) -> None:
    uris = (
        "http://",
        "http://[::1",
        "https://127.0.0.1:1/a",
        "foo://bar/a",
        "hf://datasets/only",
        "http://127.0.0.1:x/",
    )
    with pytest.raises(MissingPrerequisiteError) as caught:
        fetch_files([remote_file("a", CONTENT, *uris)], tmp_path)
    assert all(uri in caught.value.message for uri in uris)


def test_the_validator_is_noted_without_the_address(tmp_path: Path) -> None:
    with (
        FaultServer({"a": CONTENT}, lambda _: Fault("drop", at=0.3)) as server,
        pytest.raises(MissingPrerequisiteError),
    ):
        fetch_files([remote_file("a", CONTENT, server.url("a?token=sesame"))], tmp_path)
    note = (tmp_path / ".a.part.json").read_text()
    assert hashlib.md5(CONTENT).hexdigest() in note
    assert "sesame" not in note


@pytest.mark.parametrize(
    ("name", "value"), [("ATTEMPTS", "2.5"), ("STALL_S", "-1"), ("STALL_S", "nan"), ("BACKOFF_S", "x")]
)
def test_settings_come_from_the_environment_or_are_refused(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert FetchSettings.from_environment() == FetchSettings(
        attempts=3, stall_s=0.5, backoff_s=0.001, longest_wait_s=0.3
    )
    monkeypatch.setenv(f"LDPBENCH_FETCH_{name}", value)
    with pytest.raises(UsageError, match=f"LDPBENCH_FETCH_{name}"):
        FetchSettings.from_environment()
