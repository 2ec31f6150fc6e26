"""``train`` from a user's chair."""

import csv
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock

from ldpbench.core.home import Home
from ldpbench.networks.zoo import zoo_config
from ldpbench.training.journal import read_journal
from ldpbench.training.recipes import resolve
from tests.tiny_training import TINY, command_line

Cli = Callable[..., Any]
QUICK = ("stages.0.steps=3", "stages.0.warmup_steps=0", "stages.1.steps=1", "network.head_channels=16")
PRIORS = ["none", "concat", "sa", "concat-sa", "bpa"]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def _no_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LDPBENCH_CLIP_WEIGHTS", raising=False)


@pytest.fixture
def home(home_with_sample: Home) -> Home:
    return home_with_sample


def sets(*assignments: str) -> list[str]:
    return [word for assignment in assignments for word in ("--set", assignment)]


def tiny(*more: str) -> list[str]:
    """A run of four steps on the two ``val`` scenes."""
    words = ["train", "ldp-tiny", "--dataset", "sample", "--recipe", "cpu-smoke", "--device", "cpu"]
    return [*words, *sets(*TINY, *QUICK), *more]


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def one_line(ended: Any, code: int) -> str:
    """The error of a command that failed as it should."""
    assert ended.returncode == code, ended.stderr
    assert ended.stdout == ""
    lines = [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert "Traceback" not in ended.stderr
    assert "a bug in ldpbench" not in ended.stderr
    return str(lines[0])


def test_help_names_what_there_is(ldpbench: Cli) -> None:
    group = ldpbench("train", "--help")
    assert group.returncode == 0
    assert "plan" in group.stdout
    run = ldpbench("train", "run", "--help")
    assert run.returncode == 0
    for option in ("--resume", "--sweep", "--budget", "--seeds", "--dry-run", "--i-know", "--overfit-one-batch"):
        assert option in run.stdout


def test_a_run_from_beginning_to_end(ldpbench: Cli, home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    ended = ldpbench(*tiny("--json", "--out", str(folder)))
    assert ended.returncode == 0, ended.stderr
    document = json.loads(ended.stdout)
    assert (document["schema"], document["ok"]) == ("ldpbench.train/1", True)
    data = document["data"]
    assert (data["folder"], data["steps"], data["of"]) == (str(folder), 4, 4)
    assert data["validation"]["count"] == 1
    assert data["method"].startswith("ldp-tiny-sample-")
    assert (folder / "final" / "model.safetensors").is_file()
    record = json.loads((folder / "training.json").read_text())
    assert record["command"][:2] == ["ldpbench", "train"]
    assert record["config"]["network"] == {
        **zoo_config("ldp-tiny").model_dump(mode="json"),
        "width": 4,
        "head_channels": 16,
    }


def test_people_are_told_what_to_do_next(ldpbench: Cli, home: Home) -> None:
    first, *rest = tiny()
    ended = ldpbench(first, "run", *rest)  # `run` may be left out, as everywhere else here
    assert ended.returncode == 0, ended.stderr
    (folder,) = [path for path in home.training.iterdir() if not path.name.startswith(".")]
    assert folder.name.endswith("-ldp-tiny-sample")
    assert "validation: PSNR" in ended.stdout
    assert f"ldpbench evaluate --method {folder / 'final'}" in ended.stdout
    assert "training ldp-tiny" in ended.stderr


def test_a_dry_run_writes_nothing(ldpbench: Cli, home: Home, tmp_path: Path) -> None:
    before = tree(home.root)
    for words in ([], ["--out", str(tmp_path / "run"), *sets("cache=disk")]):
        ended = ldpbench(*tiny("--dry-run", "--json", *words))
        assert ended.returncode == 0, ended.stderr
        data = json.loads(ended.stdout)["data"]
        assert data["loss"] > 0
        assert data["gradient_norm"] > 0
    assert tree(home.root) == before
    assert not (tmp_path / "run").exists()
    assert not home.training.exists()
    assert not home.blur_maps.exists()


def test_a_dry_run_is_the_first_step_and_reads_what_is_kept(ldpbench: Cli, home: Home, tmp_path: Path) -> None:
    assert ldpbench(*tiny("--out", str(tmp_path / "run"), *sets("cache=disk"))).returncode == 0
    first = next(line["loss"] for line in read_journal(tmp_path / "run"))
    before = tree(home.root)
    assert any(name.startswith("blurmaps/") for name in before)
    ended = ldpbench(*tiny("--dry-run", *sets("cache=disk")))
    assert ended.returncode == 0, ended.stderr
    assert f"loss {first:.5f}" in ended.stdout
    assert "indexing" not in ended.stderr
    assert tree(home.root) == before


def test_the_configuration_of_a_dry_run_is_a_file_to_train_from(ldpbench: Cli, home: Home, tmp_path: Path) -> None:
    config = json.loads(ldpbench(*tiny("--dry-run", "--json")).stdout)["data"]["config"]
    file = tmp_path / "mine.yaml"
    file.write_text(json.dumps(config))
    assert resolve(str(file)).model_dump(mode="json", by_alias=True) == config
    ended = ldpbench("train", str(file), "--device", "cpu", "--dry-run", "--json")
    assert json.loads(ended.stdout)["data"]["config"] == config


def test_a_plan_has_the_figures(ldpbench: Cli) -> None:
    words = ["train", "plan", "ldp-tiny", "--recipe", "cpu-smoke", "--device", "cpu", *sets(*TINY)]
    ended = ldpbench(*words)
    assert ended.returncode == 0, ended.stderr
    for word in ("parameters", "GMAC at 256x256", "12 of 4 patches", "32 px", "48 px", "on this machine alone"):
        assert word in ended.stdout
    document = json.loads(ldpbench(*words, "--json").stdout)
    assert document["schema"] == "ldpbench.train.plan/1"
    assert document["data"]["steps"] == 12
    assert [(pace["crop_px"], pace["steps"]) for pace in document["data"]["paces"]] == [(32, 5), (48, 7)]
    assert document["data"]["config"]["recipe"] == "cpu-smoke"


def test_a_plan_keeps_the_dataset_of_a_file(ldpbench: Cli, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("{network: ldp-tiny, recipe: cpu-smoke, dataset: rdpd}")
    ended = ldpbench("train", "plan", str(file), "--device", "cpu", *sets(*TINY[:1], *TINY[3:]), "--json")
    assert json.loads(ended.stdout)["data"]["config"]["dataset"] == "rdpd"


def test_a_plan_says_what_it_leaves_out(ldpbench: Cli) -> None:
    ended = ldpbench("train", "plan", "ldp-tiny", "--recipe", "cpu-smoke", *sets(*TINY, "stages.1.loss.blur_aware=0.1"))
    assert "its CLIP is not loaded for a plan" in ended.stderr


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["train", "--dataset", "sample"], 2, "what is to be trained?"),
        (["train", "ldp-tinny", "-d", "sample"], 2, "did you mean 'ldp-tiny'?"),
        (["train", "ldp-tiny"], 2, "name it with --dataset"),
        (["train", "ldp-tiny", "-d", "sample", "--recipe", "cpusmoke"], 2, "did you mean 'cpu-smoke'?"),
        (["train", "ldp-tiny", "-d", "sampel", "--recipe", "cpu-smoke"], 2, "did you mean 'sample'?"),
        (["train", "ldp-tiny", "-d", "rdpd", "--recipe", "cpu-smoke"], 3, "rdpd is not prepared"),
        (["train", "ldp-tiny", "-d", "sample", "--set", "global_bach=3"], 2, "did you mean 'global_batch'?"),
        (["train", "ldp-tiny", "-d", "sample", "--seeds", "2"], 2, "--seeds belongs to --sweep"),
        (["train", "ldp-tiny", "-d", "sample", "--budget", "0"], 2, "--budget"),
        (["train", "ldp-tiny", "-d", "sample", "--bugdet", "3"], 2, "--bugdet"),
        (["train", "ldp-tiny", "-d", "sample", "--sweep", "table9"], 2, "no ablation is called 'table9'"),
        (["train", "nowhere.yaml", "-d", "sample"], 3, "nowhere.yaml"),
        (["train", "--resume", "nowhere"], 3, "nowhere is no training run"),
        (["train", "plan", "ldp-tinny"], 2, "did you mean 'ldp-tiny'?"),
        (["train", "plan"], 2, "what is to be trained?"),
    ],
    ids=lambda value: " ".join(value[1:]) if isinstance(value, list) else "",
)
def test_wrong_words(words: list[str], code: int, sentence: str, ldpbench: Cli, home: Home) -> None:
    assert sentence in one_line(ldpbench(*words), code)
    assert not home.training.exists()


@pytest.mark.parametrize(
    ("more", "code", "sentence"),
    [
        (["--device", "gpu"], 2, "expected auto, cpu or cuda, found 'gpu'"),
        (["--set", "cache=gpu"], 2, "cache gpu: the training runs on the CPU"),
        (["--blur-map", "dispartiy"], 2, "did you mean 'disparity'?"),
        (["--blur-map", "clip-dense"], 3, "the weights of clip-vit-b-32"),
        (["--set", "stages.1.loss.blur_aware=0.1"], 3, "the weights of clip-vit-b-32"),
        (["--set", "split=tset"], 2, "tset"),
        (["--set", "allow_test=false"], 2, "training and validation on the same split val"),
        (["--set", "allow_test=false", "--set", "split=test"], 2, "training on the test split of sample"),
        (["--set", "allow_test=false", "--set", "val_split=test"], 2, "validation on the test split of sample"),
        (["--set", "patches.size_px=512"], 2, "expected at least 512x512"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_runs_that_cannot_be(
    more: list[str], code: int, sentence: str, ldpbench: Cli, home: Home, tmp_path: Path
) -> None:
    assert sentence in one_line(ldpbench(*tiny("--out", str(tmp_path / "run"), "--quiet", *more)), code)
    assert not (tmp_path / "run").exists()


def test_a_device_that_is_not_there(ldpbench: Cli, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "no CUDA device" in one_line(ldpbench(*tiny("--device", "cuda")), 3)


def test_the_test_split_for_those_who_know(ldpbench: Cli, home: Home, tmp_path: Path) -> None:
    assignments = [assignment for assignment in (*TINY, *QUICK) if not assignment.startswith("allow_test")]
    words = [
        "train",
        "ldp-tiny",
        "-d",
        "sample",
        "--recipe",
        "cpu-smoke",
        "--device",
        "cpu",
        "-o",
        str(tmp_path / "run"),
    ]
    words += sets(*assignments, "split=test")
    assert "say --i-know" in one_line(ldpbench(*words), 2)
    assert ldpbench(*words, "--i-know").returncode == 0
    assert json.loads((tmp_path / "run" / "training.json").read_text())["config"]["allow_test"] is True


def test_errors_are_documents_for_programs(ldpbench: Cli, home: Home) -> None:
    ended = ldpbench("train", "ldp-tiny", "-d", "sample", "--set", "global_bach=3", "--json")
    document = json.loads(ended.stdout)
    assert (ended.returncode, document["ok"], document["error"]["kind"]) == (2, False, "usage")


def stop_after(step: int, prior: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send this process SIGTERM, as a cluster does, while a network of that prior takes a step."""
    from ldpbench.training import loop

    real = loop.Trainer._one_step

    def one_step(self: Any, number: int, *rest: Any) -> None:
        real(self, number, *rest)
        if self.around.config.network.prior == prior and number + 1 == step:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(loop.Trainer, "_one_step", one_step)


def test_a_stopped_run_ends_with_130_and_goes_on(
    ldpbench: Cli, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, straight = tmp_path / "stopped", tmp_path / "straight"
    with monkeypatch.context() as patch:
        stop_after(6, "bpa", patch)
        ended = ldpbench(*command_line(folder))
    assert ended.returncode == 130, ended.stderr
    assert "stopped after step 6 of 12" in ended.stdout
    assert f"go on with  ldpbench train --resume {folder}" in ended.stdout
    assert not (folder / "final").exists()
    ended = ldpbench("train", "--resume", str(folder), "--device", "cpu")
    assert ended.returncode == 0, ended.stderr
    assert "going on after step 6 of 12" in ended.stderr
    assert ldpbench(*command_line(straight)).returncode == 0
    weights = [(at / "final" / "model.safetensors").read_bytes() for at in (folder, straight)]
    assert weights[0] == weights[1]
    again = ldpbench("train", "--resume", str(folder), "--device", "cpu", "--json")
    assert json.loads(again.stdout)["data"]["steps"] == 12


def test_resuming_takes_no_other_options(ldpbench: Cli, home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert ldpbench(*tiny("--out", str(folder))).returncode == 0
    before = tree(folder)
    for more in (
        ["ldp-tiny"],
        ["--dataset", "sample"],
        ["--recipe", "paper"],
        ["--set", "seed=1"],
        ["--seed", "0"],
        ["--out", str(tmp_path)],
        ["--blur-map", "zeros"],
        ["--overfit-one-batch"],
        ["--i-know"],
        ["--sweep", "table6"],
        ["--budget", "9"],
        ["--dry-run"],
    ):
        name = more[0] if more[0].startswith("--") else "NAME"
        error = one_line(ldpbench("train", "--resume", str(folder), *more), 2)
        assert f"--resume goes on with what the folder says, without {name}" in error
    assert tree(folder) == before


def test_another_run_in_the_same_folder(ldpbench: Cli, home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert ldpbench(*tiny("--out", str(folder))).returncode == 0
    assert "holds a run of another configuration" in one_line(
        ldpbench(*tiny("--out", str(folder), "--seed", "8", "--quiet")), 2
    )
    with FileLock(folder / ".lock"):
        error = one_line(ldpbench(*tiny("--out", str(folder), "--quiet")), 2)
    assert f"another process trains in {folder}" in error


def test_several_processes_need_a_folder(ldpbench: Cli, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from contextlib import contextmanager

    from ldpbench.training import team

    @contextmanager
    def two(device: str) -> Iterator[team.Team]:
        yield team.Team(0, 2, torch.device(device))

    monkeypatch.setattr(team, "joined_team", two)
    assert "name it with --out" in one_line(ldpbench(*tiny()), 2)


def test_a_damaged_record_is_told(ldpbench: Cli, home: Home, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert ldpbench(*tiny("--out", str(folder))).returncode == 0
    path = folder / "training.json"
    path.write_text(path.read_text().replace('"recipe"', '"recipee"'))
    assert "is not what this version writes" in one_line(ldpbench("train", "--resume", str(folder)), 4)


def test_a_budget_shortens_a_run(ldpbench: Cli, home: Home, tmp_path: Path) -> None:
    ended = ldpbench(*tiny("--out", str(tmp_path / "run"), "--budget", "8", "--json"))
    assert json.loads(ended.stdout)["data"]["of"] == 8
    stages = json.loads((tmp_path / "run" / "training.json").read_text())["config"]["stages"]
    assert [stage["steps"] for stage in stages] == [6, 2]


def test_a_sweep_of_table_6(ldpbench: Cli, home: Home) -> None:
    words = tiny("--sweep", "table6", "--budget", "4", "--seed", "7", "--json")
    ended = ldpbench(*words)
    assert ended.returncode == 0, ended.stderr
    data = json.loads(ended.stdout)["data"]
    folder = Path(data["folder"])
    assert folder == home.training / "sweep-table6-ldp-tiny-sample-4-steps"
    assert [row["setting"] for row in data["rows"]] == ["NAFNet", "Concat", "SA", "Concat + SA", "BPA block"]
    assert [row["published_psnr"] for row in data["rows"]] == [26.21, 26.76, 26.59, 26.80, 26.91]
    assert data["rows"][0]["psnr_change"] == 0
    for prior in PRIORS:
        assert (folder / f"prior-{prior}" / "seed-7" / "final" / "baseline.yaml").is_file()
    with (folder / "ablation.csv").open(newline="") as stream:
        table = list(csv.DictReader(stream))
    assert [float(row["psnr"]) for row in table] == pytest.approx([row["psnr"] for row in data["rows"]], abs=1e-5)
    # The whole of it is done: the same words train nothing again, and people get a table.
    journals = {path: path.read_bytes() for path in folder.rglob("journal.jsonl")}
    shutil.rmtree(folder / "prior-sa")
    again = ldpbench(*[word for word in words if word != "--json"])
    assert again.returncode == 0, again.stderr
    assert again.stderr.count("training ldp-tiny-sa: 0 of 4 done") == 1
    assert "training ldp-tiny: 0 of 4" not in again.stderr
    assert "5 of 5, BPA block" in again.stderr
    assert "paper: PSNR" in again.stdout
    assert {path: path.read_bytes() for path in journals if "prior-sa" not in path.parts} == {
        path: data for path, data in journals.items() if "prior-sa" not in path.parts
    }


def test_rows_that_need_clip_are_left_out_without_it(ldpbench: Cli, home: Home, tmp_path: Path) -> None:
    ended = ldpbench(*tiny("--sweep", "table7", "--budget", "4", "--out", str(tmp_path / "sweep"), "--json"))
    assert ended.returncode == 1, ended.stderr
    document = json.loads(ended.stdout)
    assert document["ok"] is False
    rows = document["data"]["rows"]
    assert [row["psnr"] is not None for row in rows] == [True, False, True, True, False, False]
    assert all("weights of clip-vit-b-32" in row["reason"] for row in rows if row["psnr"] is None)
    trained = sorted(path.name for path in (tmp_path / "sweep").iterdir() if path.is_dir())
    assert trained == ["bpa-char", "bpa-char-bwl", "none-char"]


def test_table_5_needs_clip_in_every_row(ldpbench: Cli, home: Home, tmp_path: Path) -> None:
    ended = ldpbench(*tiny("--sweep", "table5", "--budget", "4", "--out", str(tmp_path / "sweep")))
    assert ended.returncode == 1, ended.stderr
    assert ended.stderr.count("left out: the weights of clip-vit-b-32") == 11
    with (tmp_path / "sweep" / "ablation.csv").open(newline="") as stream:
        assert [row["psnr"] for row in csv.DictReader(stream)] == [""] * 11
    assert not list((tmp_path / "sweep").glob("prompts-*"))


def test_a_dry_sweep_tries_every_row(ldpbench: Cli, home: Home) -> None:
    before = tree(home.root)
    ended = ldpbench(*tiny("--sweep", "table7", "--budget", "4", "--dry-run"))
    assert ended.returncode == 1
    assert "NAFNet, L_char: loss" in ended.stdout
    assert "NAFNet, L_total: left out: the weights" in ended.stdout
    assert tree(home.root) == before


def test_a_sweep_without_its_dataset_is_an_error(ldpbench: Cli, home: Home) -> None:
    words = ["rdpd" if word == "sample" else word for word in tiny("--sweep", "table6")]
    assert "rdpd is not prepared" in one_line(ldpbench(*words), 3)


def test_a_stopped_sweep_ends_with_130_and_goes_on(ldpbench: Cli, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    from ldpbench.training import sweep

    real = sweep.rows_of
    monkeypatch.setattr(sweep, "rows_of", lambda *given: real(*given)[:2])
    words = tiny("--sweep", "table6", "--budget", "4", "--seeds", "2")
    with monkeypatch.context() as patch:
        stop_after(2, "concat", patch)
        ended = ldpbench(*words)
    assert ended.returncode == 130
    assert "run the same command again to continue" in ended.stderr
    again = ldpbench(*words)
    assert again.returncode == 0, again.stderr
    assert "going on after step 2 of 4" in again.stderr
    assert "training ldp-tiny-none: 0 of 4" not in again.stderr
    assert "2 rows of 4 steps with the seeds 0, 1" in again.stderr
