"""The paper's ablations: rows that are those of the published tables, trained alike."""

import csv
import json
import os
import signal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError, StorageError, UsageError
from ldpbench.core.home import Home
from ldpbench.training.config import TrainConfig
from ldpbench.training.guard import DivergedError
from ldpbench.training.run import Finished
from ldpbench.training.sweep import (
    LeftOut,
    Measured,
    printed_scores,
    rows_of,
    sweep,
    table_rows,
    with_budget,
    write_table,
)
from tests.tiny_training import tiny_config, train_tiny

PUBLISHED = Path(__file__).parents[3] / "leaderboard" / "published" / "ldp-cvpr2024-ablations.csv"
SMALL = ("network.head_channels=16", "validate_every=100", "checkpoint_every=100")


def printed(table: str) -> list[dict[str, str]]:
    with PUBLISHED.open(newline="") as stream:
        return [line for line in csv.DictReader(stream) if line["table"] == table]


@pytest.mark.parametrize(("table", "count"), [("5", 11), ("6", 5), ("7", 6)])
def test_rows_are_those_of_the_published_table(table: str, count: int) -> None:
    rows = rows_of(f"table{table}", tiny_config())
    expected = {line["method_as_printed"]: line["method"] for line in printed(table)}
    if table == "5":  # the full model is printed once under either heading
        assert expected.pop("Ens.2, Blur-aware Prompt") == expected.pop("Ens.2, DP-aware Prompt") == "ldp-small"
        expected["Ens.2"] = "ldp-small"
    assert {row.label: row.published for row in rows} == expected
    assert len(rows) == len({row.name for row in rows}) == count
    assert {row.published for row in rows} == set(printed_scores(f"table{table}"))


def test_a_row_changes_what_its_table_is_about_and_nothing_else() -> None:
    base = tiny_config(seed=5)
    for table, field in (("table5", "blur_map"), ("table6", "network")):
        rows = rows_of(table, base)
        assert all(row.config.model_copy(update={field: getattr(base, field)}) == base for row in rows)
        assert len({str(getattr(row.config, field)) for row in rows}) == len(rows)
    for row in rows_of("table7", base):
        assert row.config.stages[:-1] == base.stages[:-1]
        assert row.config.stages[-1].model_copy(update={"loss": base.stages[-1].loss}) == base.stages[-1]
        assert row.config.model_copy(update={"network": base.network, "stages": base.stages}) == base


def test_table_6_is_about_the_prior() -> None:
    networks = [row.config.network for row in rows_of("table6", tiny_config())]
    assert [network.prior for network in networks] == ["none", "concat", "sa", "concat+sa", "bpa"]
    assert len({(network.width, network.encoder, network.decoder, network.attention) for network in networks}) == 1


def test_table_7_is_about_the_loss() -> None:
    rows = rows_of("table7", tiny_config())
    found = [(row.config.network.prior, *vars(row.config.stages[-1].loss).values()) for row in rows]
    assert found == [
        ("none", 1.0, 0.0, 0.0),
        ("none", 1.0, 0.1, 0.2),
        ("bpa", 1.0, 0.0, 0.0),
        ("bpa", 1.0, 0.0, 0.2),
        ("bpa", 1.0, 0.1, 0.0),
        ("bpa", 1.0, 0.1, 0.2),
    ]


def test_table_5_is_about_prompts_that_exist() -> None:
    from ldpbench.blurmap.clip.prompts import prompt_group

    for row in rows_of("table5", tiny_config()):
        estimator, _, options = row.config.blur_map.partition(":")
        assert estimator == "clip-dense"
        key, _, value = options.partition("=")
        assert key == "prompts"
        assert any(prompt_group(value))


def test_names_and_networks_that_have_no_rows() -> None:
    with pytest.raises(UsageError, match="no ablation is called 'table8'"):
        rows_of("table8", tiny_config())
    with pytest.raises(UsageError, match="table5 compares blur maps"):
        rows_of("table5", tiny_config("network.prior=none"))


@given(budget=st.integers(1, 5000), first=st.integers(1, 900), second=st.integers(1, 900))
@settings(max_examples=60, deadline=None)
def test_a_budget_is_met_to_the_step(budget: int, first: int, second: int) -> None:
    config = tiny_config(f"stages.0.steps={first}", f"stages.1.steps={second}", "stages.0.warmup_steps=0")
    if budget == 1 or budget * min(first, second) * 2 < first + second:
        with pytest.raises(UsageError, match="leaves no step"):
            with_budget(config, budget)
        return
    found = with_budget(config, budget)
    assert found.steps == budget
    for stage, before in zip(found.stages, config.stages, strict=True):
        assert abs(stage.steps - budget * before.steps / config.steps) < 1
    assert TrainConfig.model_validate(found.model_dump(by_alias=True)) == found


def test_a_budget_keeps_a_warm_up_that_fits() -> None:
    config = tiny_config("stages.0.steps=900", "stages.0.warmup_steps=200", "stages.1.steps=100")
    assert [stage.warmup_steps for stage in with_budget(config, 100).stages] == [9, 0]
    assert with_budget(config, 5000).stages[0].warmup_steps == 200
    assert with_budget(config, config.steps) == config.model_copy(
        update={"stages": (config.stages[0].model_copy(update={"warmup_steps": 90}), config.stages[1])}
    )


def test_a_budget_without_a_step_for_a_stage_is_refused() -> None:
    with pytest.raises(UsageError, match="leaves no step for the stage total"):
        with_budget(tiny_config("stages.0.steps=900", "stages.1.steps=100"), 4)


@pytest.fixture(scope="module")
def trained(sample_home: Home, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Measured | LeftOut]]:
    """Two rows with two seeds each, really trained."""
    folder = tmp_path_factory.mktemp("sweep")
    rows = rows_of("table6", with_budget(tiny_config(*SMALL), 4))[:2]
    return folder, list(sweep(rows, [3, 4], folder, lambda config, at: train_tiny(config, sample_home, at)))


def test_every_row_gets_the_same_seeds_and_steps(trained: tuple[Path, list[Measured | LeftOut]]) -> None:
    folder, measured = trained
    assert [row.label for row in measured] == ["NAFNet", "Concat"]
    for name, row in zip(("prior-none", "prior-concat"), measured, strict=True):
        assert isinstance(row, Measured)
        scores = []
        for seed in (3, 4):
            run = folder / name / f"seed-{seed}"
            record = json.loads((run / "training.json").read_text())
            assert record["config"]["seed"] == seed
            assert sum(stage["steps"] for stage in record["config"]["stages"]) == 4
            scores.append(json.loads((run / "final" / "checkpoint.json").read_text())["training"]["psnr"])
        assert row.psnr_by_seed == tuple(scores)
        assert row.psnr == pytest.approx(sum(scores) / 2)
        assert 0 < row.ssim < 1


def test_a_finished_sweep_is_not_trained_again(
    trained: tuple[Path, list[Measured | LeftOut]], sample_home: Home
) -> None:
    folder, measured = trained
    rows = rows_of("table6", with_budget(tiny_config(*SMALL), 4))[:2]
    before = {path: path.read_bytes() for path in folder.rglob("journal.jsonl")}
    assert list(sweep(rows, [3, 4], folder, lambda config, at: train_tiny(config, sample_home, at))) == measured
    assert {path: path.read_bytes() for path in folder.rglob("journal.jsonl")} == before


def test_a_stopped_sweep_goes_on_where_it_was(
    trained: tuple[Path, list[Measured | LeftOut]], sample_home: Home, tmp_path: Path
) -> None:
    from tests.unit.training.test_training_runs import Stopping

    rows = rows_of("table6", with_budget(tiny_config(*SMALL), 4))[:2]
    calls: list[Path] = []

    def stopping(config: TrainConfig, at: Path) -> Finished:
        calls.append(at)
        if len(calls) < 3:
            return train_tiny(config, sample_home, at)
        stop = Stopping(2, lambda: os.kill(os.getpid(), signal.SIGTERM))
        return train_tiny(config, sample_home, at, stop)

    with pytest.raises(KeyboardInterrupt):
        list(sweep(rows, [3, 4], tmp_path, stopping))
    assert [path.relative_to(tmp_path).as_posix() for path in calls] == [
        "prior-none/seed-3",
        "prior-none/seed-4",
        "prior-concat/seed-3",
    ]
    assert list(sweep(rows, [3, 4], tmp_path, lambda config, at: train_tiny(config, sample_home, at))) == trained[1]


def test_rows_that_cannot_be_trained_are_left_out_with_their_reason(
    trained: tuple[Path, list[Measured | LeftOut]],
) -> None:
    rows = rows_of("table6", tiny_config())[:3]
    done = Finished(trained[0] / "prior-none" / "seed-3", 4, 4, None, "x")

    def train_one(config: TrainConfig, at: Path) -> Finished:
        if "none" in at.parent.name:
            raise MissingPrerequisiteError("no weights", hint="get some")
        if "concat" in at.parent.name:
            raise DivergedError("step 3: the loss is nan")
        return done

    out, diverged, measured = sweep(rows, [0], trained[0], train_one)
    assert (out, diverged) == (
        LeftOut(label="NAFNet", published="nafnet", reason="no weights (get some)"),
        LeftOut(label="Concat", published="nafnet-concat", reason="step 3: the loss is nan"),
    )
    assert isinstance(measured, Measured)


def test_a_full_disk_and_a_wrong_configuration_stop_a_sweep(tmp_path: Path) -> None:
    rows = rows_of("table6", tiny_config())
    for error in (StorageError("cannot write: No space left"), UsageError("holds a run of another configuration")):

        def failing(config: TrainConfig, at: Path, error: Exception = error) -> Finished:
            raise error

        with pytest.raises(type(error)):
            list(sweep(rows, [0], tmp_path, failing))


def test_a_run_without_scores_is_told(trained: tuple[Path, list[Measured | LeftOut]], tmp_path: Path) -> None:
    final = tmp_path / "final"
    final.mkdir()
    record = json.loads((trained[0] / "prior-none" / "seed-3" / "final" / "checkpoint.json").read_text())
    del record["training"]["psnr"]
    (final / "checkpoint.json").write_text(json.dumps(record))
    rows = rows_of("table6", tiny_config())[:1]
    with pytest.raises(IntegrityError, match="no validation scores"):
        list(sweep(rows, [0], tmp_path, lambda config, at: Finished(tmp_path, 4, 4, None, "x")))


def measured(label: str, published: str, psnr: float) -> Measured:
    return Measured(label=label, published=published, psnr=psnr, ssim=0.5, psnr_by_seed=(psnr,))


def test_the_table_stands_beside_the_paper(tmp_path: Path) -> None:
    rows = [measured("NAFNet", "nafnet", 20.0), measured("Concat", "nafnet-concat", 20.25)]
    rows += [LeftOut(label="BPA block", published="ldp-small", reason="no weights")]
    lines = table_rows("table6", rows)
    assert [line["psnr_change"] for line in lines] == [0.0, 0.25, None]
    assert [line["published_psnr"] for line in lines] == [26.21, 26.76, 26.91]
    assert [round(line["published_psnr_change"], 2) for line in lines] == [0.0, 0.55, 0.7]
    assert [line["published_ssim"] for line in lines] == [0.817, 0.826, 0.831]
    write_table(tmp_path, "table6", tiny_config(), [0], rows)
    with (tmp_path / "ablation.csv").open(newline="") as stream:
        table = list(csv.DictReader(stream))
    assert [line["setting"] for line in table] == ["NAFNet", "Concat", "BPA block"]
    assert (table[1]["table"], table[1]["dataset"], table[1]["split"], table[1]["steps"]) == (
        "6",
        "sample",
        "val",
        "12",
    )
    assert (table[1]["psnr"], table[2]["psnr"], table[2]["reason"]) == ("20.25000", "", "no weights")
    document = json.loads((tmp_path / "ablation.json").read_text())
    assert document["rows"] == lines
    assert document["config"]["recipe"] == "cpu-smoke"


def test_without_a_first_row_there_is_no_change() -> None:
    lines = table_rows(
        "table7",
        [LeftOut(label="NAFNet, L_char", published="nafnet", reason="?"), measured("x", "ldp-small-char", 21.0)],
    )
    assert [line["psnr_change"] for line in lines] == [None, None]
    assert lines[1]["published_psnr_change"] == pytest.approx(0.5)
