"""Published networks in an evaluation: with weights given, without any, untrained, and in their authors' own way."""

import json

import numpy as np
import pytest
import torch

from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError, UsageError
from ldpbench.core.hashing import sha256_file
from ldpbench.core.resources import load_folder_package
from ldpbench.evaluation.evaluate import Manner, evaluate
from ldpbench.evaluation.plan import make_plan
from ldpbench.evaluation.request import Request
from ldpbench.methods.inference import Inference
from ldpbench.methods.loading import load_method
from ldpbench.results.run_folder import read_run
from ldpbench.results.run_store import RunStore
from tests.toy_methods import write_network

N_IMAGES = 6


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """The folder of a network with two variants, installed."""
    monkeypatch.setenv("LDPBENCH_PLUGIN_PATH", str(tmp_path / "plugins"))
    return write_network(tmp_path / "plugins")


def save_weights(folder, path, *, scale=0.01, **options):
    """A checkpoint as people publish them."""
    network = load_folder_package(folder).build_network(**options)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        for value in network.parameters():
            torch.nn.init.normal_(value, std=scale)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": {f"module.{key}": value for key, value in network.state_dict().items()}}, path)
    return path


def plan(home, *methods, **options):
    return make_plan(home, Request(methods=[str(method) for method in methods], datasets=["sample"], **options))


def run(home, *methods, **options):
    return evaluate(plan(home, *methods, **options), RunStore(home.runs), Manner())


def test_without_weights_it_is_skipped_with_the_command_that_gets_them(home_with_sample, toy):
    made = plan(home_with_sample, "toy-net", "blurry-input")
    assert [cell.method.id for cell in made.cells] == ["blurry-input"]
    (skip,) = made.skips
    assert skip.method == "toy-net"
    assert "ldpbench weights get toy-net" in skip.reason
    assert skip.for_want_of_weights
    with pytest.raises(MissingPrerequisiteError, match="ldpbench weights get toy-net"):
        load_method("toy-net")


def test_given_weights_are_run_scored_and_recorded(home_with_sample, toy, tmp_path):
    path = save_weights(toy, tmp_path / "mine.pth")
    outcome = run(home_with_sample, "toy-net", weights={"toy-net": str(path)})[0]
    assert (outcome.status, outcome.n_run) == ("complete", N_IMAGES)
    record = read_run(outcome.folder).record
    assert record.method.weights_files == ("mine.pth",)
    assert record.method.weights_sha256 == sha256_file(path)
    assert not record.method.untrained
    other = save_weights(toy, tmp_path / "other.pth", scale=0.02)
    again = run(home_with_sample, "toy-net", weights={"toy-net": str(other)})[0]
    assert again.folder != outcome.folder, "other weights are another cell"
    same = run(home_with_sample, "toy-net", weights={"toy-net": str(path)})[0]
    assert same.status == "done-before"


def test_fetched_weights_need_no_option(home_with_sample, toy):
    save_weights(toy, home_with_sample.weights / "toy-net" / "toy.pth")
    assert [cell.method.id for cell in plan(home_with_sample, "toy-net").cells] == ["toy-net"]
    assert load_method("toy-net").network is not None


def test_untrained_it_is_timed_and_never_scored(home_with_sample, toy):
    outcome = run(home_with_sample, "toy-net", "blurry-input", untrained=True)[0]
    assert (outcome.method, outcome.status, outcome.untrained) == ("toy-net", "complete", True)
    assert outcome.median_s is not None
    stored = read_run(outcome.folder)
    assert stored.record.method.untrained
    assert stored.record.protocols == ()
    assert len(stored.rows) == N_IMAGES
    assert all(row.scores == () and row.seconds is not None and row.failure is None for row in stored.rows)
    assert not (outcome.folder / "previews").exists()


def test_untrained_rows_are_on_no_board(home_with_sample, toy, ldpbench):
    ended = ldpbench("evaluate", "-m", "toy-net", "-m", "blurry-input", "-d", "sample", "--untrained")
    assert ended.returncode == 0, ended.stderr
    assert "untrained" in ended.stderr
    boards = json.loads(ldpbench("results", "show", "--json").stdout)["data"]
    text = json.dumps(boards)
    assert "blurry-input" in text
    assert "toy-net" not in text
    assert ldpbench("leaderboard", "build").returncode == 0


def test_with_weights_untrained_changes_nothing(home_with_sample, toy, tmp_path):
    path = save_weights(toy, tmp_path / "mine.pth")
    made = plan(home_with_sample, "toy-net", weights={"toy-net": str(path)}, untrained=True)
    assert not made.cells[0].method.untrained
    with pytest.raises(UsageError, match="exclude each other"):
        load_method("toy-net", weights=path, untrained=True)


def test_another_width_is_built_and_said(toy, tmp_path):
    loaded = load_method("toy-net", weights=save_weights(toy, tmp_path / "wide.pth", channels=6, width=9))
    assert loaded.network.first.out_channels == 9
    assert any("width=9" in note for note in loaded.notes)


def test_weights_of_the_other_variant_are_named(toy, tmp_path):
    path = save_weights(toy, tmp_path / "one.pth", channels=3)
    with pytest.raises(IntegrityError, match=r"holds the weights of Toy \(single\), not of Toy \(dual\)") as refused:
        load_method("toy-net", weights=path)
    assert "toy-net-single" in refused.value.hint
    assert load_method("toy-net-single", weights=path).record.variant == "single"


def test_weights_for_nobody_are_refused(home_with_sample, toy, tmp_path):
    path = save_weights(toy, tmp_path / "mine.pth")
    with pytest.raises(UsageError, match="'toy-nett'"):
        plan(home_with_sample, "toy-net", weights={"toy-nett": str(path)})
    with pytest.raises(UsageError, match="takes no weights"):
        plan(home_with_sample, "blurry-input", weights={"blurry-input": str(path)})
    with pytest.raises(MissingPrerequisiteError, match="there is no file"):
        plan(home_with_sample, "toy-net", weights={"toy-net": str(tmp_path / "absent.pth")})
    with pytest.raises(UsageError, match="takes one file"):
        load_method("toy-net", weights=f"{path},{path}")


def test_damaged_weights_are_told_before_anything_runs(home_with_sample, toy, tmp_path, ldpbench):
    path = save_weights(toy, tmp_path / "mine.pth")
    path.write_bytes(path.read_bytes()[:-100])
    ended = ldpbench("evaluate", "-m", "blurry-input", "-m", "toy-net", "-d", "sample", "--weights", f"toy-net={path}")
    assert ended.returncode == 4
    assert str(path) in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
    assert not home_with_sample.runs.exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--weights", "toy-net"], 2, "expected NAME=FILE"),
        (["--weights", "toy-net=a", "--weights", "toy-net=b"], 2, "names toy-net twice"),
        ([], 3, "ldpbench weights get toy-net"),
        (["--whole", "--tile", "128"], 2, "excludes"),
        (["--windows", "64", "--tile", "128"], 2, "remedies for one ill"),
    ],
)
def test_the_command_line_says_it_in_one_line(home_with_sample, toy, ldpbench, arguments, code, said):
    ended = ldpbench("evaluate", "-m", "toy-net", "-d", "sample", *arguments)
    assert ended.returncode == code
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert said in last
    assert "Traceback" not in ended.stderr


def test_the_authors_own_way_is_the_default_and_part_of_the_protocol(home_with_sample, tmp_path, monkeypatch):
    monkeypatch.setenv("LDPBENCH_PLUGIN_PATH", str(tmp_path / "plugins"))
    toy = write_network(
        tmp_path / "plugins", inference={"default": "windows:64", "supported": ["whole", "windows", "crop"]}
    )
    given = {"toy-net": str(save_weights(toy, tmp_path / "mine.pth"))}
    own = plan(home_with_sample, "toy-net", weights=given).cells[0]
    whole = plan(home_with_sample, "toy-net", weights=given, inference=Inference()).cells[0]
    assert {protocol.inference for protocol in own.protocols} == {"windows"}
    assert {protocol.inference for protocol in whole.protocols} == {"whole"}
    assert not {p.hash for p in own.protocols} & {p.hash for p in whole.protocols}
    tiled = plan(home_with_sample, "toy-net", weights=given, inference=Inference.parse("tiled:128"))
    assert [skip.reason for skip in tiled.skips] == ["it cannot be run tiled, only whole or windows or crop"]
    wide = plan(home_with_sample, "toy-net", weights=given, inference=Inference(windows_px=256)).cells[0]
    assert {protocol.hash for protocol in wide.protocols} == {protocol.hash for protocol in whole.protocols}


def test_a_crop_is_scored_on_what_was_restored(home_with_sample, tmp_path, toy):
    given = {"toy-net": str(save_weights(toy, tmp_path / "mine.pth"))}
    way = Inference(crop_px=100)
    made = plan(home_with_sample, "toy-net", weights=given, inference=way)
    assert {protocol.multiple_px for protocol in made.cells[0].protocols} == {100}
    outcome = evaluate(made, RunStore(home_with_sample.runs), Manner())[0]
    whole = run(home_with_sample, "toy-net", weights=given)[0]
    ours, theirs = (
        [score.value for row in read_run(found.folder).rows for score in row.scores if score.metric == "psnr"]
        for found in (outcome, whole)
    )
    assert np.isfinite(ours).all()
    assert ours != theirs


def test_a_method_that_cannot_be_offered_says_why(home_with_sample, tmp_path, monkeypatch):
    monkeypatch.setenv("LDPBENCH_PLUGIN_PATH", str(tmp_path))
    write_network(tmp_path, skipped="its filter was never published")
    assert [skip.reason for skip in plan(home_with_sample, "toy-net").skips] == ["its filter was never published"]
    with pytest.raises(MissingPrerequisiteError, match="never published"):
        load_method("toy-net")
