"""``methods new`` and ``check``: what they print, what they write as JSON, and how they end."""

import json
import shlex

import pytest
import torch

from tests.toy_methods import write_method, write_network


def data(done):
    document = json.loads(done.stdout)
    assert document["schema"].startswith("ldpbench.")
    return document


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_new_then_check(here, ldpbench):
    done = ldpbench("methods", "new", "my-net")
    assert done.returncode == 0, done.stderr
    assert "baselines/my-net/network.py" in done.stdout
    assert "ldpbench check baselines/my-net" in done.stdout
    done = ldpbench("check", "baselines/my-net")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "my-net: all 16 checks passed" in done.stdout
    assert "FAILED" not in done.stdout


def test_the_next_commands_run_as_they_are_printed(here, ldpbench, home_with_sample):
    answer = data(ldpbench("methods", "new", "my-net", "--in", "nets", "--json"))["data"]
    assert answer["folder"] == "nets/my-net"
    for line in answer["next"][:2]:
        done = ldpbench(*shlex.split(line)[1:])
        assert done.returncode == 0, f"{line}\n{done.stderr}"
    state = {"intro.weight": torch.zeros(8, 6, 3, 3), "intro.bias": torch.zeros(8)}
    torch.save(state | {"ending.weight": torch.zeros(3, 8, 3, 3), "ending.bias": torch.zeros(3)}, here / "FILE")
    done = ldpbench(*shlex.split(answer["next"][2])[1:])
    assert done.returncode == 0, done.stderr
    assert "my-net on sample/test: complete" in done.stderr


def test_a_method_without_training(here, ldpbench, home_with_sample):
    done = ldpbench("methods", "new", "my-filter", "--kind", "training-free", "--out", "my-filter", "--json")
    assert done.returncode == 0, done.stderr
    for line in data(done)["data"]["next"]:
        done = ldpbench(*shlex.split(line)[1:])
        assert done.returncode == 0, f"{line}\n{done.stderr}"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["My-net"], "is no id"),
        (["my-net", "--in", "a", "--out", "b/my-net"], "exclude each other"),
        (["my-net", "--out", "other"], "does not bear the id"),
        (["dp-wiener"], "is a method already"),
        (["my-net", "--kind", "magic"], "magic"),
    ],
)
def test_new_refuses(here, ldpbench, words, told):
    done = ldpbench("methods", "new", *words)
    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(here.iterdir()) == []


def test_new_twice(here, ldpbench):
    assert ldpbench("methods", "new", "my-net").returncode == 0
    (here / "baselines" / "my-net" / "network.py").write_text("mine")
    done = ldpbench("methods", "new", "my-net")
    assert done.returncode == 2
    assert "exists already" in done.stderr
    assert (here / "baselines" / "my-net" / "network.py").read_text() == "mine"


def test_a_failure_ends_with_one_and_says_what_to_do(tmp_path, ldpbench):
    folder = write_method(tmp_path, "bad", "return left")
    done = ldpbench("check", str(folder))
    assert done.returncode == 1
    (line,) = (line for line in done.stdout.splitlines() if "FAILED" in line)
    assert line.split()[0] == "views"
    assert "views: use it, or take right out of `inputs`" in done.stdout
    answer = data(ldpbench("check", str(folder), "--json"))
    assert answer["ok"] is False
    (report,) = answer["data"]
    assert report["method"] == "bad"
    assert report["passed"] is False
    failed = [finding for finding in report["findings"] if not finding["passed"]]
    assert [finding["name"] for finding in failed] == ["views"]
    assert set(failed[0]) == {"name", "passed", "detail", "hint"}


def test_checks_that_could_not_be_made_are_named(tmp_path, ldpbench):
    folder = write_method(tmp_path, "bad", "return 7")
    done = ldpbench("check", str(folder))
    assert done.returncode == 1
    assert "not checked before that is mended: size rule, any picture" in done.stdout


def test_every_variant_of_a_folder_is_checked(tmp_path, ldpbench):
    folder = write_network(tmp_path, paper={"title": "A paper", "venue": "unpublished", "year": 2026})
    reports = data(ldpbench("check", str(folder), "--json"))["data"]
    assert [(report["method"], report["passed"]) for report in reports] == [("toy-net", True), ("toy-net-single", True)]
    reports = data(ldpbench("check", f"{folder}:single", "--json"))["data"]
    assert [report["method"] for report in reports] == ["toy-net-single"]


def test_an_installed_method_is_checked_by_its_id(tmp_path, ldpbench, monkeypatch):
    write_method(tmp_path, "good", "return (left + right) / 2")
    monkeypatch.setenv("LDPBENCH_PLUGIN_PATH", str(tmp_path))
    done = ldpbench("check", "good")
    assert done.returncode == 0
    assert "good: all 12 checks passed" in done.stdout


def test_a_record_that_is_not_valid_ends_with_one(tmp_path, ldpbench):
    folder = write_method(tmp_path, "bad", "return left", colour="blue")
    done = ldpbench("check", str(folder))
    assert done.returncode == 1
    assert "Extra inputs are not permitted" in done.stdout


@pytest.mark.parametrize("name", ["no-such-method", ".", "nowhere/at-all"])
def test_what_is_no_method_ends_with_two(here, ldpbench, name):
    done = ldpbench("check", name)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")


def test_what_is_missing_ends_with_three_and_foreign_weights_with_four(tmp_path, ldpbench):
    folder = write_network(tmp_path)
    done = ldpbench("check", f"{folder}:dual", "--weights", "none.pth")
    assert done.returncode == 3
    torch.save({"other.weight": torch.zeros(3)}, tmp_path / "other.pth")
    done = ldpbench("check", f"{folder}:dual", "--weights", str(tmp_path / "other.pth"))
    assert done.returncode == 4
    assert "of another network" in done.stderr
