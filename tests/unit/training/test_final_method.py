"""What training leaves: a folder that is a method, wherever it lies, and refuses to be anything else."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from ldpbench.blurmap.disparity.estimator import DisparityEstimator
from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError
from ldpbench.core.home import Home
from ldpbench.data import png16
from ldpbench.methods.loading import load_method
from ldpbench.methods.runtime import restore_pair
from ldpbench.networks.build import build_network
from ldpbench.networks.cost import parameters
from ldpbench.training.final import RANDOM, write_method
from ldpbench.training.recipes import resolve
from ldpbench.training.run import Finished
from tests.tiny_checkpoint import tiny_network
from tests.tiny_training import tiny_config, train_tiny

QUICK = ("stages.0.steps=2", "stages.0.warmup_steps=0", "stages.1.steps=1")
FACTS = {"dataset": "sample", "split": "train", "fingerprint": "f" * 64, "seed": 0, "steps": 3}


@pytest.fixture(scope="module")
def finished(sample_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return train_tiny(tiny_config(*QUICK), sample_home, tmp_path_factory.mktemp("run"))


@pytest.fixture
def final(finished: Finished, tmp_path: Path) -> Path:
    """A copy that a test may spoil, in another place than the run."""
    return Path(shutil.copytree(finished.folder / "final", tmp_path / "elsewhere" / "my-net"))


@pytest.fixture
def home(home_with_sample: Home) -> Home:
    return home_with_sample


def pair(seed: int = 0, height: int = 50, width: int = 70) -> list[np.ndarray[Any, Any]]:
    noise = np.random.default_rng(seed).random((height, width + 2, 3)).astype(np.float32)
    return [noise[:, :-2], noise[:, 2:]]


def write_made_up(folder: Path, **changes: Any) -> Path:
    """A method of weights that nobody trained; ``identity`` among the changes replaces the estimator's."""
    identity = changes.pop("identity", DisparityEstimator().identity)
    config = tiny_config(**changes)
    write_method(folder, config, tiny_network(config.network).state_dict(), identity, FACTS)
    return folder


def test_the_folder_says_what_it_is(finished: Finished, final: Path) -> None:
    loaded = load_method(final)
    assert loaded.record.id == finished.method
    assert loaded.record.id.startswith("ldp-tiny-sample-")
    assert loaded.record.kind == "network"
    assert loaded.record.inputs == ("left", "right")
    assert "3 steps" in loaded.record.title
    assert "cpu-smoke" in loaded.record.summary
    assert loaded.record.parameters == parameters(build_network(tiny_config().network))
    facts = json.loads((final / "checkpoint.json").read_text())["training"]
    assert finished.last is not None
    assert (facts["steps"], facts["psnr"], facts["dataset"]) == (3, finished.last.psnr, "sample")


def test_only_numbers_are_in_it(final: Path) -> None:
    assert sorted(path.name for path in final.iterdir()) == ["baseline.yaml", "checkpoint.json", "model.safetensors"]


def test_it_works_wherever_it_lies(finished: Finished, final: Path) -> None:
    here, there = (load_method(folder) for folder in (finished.folder / "final", final))
    assert here.record == there.record
    assert here.code_sha256 == there.code_sha256
    np.testing.assert_array_equal(restore_pair(here.deblurrer, *pair()), restore_pair(there.deblurrer, *pair()))


def test_two_trainings_are_two_methods(finished: Finished, sample_home: Home, tmp_path: Path) -> None:
    other = train_tiny(tiny_config(*QUICK, seed=1), sample_home, tmp_path)
    assert other.method != finished.method
    assert load_method(tmp_path / "final").record.id == other.method


def test_evaluate_takes_the_folder(ldpbench: Callable[..., Any], home: Home, final: Path, finished: Finished) -> None:
    ended = ldpbench("evaluate", "--method", str(final), "--dataset", "sample", "--no-previews", "--json")
    assert ended.returncode == 0, ended.stderr
    cell = json.loads(ended.stdout)["data"]["cells"][0]
    assert (cell["method"], cell["status"], cell["images"], cell["failures"]) == (finished.method, "complete", 6, 0)
    record = json.loads((Path(cell["folder"]) / "run.json").read_text())
    sha256 = json.loads((final / "checkpoint.json").read_text())["weights"]["sha256"]
    assert record["method"]["weights_sha256"] == sha256
    assert home.database.is_file()


def test_deblur_takes_the_folder_whole_and_in_tiles(ldpbench: Callable[..., Any], final: Path, tmp_path: Path) -> None:
    names = [str(tmp_path / name) for name in ("l.png", "r.png")]
    for name, view in zip(names, pair(height=150, width=200), strict=True):
        png16.write(Path(name), (view * 65535).astype(np.uint16))
    pictures = []
    for options in ([], ["--tile", "128"]):
        out = tmp_path / f"out{len(pictures)}.png"
        ended = ldpbench("deblur", *names, "-o", str(out), "--method", str(final), *options)
        assert ended.returncode == 0, ended.stderr
        pictures.append(png16.read(out))
    assert pictures[0].shape == pictures[1].shape == (150, 200, 3)
    assert pictures[0].dtype == np.uint16
    assert np.abs(pictures[0].astype(int) - pictures[1]).max() < 0.05 * 65535


@pytest.mark.parametrize(("tile", "sentence"), [("64", "more than twice the overlap"), ("100", "multiples of 16")])
def test_tiles_that_do_not_fit(
    tile: str, sentence: str, ldpbench: Callable[..., Any], final: Path, tmp_path: Path
) -> None:
    for name in ("l.png", "r.png"):
        png16.write(tmp_path / name, np.zeros((20, 20, 3), np.uint8))
    views = [str(tmp_path / name) for name in ("l.png", "r.png")]
    ended = ldpbench("deblur", *views, "-o", str(tmp_path / "o.png"), "-m", str(final), "--tile", tile)
    assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1)
    assert sentence in ended.stderr


def test_methods_info_tells_of_it(ldpbench: Callable[..., Any], final: Path, finished: Finished) -> None:
    ended = ldpbench("methods", "info", str(final))
    assert ended.returncode == 0, ended.stderr
    assert str(finished.method) in ended.stdout
    assert "blur map disparity" in ended.stdout


def flip_a_byte(final: Path) -> None:
    path = final / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)


def cut_the_weights(final: Path) -> None:
    path = final / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-7])


def change(*keys: str, to: Any) -> Callable[[Path], None]:
    def spoil(final: Path) -> None:
        path = final / "checkpoint.json"
        document = place = json.loads(path.read_text())
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = to
        path.write_text(json.dumps(document))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (flip_a_byte, "is not what its record promises"),
        (cut_the_weights, "is not what its record promises"),
        (change("weights", "sha256", to="0" * 64), "is not what its record promises"),
        (change("network", "width", to=8), "are of another network"),
        (change("network", "kernel", to=7), "are of another network"),
        (change("blur_map_identity", "version", to=99), "another blur map: version 99 there and"),
        (change("blur_map_identity", "sharp_px", to=3.5), "another blur map: sharp_px 3.5 there and 1.0 here"),
        (change("blur_map", to="zeros"), "was trained with another blur map"),
        (change("network", to={}), "is not what this version writes"),
        (lambda final: (final / "checkpoint.json").write_text("{"), "is not what this version writes"),
    ],
)
def test_a_spoilt_folder_is_no_method(
    spoil: Callable[[Path], None], sentence: str, final: Path, ldpbench: Callable[..., Any]
) -> None:
    spoil(final)
    with pytest.raises(IntegrityError) as caught:
        load_method(final)
    assert sentence in caught.value.message
    assert ldpbench("methods", "info", str(final)).returncode == 4


def test_a_spoilt_folder_ends_an_evaluation_with_a_failure(
    home: Home, ldpbench: Callable[..., Any], final: Path
) -> None:
    flip_a_byte(final)
    ended = ldpbench("evaluate", "--method", str(final), "--dataset", "sample", "--no-previews")
    assert ended.returncode == 1, ended.stderr
    assert "is not what its record promises" in ended.stderr


def test_weights_that_are_missing(final: Path) -> None:
    (final / "model.safetensors").unlink()
    with pytest.raises(MissingPrerequisiteError, match="model.safetensors"):
        load_method(final)


def test_made_up_clip_weights_are_in_the_title(tmp_path: Path) -> None:
    identity = {"method": "clip-dense", "version": 1, "weights": f"{RANDOM}-0"}
    folder = write_made_up(tmp_path / "made-up", identity=identity, blur_map="clip-dense")
    record = yaml.safe_load((folder / "baseline.yaml").read_text())
    assert "RANDOM" in record["title"]
    assert "made-up CLIP weights" in record["known_issues"][0]
    honest = write_made_up(tmp_path / "honest", identity={**identity, "weights": "5" * 64}, blur_map="clip-dense")
    assert "RANDOM" not in (honest / "baseline.yaml").read_text()


def test_weights_that_were_made_up_are_not_replaced_by_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trained with made-up CLIP weights and without any here, it is an error and not another made-up map."""
    monkeypatch.delenv("LDPBENCH_CLIP_WEIGHTS", raising=False)
    identity = {"method": "clip-dense", "version": 1, "weights": f"{RANDOM}-0"}
    folder = write_made_up(tmp_path / "made-up", identity=identity, blur_map="clip-dense")
    with pytest.raises(MissingPrerequisiteError, match="weights of clip-vit-b-32"):
        load_method(folder)


def test_a_network_without_a_blur_map_names_none(tmp_path: Path) -> None:
    config = tiny_config("network.prior=none")
    write_method(tmp_path / "plain", config, tiny_network(config.network).state_dict(), {"weights": "random-0"}, FACTS)
    document = json.loads((tmp_path / "plain" / "checkpoint.json").read_text())
    assert (document["blur_map"], document["blur_map_identity"]) == (None, None)
    loaded = load_method(tmp_path / "plain")
    assert "RANDOM" not in loaded.record.title
    assert restore_pair(loaded.deblurrer, *pair()).shape == (50, 70, 3)


def test_the_prior_truth_asks_for_the_map(tmp_path: Path, sample_home: Home) -> None:
    finished = train_tiny(tiny_config(*QUICK, blur_map="truth"), sample_home, tmp_path / "run")
    loaded = load_method(finished.folder / "final")
    assert loaded.record.inputs == loaded.deblurrer.inputs == ("left", "right", "blur_map")
    assert finished.last is not None


def test_a_local_network_is_kept_with_its_window(tmp_path: Path) -> None:
    folder = tmp_path / "local"
    config = resolve(
        "ldp-tiny",
        recipe_name="cpu-smoke",
        changes={"dataset": "sample"},
        assignments=["network.width=4", "network.pooling=local", "network.pooling_px=64"],
    )
    state = tiny_network(config.network).state_dict()
    write_method(folder, config, state, DisparityEstimator().identity, FACTS)
    whole = write_made_up(tmp_path / "whole")
    outputs = [restore_pair(load_method(at).deblurrer, *pair(height=96, width=96)) for at in (folder, whole)]
    assert np.abs(outputs[0] - outputs[1]).max() > 1e-4
    assert all(torch.isfinite(value).all() for value in state.values())
