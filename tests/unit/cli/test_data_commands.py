"""``prepare`` and ``datasets`` from a user's chair."""

import json

import pytest

from tests import fake_dpd
from tests.many_scenes import SET_ID, write_many


@pytest.fixture
def source(tmp_path, monkeypatch):
    plugin = write_many(tmp_path / "m", {"train": 4, "test": 2}, aliases={"val": "test"}, citation="@a{b}\n")
    monkeypatch.setenv("LDPBENCH_PLUGIN_PATH", str(plugin))
    return str(tmp_path / "m" / "source")


def answer(ended) -> object:
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)["data"]


def test_prepare_takes_splits_and_a_few_scenes(ldpbench, source, home):
    first = answer(ldpbench("prepare", SET_ID, "--source", source, "--split", "val", "--jobs", "2", "--json"))
    assert {name: part["count"] for name, part in first["splits"].items()} == {"test": 2}
    assert first["splits"]["test"]["complete"]
    few = ldpbench("prepare", SET_ID, "--source", source, "--split", "train", "--max-scenes", "3")
    assert few.returncode == 0
    assert "3 train, 2 test; partial" in few.stdout
    assert "warning: many is partial: train 3 of 4, test all 2" in few.stderr
    whole = ldpbench("prepare", SET_ID, "--source", source)
    assert "4 train, 2 test; complete" in whole.stdout
    assert "warning" not in whole.stderr
    again = ldpbench("prepare", SET_ID)
    assert again.returncode == 0
    assert again.stderr == "", "it is there already"


def test_prepare_says_what_to_do_when_a_person_is_needed(ldpbench, source):
    ended = ldpbench("prepare", SET_ID)
    assert ended.returncode == 3
    assert "Ask nobody." in ended.stderr
    assert "--source PATH" in ended.stderr
    ended = ldpbench("prepare", "rdpd")
    assert ended.returncode == 3
    assert "synthia-dataset.net" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_source_of_the_card_by_name(ldpbench):
    ended = ldpbench("prepare", "dpd-blur", "--from", "official")
    assert ended.returncode == 3
    assert "ln2.sync.com" in ended.stderr
    ended = ldpbench("prepare", "dpd-blur", "--from", "nowhere")
    assert ended.returncode == 2
    assert "restormer" in ended.stderr


def test_offline_never_opens_a_connection(ldpbench, monkeypatch):
    for arguments in (("--offline",), ()):
        if not arguments:
            monkeypatch.setenv("LDPBENCH_OFFLINE", "1")
        ended = ldpbench("prepare", "dpd-disp", *arguments)
        assert ended.returncode == 3
        assert "dpd-disp.zip" in ended.stderr
        assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--split", "tset"), "no split of many"),
        (("--max-scenes", "0"), "--max-scenes"),
        (("--device", "tpu"), "expected cpu or cuda"),
        (("--jobs", "0"), "--jobs"),
    ],
)
def test_wrong_options_are_usage_errors(ldpbench, source, options, sentence):
    ended = ldpbench("prepare", SET_ID, "--source", source, *options)
    assert ended.returncode == 2
    assert sentence in ended.stderr


def test_a_cuda_device_that_is_not_there_is_named(ldpbench, source):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    assert ldpbench("prepare", SET_ID, "--source", source, "--device", "cuda").returncode == 3


def test_list_info_cite_verify_and_remove(ldpbench, source, home):
    assert ldpbench("prepare", SET_ID, "--source", source).returncode == 0
    rows = {row["id"]: row for row in answer(ldpbench("datasets", "list", "--json"))}
    assert rows[SET_ID]["state"] == "complete"
    assert rows[SET_ID]["bytes"] > 0
    assert rows["rdpd"]["scenes"] is None
    text = ldpbench("datasets", "info", "dpd-blur").stdout
    for part in ("1680x1120", "indoor 37, outdoor 39", "(third-party)", "gdrive://", "no checksum published"):
        assert part in text
    assert "val is test" in ldpbench("datasets", "info", "rdpd").stdout
    info = answer(ldpbench("datasets", "info", SET_ID, "--json"))
    assert info["prepared"]["splits"]["train"]["count"] == 4
    assert ldpbench("datasets", "cite", SET_ID, "dpd-blur").stdout.count("@") == 2
    assert answer(ldpbench("datasets", "cite", "sample", "--json")) == [{"id": "sample", "bibtex": None}]
    assert answer(ldpbench("datasets", "verify", SET_ID, "--json"))["files"] == 18
    (home.downloads / SET_ID).mkdir(parents=True)
    (home.downloads / SET_ID / "a.zip").write_bytes(b"12345")
    removed = answer(ldpbench("datasets", "remove", SET_ID, "--yes", "--downloads", "--json"))
    assert len(removed["folders"]) == 2
    assert removed["bytes"] > 5
    assert not (home.downloads / SET_ID).exists()
    assert ldpbench("datasets", "remove", SET_ID, "--yes").returncode == 3


def test_push_refuses_before_it_looks_for_the_data(ldpbench, tmp_path):
    ended = ldpbench("datasets", "push", "dpd-blur", str(tmp_path / "out"))
    assert ended.returncode == 2
    assert "redistribution unknown" in ended.stderr
    assert ldpbench("datasets", "push", "dpd-blur", str(tmp_path / "out"), "--i-have-the-right").returncode == 3


def test_push_to_a_folder(ldpbench, source, tmp_path):
    ldpbench("prepare", SET_ID, "--source", source)
    done = answer(ldpbench("datasets", "push", SET_ID, str(tmp_path / "out"), "--json"))
    assert done["sent"][-1] == "README.md"
    assert (tmp_path / "out" / "README.md").is_file()


def test_remarks_reach_the_user(ldpbench, tmp_path, monkeypatch):
    monkeypatch.setenv("LDPBENCH_PLUGIN_PATH", str(fake_dpd.write_cards(tmp_path / "cards")))
    fake_dpd.write_zip(tmp_path / "test.zip", fake_dpd.restormer("test"))
    ended = ldpbench("prepare", fake_dpd.BLUR_ID, "--source", str(tmp_path / "test.zip"), "--split", "test")
    assert "note: the archive's indoor and outdoor labels agree with the card's" in ended.stderr
