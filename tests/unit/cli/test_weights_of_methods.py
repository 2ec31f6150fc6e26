"""``weights list``, ``get`` and ``verify`` for the published weights of methods, against a server on this machine."""

import hashlib
import io
import json
import zipfile
from contextlib import ExitStack

import pytest
import torch
import yaml

from ldpbench.core.resources import load_folder_package
from ldpbench.methods.fetch_weights import git_blob_sha1
from tests.fault_server import FaultServer
from tests.toy_methods import write_network


def weights_bytes(folder, *, channels=6):
    network = load_folder_package(folder).build_network(channels=channels)
    stream = io.BytesIO()
    torch.save({"params": network.state_dict()}, stream)
    return stream.getvalue()


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Install the toy network with weights at an address on this machine: ``published(body, **changes)``."""
    monkeypatch.setenv("LDPBENCH_PLUGIN_PATH", str(tmp_path / "plugins"))
    monkeypatch.setenv("LDPBENCH_FETCH_BACKOFF_S", "0.01")
    monkeypatch.setenv("LDPBENCH_FETCH_ATTEMPTS", "2")
    folder = write_network(tmp_path / "plugins")
    with ExitStack() as stack:

        def publish(body=None, *, name="toy.pth", **changes):
            body = weights_bytes(folder) if body is None else body
            server = stack.enter_context(FaultServer({"toy.bin": body}))
            document = yaml.safe_load((folder / "baseline.yaml").read_text())
            document["variants"]["dual"]["weights"] = [
                {"name": name, "uris": [server.url("toy.bin")], "licence": "MIT", **changes}
            ]
            (folder / "baseline.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
            return folder, body

        yield publish


def test_get_verify_and_list(published, ldpbench, home):
    _, body = published()
    listed = {row["name"]: row for row in json.loads(ldpbench("weights", "list", "--json").stdout)["data"]}
    assert listed["toy-net"]["path"] is None
    ended = ldpbench("weights", "get", "toy-net")
    assert ended.returncode == 0, ended.stderr
    assert "no checksum is published" in ended.stdout
    path = home.weights / "toy-net" / "toy.pth"
    assert path.read_bytes() == body
    verified = ldpbench("weights", "verify", "toy-net")
    assert verified.stdout.startswith("ok  toy-net: whole and of the right shape")
    assert ldpbench("weights", "verify").returncode == 0
    listed = {row["name"]: row for row in json.loads(ldpbench("weights", "list", "--json").stdout)["data"]}
    assert listed["toy-net"]["path"] == str(path)


@pytest.mark.parametrize("kind", ["sha256", "git-sha1"])
def test_a_checksum_is_demanded(published, ldpbench, home, tmp_path, kind):
    folder, body = published()
    (tmp_path / "body").write_bytes(body)
    right = hashlib.sha256(body).hexdigest() if kind == "sha256" else git_blob_sha1(tmp_path / "body")
    published(body, checksum=f"{kind}:{right}", checksum_from="publisher", bytes=len(body))
    assert ldpbench("weights", "get", "toy-net").returncode == 0
    assert ldpbench("weights", "verify", "toy-net").stdout == "ok  toy-net\n"
    (home.weights / "toy-net" / "toy.pth").unlink()
    published(body, checksum=f"{kind}:{right[::-1]}", checksum_from="publisher")
    ended = ldpbench("weights", "get", "toy-net")
    assert ended.returncode == 4
    assert right in ended.stderr
    assert not (home.weights / "toy-net" / "toy.pth").exists()
    assert folder.is_dir()


def test_git_gives_a_blob_that_id(tmp_path):
    (tmp_path / "hello").write_bytes(b"hello\n")
    assert git_blob_sha1(tmp_path / "hello") == "ce013625030ba8dba906f756967f9e9ca394464a"  # git hash-object


def test_a_file_inside_an_archive_is_taken_out(published, ldpbench, home):
    folder, body = published()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("checkpoints/toy.pth", body)
        archive.writestr("checkpoints/other.pth", b"x")
    published(stream.getvalue(), member="checkpoints/toy.pth")
    assert ldpbench("weights", "get", "toy-net").returncode == 0
    assert (home.weights / "toy-net" / "toy.pth").read_bytes() == body
    (home.weights / "toy-net" / "toy.pth").unlink()
    published(stream.getvalue(), member="absent.pth")
    ended = ldpbench("weights", "get", "toy-net")
    assert ended.returncode == 4
    assert "checkpoints/other.pth" in ended.stderr
    assert folder.is_dir()


def test_weights_by_hand_name_the_page_and_the_place(published, ldpbench, home):
    published(uris=[], page="https://example.org/weights")
    ended = ldpbench("weights", "get", "toy-net")
    assert ended.returncode == 3
    assert "https://example.org/weights" in ended.stderr
    assert str(home.weights / "toy-net" / "toy.pth") in ended.stderr
    assert len(ended.stderr.strip().splitlines()[-1:]) == 1


@pytest.mark.parametrize("body", [b"<!DOCTYPE html><html><title>Sign in</title></html>", b"", b"PK\x03\x04broken"])
def test_what_came_instead_is_named_and_verify_refuses_it(published, ldpbench, home, body):
    published(body)
    ended = ldpbench("weights", "get", "toy-net")
    assert "Traceback" not in ended.stderr
    if ended.returncode == 0:
        verified = ldpbench("weights", "verify", "toy-net")
        assert verified.returncode == 4, verified.stdout
        assert "Traceback" not in verified.stderr
    else:
        assert ended.returncode in (3, 4)
        assert not (home.weights / "toy-net" / "toy.pth").exists()


def test_the_weights_of_another_network_are_told(published, ldpbench):
    folder, _ = published()
    published(weights_bytes(folder, channels=3))
    assert ldpbench("weights", "get", "toy-net").returncode == 0
    ended = ldpbench("weights", "verify", "toy-net")
    assert ended.returncode == 4
    assert "holds the weights of Toy (single)" in ended.stderr


def test_names_are_demanded_and_checked(published, ldpbench):
    published()
    assert ldpbench("weights", "get").returncode == 2
    unknown = ldpbench("weights", "get", "toy-nett")
    assert unknown.returncode == 2
    assert "did you mean 'toy-net'" in unknown.stderr
    assert ldpbench("weights", "verify", "toy-net").returncode == 3
    offline = ldpbench("weights", "get", "toy-net", "--offline")
    assert offline.returncode == 3
