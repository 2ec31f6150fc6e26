"""The folder to hand on: its files, its card, and pushing it."""

import json
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest
import yaml

from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError, UsageError
from ldpbench.core.hashing import sha256_file
from ldpbench.methods.loading import load_method
from ldpbench.networks.checkpoint import load_checkpoint
from ldpbench.training.export.hub import push_folder, repository_of
from ldpbench.training.export.measured import measured_scores
from ldpbench.training.export.safetensors import export_folder
from tests.tiny_checkpoint import write_run, write_tiny_checkpoint

FILES = {"model.safetensors", "checkpoint.json", "baseline.yaml", "README.md"}


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    return write_tiny_checkpoint(tmp_path / "final")


def card_of(folder: Path) -> tuple[dict, str]:
    _, front, body = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(front), body


def test_the_folder_is_whole_and_is_the_checkpoint(checkpoint, tmp_path):
    done = export_folder(checkpoint, tmp_path / "out")
    assert {path.name for path in done.folder.iterdir()} == FILES == set(done.files)
    for name in FILES - {"README.md"}:
        assert sha256_file(tmp_path / "out" / name) == sha256_file(checkpoint / name)
    assert load_checkpoint(tmp_path / "out").record == load_checkpoint(checkpoint).record
    assert load_method(tmp_path / "out").record.id == "ldp-test-sample"
    assert not list(tmp_path.glob(".out*"))


def test_the_card_tells_data_steps_hardware_and_weights(checkpoint, tmp_path):
    front, body = card_of(export_folder(checkpoint, tmp_path / "out").folder)
    weights = sha256_file(checkpoint / "model.safetensors")
    assert front["license"] == "other"
    assert front["license_name"] == "none-stated"
    assert front["library_name"] == "ldpbench"
    for words in (
        "# LDP test on sample",
        "| dataset | sample |",
        "| steps | 1200 |",
        "| hardware.gpu | a card \\| with a bar |",
        "| crops | 64, 96 |",
        "| validation PSNR (dB) | 27.5 |",
        f"`{weights}`",
        "Parameters: 1,234",
        "--method ./out --dataset sample",
        "None was measured",
        "- Only for tests.",
    ):
        assert words in body, words
    assert str(tmp_path) not in body, "no path of this machine is handed on"
    assert "nothing-to-say" not in body


def test_the_card_has_the_scores_of_these_weights_and_of_no_others(checkpoint, tmp_path):
    sha256 = load_checkpoint(checkpoint).record.weights.sha256
    runs = tmp_path / "runs"
    write_run(runs / "one", sha256, psnrs=(20.0, 30.0))
    write_run(runs / "other", "0" * 64, psnrs=(99.0, 99.0))
    (runs / "broken").mkdir()
    (runs / "broken" / "run.json").write_text("not a record of anything of ours")
    done = export_folder(checkpoint, tmp_path / "out", runs=runs)
    assert [(one.metric, one.mean, one.n_images) for one in done.measured] == [("psnr", 25.0, 2)]
    _, body = card_of(done.folder)
    assert "| sample | test | plain | PSNR | 25.00 | 2 | a GPU |" in body
    assert "99" not in body.split("## Scores")[1]


@pytest.mark.parametrize(
    ("change", "means"),
    [
        ({}, [25.0]),
        ({"status": "partial"}, []),
        ({"complete": False}, []),
        ({"region": "blurred"}, []),
        ({"psnrs": (20.0, None)}, []),
    ],
)
def test_only_finished_runs_on_whole_splits_count(tmp_path, change, means):
    write_run(tmp_path / "runs" / "one", "a" * 64, **({"psnrs": (20.0, 30.0)} | change))
    assert [one.mean for one in measured_scores(tmp_path / "runs", "a" * 64)] == means


def test_of_two_runs_the_later_counts_whatever_their_names(tmp_path):
    write_run(tmp_path / "runs" / "z-first", "a" * 64, psnrs=(20.0, 30.0), started_at="2024-01-01T00:00:00+00:00")
    write_run(tmp_path / "runs" / "a-last", "a" * 64, psnrs=(30.0, 31.0), started_at="2024-01-02T00:00:00+00:00")
    assert [one.mean for one in measured_scores(tmp_path / "runs", "a" * 64)] == [30.5]


def test_a_damaged_run_of_these_weights_is_an_error(tmp_path):
    write_run(tmp_path / "runs" / "one", "a" * 64, psnrs=(20.0, 30.0))
    with (tmp_path / "runs" / "one" / "scores.jsonl").open("a") as stream:
        stream.write('{"sample_id": 3}\n')
    with pytest.raises(IntegrityError, match=r"scores.jsonl line 3"):
        measured_scores(tmp_path / "runs", "a" * 64)


def test_a_former_export_is_replaced_and_anything_else_is_not(checkpoint, tmp_path):
    out = tmp_path / "out"
    export_folder(checkpoint, out)
    (out / "README.md").write_text("old")
    export_folder(checkpoint, out)
    assert (out / "README.md").read_text() != "old"
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match="no former export"):
        export_folder(checkpoint, foreign)
    assert (foreign / "thesis.tex").read_text() == "years of work"
    assert {path.name for path in export_folder(checkpoint, foreign, force=True).folder.iterdir()} == FILES
    with pytest.raises(UsageError, match="the checkpoint itself"):
        export_folder(checkpoint, checkpoint, force=True)
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        export_folder(checkpoint, tmp_path / "file", force=True)


def test_damaged_weights_leave_nothing_behind(checkpoint, tmp_path):
    data = bytearray((checkpoint / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (checkpoint / "model.safetensors").write_bytes(bytes(data))
    with pytest.raises(IntegrityError, match="not what its record promises"):
        export_folder(checkpoint, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["model.safetensors", "checkpoint.json", "baseline.yaml"])
def test_a_missing_file_is_named(checkpoint, tmp_path, name):
    (checkpoint / name).unlink()
    with pytest.raises(MissingPrerequisiteError, match=name):
        export_folder(checkpoint, tmp_path / "out")
    assert not (tmp_path / "out").exists()


class FakeHub:
    """The part of ``HfApi`` that is used."""

    def __init__(self) -> None:
        self.created: list[tuple[str, object]] = []
        self.files: dict[str, str] = {}
        self.refuse = ""

    def create_repo(self, repo_id: str, *, repo_type: str, private: bool | None, exist_ok: bool) -> None:
        assert (repo_type, exist_ok) == ("model", True)
        self.created.append((repo_id, private))

    def upload_folder(self, *, repo_id: str, repo_type: str, folder_path: str, commit_message: str) -> object:
        assert repo_type == "model"
        assert commit_message
        if self.refuse:
            raise ConnectionError(self.refuse)
        self.files = {path.name: sha256_file(path) for path in Path(folder_path).iterdir()}
        return SimpleNamespace(commit_url=f"hub/{repo_id}/commit/1")


@pytest.fixture
def hub(monkeypatch) -> FakeHub:
    fake = FakeHub()
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda **_: fake)
    return fake


@pytest.mark.parametrize(("private", "told"), [(False, None), (True, True)])
def test_the_hub_gets_the_folder_in_one_commit(checkpoint, tmp_path, hub, private, told):
    folder = export_folder(checkpoint, tmp_path / "out").folder
    assert push_folder(folder, "hf://me/ldp-test", private=private) == "hub/me/ldp-test/commit/1"
    assert hub.created == [("me/ldp-test", told)]
    assert hub.files == {name: sha256_file(folder / name) for name in FILES}


def test_a_push_that_fails_is_a_sentence(tmp_path, hub):
    hub.refuse = "401\nUnauthorised"
    with pytest.raises(MissingPrerequisiteError, match="cannot push .* to hf://me/x: 401 Unauthorised") as caught:
        push_folder(tmp_path, "hf://me/x")
    assert "HF_TOKEN" in caught.value.hint


@pytest.mark.parametrize(
    "target", ["me/x", "hf://x", "hf://datasets/me/x", "hf://me/x/y", "s3://me/x", "hf://../x", "hf://", "hf://me/x y"]
)
def test_what_is_no_repository_is_refused(target):
    with pytest.raises(UsageError, match="hf://owner/name"):
        repository_of(target)


def test_the_command_writes_and_tells(checkpoint, tmp_path, ldpbench):
    done = ldpbench("export", str(checkpoint), "-o", str(tmp_path / "out"), "--json")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)["data"]
    assert data["format"] == "safetensors"
    assert set(data["files"]) == FILES == {path.name for path in (tmp_path / "out").iterdir()}
    assert data["weights_sha256"] == sha256_file(checkpoint / "model.safetensors")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "x", "--format", "onnx"], "does not go with"),
        (["-o", "x.onnx", "--format", "safetensors"], "does not go with"),
        (["-o", "x.onnx", "--push", "hf://me/x"], "--push and --private are for"),
        (["-o", "x", "--private"], "--private is for --push"),
        (["-o", "x", "--push", "me/x"], "hf://owner/name"),
        (["-o", "x", "--format", "pickle"], "pickle"),
    ],
)
def test_options_that_do_not_fit_are_usage_errors(checkpoint, ldpbench, tmp_path, options, message):
    options[1] = str(tmp_path / options[1])
    done = ldpbench("export", str(checkpoint), *options)
    assert done.returncode == 2
    assert message in done.stderr
    assert not Path(options[1]).exists()
