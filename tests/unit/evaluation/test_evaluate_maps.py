"""Estimators through the whole program: plan, run folders, database, boards and pages."""

import json
from pathlib import Path

import numpy as np
import pytest

from ldpbench.data import png16
from ldpbench.data.prepared import open_prepared
from ldpbench.evaluation.map_cells import bind_map_protocols, restore_map_row
from ldpbench.methods.map_methods import load_estimator
from ldpbench.results.run_folder import read_run
from ldpbench.site.build import build_site

RECORD = """\
schema: 1
id: brightness
version: "1"
title: Brightness
summary: It takes dark for blurred.
kind: estimator
inputs: [left, right]
licence_code: MIT
"""
CODE = """\
from ldpbench.api import BlurMap, BlurMapEstimator


class Brightness(BlurMapEstimator):
    id = "brightness"

    def estimate(self, left, right):
        if left.mean() > 0.47:
            raise ValueError("too bright")
        dark = 1 - (left + right).mean(axis=2) / 2
        return BlurMap(probability=dark, logits=dark, normalisation="none")


def build():
    return Brightness()
"""


def evaluated(ldpbench, *arguments):
    ended = ldpbench("evaluate", "--task", "blurmap", "--dataset", "sample", *arguments, "--json")
    return ended, {cell["method"]: cell for cell in json.loads(ended.stdout)["data"]["cells"]}


def test_estimators_are_run_scored_kept_and_shown(ldpbench, home_with_sample, tmp_path):
    ended, cells = evaluated(ldpbench, "-m", "disparity", "-m", "disparity:signed=true", "-m", "zeros")
    assert ended.returncode == 0, ended.stderr
    assert {name: cell["status"] for name, cell in cells.items()} == dict.fromkeys(
        ("disparity", "disparity-signed", "zeros"), "complete"
    )
    kept = Path(cells["disparity"]["folder"])
    stored = read_run(kept)
    assert (stored.record.method.kind, stored.record.dataset.n_images, len(stored.rows)) == ("estimator", 6, 6)
    assert [protocol.id for protocol in stored.record.protocols] == ["sample/blur-classes", "sample/blur-amount"]

    prepared = open_prepared(home_with_sample, "sample")
    protocols = bind_map_protocols(prepared.card, prepared.info.splits["test"].fingerprint, "test")
    here = restore_map_row(load_estimator("disparity"), prepared.split("test")[0], protocols)
    assert stored.rows[0].scores == here.row.scores
    np.testing.assert_array_equal(png16.read(kept / "previews" / "scene-1.png"), png16.decode(here.preview, "x"))

    _, again = evaluated(ldpbench, "-m", "disparity")
    assert again["disparity"]["status"] == "done-before"

    site = tmp_path / "site"
    build_site(home_with_sample, site)
    board = (site / "board" / "sample--blur-amount.html").read_text()
    for said in ("Blur maps: amount of blur", "Comparable between estimators", "without its sign, divided by 16"):
        assert said in board
    index = (site / "index.html").read_text()
    assert "An estimator of blur maps: how far apart" in (site / "method" / "disparity.html").read_text()
    assert "and after" not in index, "a map is no picture to compare the blurry one with"
    scene = (site / "scene" / "sample--test--scene-1.html").read_text()
    assert "Disparity of the views: blur map, Blur accuracy 0.9" in scene
    shown = next((site / "images" / "sample" / "test" / "scene-1").glob("output--*-disparity-sample-*.png"))
    assert shown.read_bytes() == (kept / "previews" / "scene-1.png").read_bytes()


def test_the_sign_matters_to_amounts_and_not_to_classes(ldpbench, home_with_sample):
    _, cells = evaluated(ldpbench, "-m", "disparity", "-m", "disparity:signed=true")
    values = {}
    for name, cell in cells.items():
        rows = read_run(Path(cell["folder"])).rows
        scores = [score for row in rows for score in row.scores]
        values[name] = {
            metric: np.mean([score.value for score in scores if score.metric == metric])
            for metric in ("blur-accuracy", "srcc")
        }
    assert values["disparity"]["blur-accuracy"] == values["disparity-signed"]["blur-accuracy"]
    assert values["disparity-signed"]["srcc"] > values["disparity"]["srcc"] + 0.2


def test_clip_without_weights_is_skipped_with_what_helps(ldpbench, home_with_sample):
    ended = ldpbench("evaluate", "--task", "blurmap", "--dataset", "sample")
    assert ended.returncode == 0, ended.stderr
    for name, model in (("clip-dense", "clip-vit-b-32"), ("clip-patch", "clip-vit-b-16")):
        assert f"skipped {name} on sample: the weights of {model} are not in" in ended.stderr
        assert f"ldpbench weights get {model}" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--method", "truth", "--dataset", "sample"], 2, "'truth' is what maps are compared with"),
        (["--method", "disparity:max_px=0", "--dataset", "sample"], 2, "max_px: expected 1 to 64"),
        (["--method", "dp-wiener", "--task", "blurmap", "--dataset", "sample"], 2, "dp-wiener"),
        (["--task", "disparity", "--dataset", "sample"], 2, "sample has no true map for the task disparity"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(ldpbench, home_with_sample, arguments, code, says):
    ended = ldpbench("evaluate", *arguments)
    assert ended.returncode == code, ended.stderr
    assert says in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not home_with_sample.runs.exists()


def test_somebody_elses_estimator_fails_alone_and_goes_on(ldpbench, home_with_sample, tmp_path):
    folder = tmp_path / "brightness"
    folder.mkdir()
    (folder / "baseline.yaml").write_text(RECORD)
    (folder / "__init__.py").write_text(CODE)
    ended, cells = evaluated(ldpbench, "-m", str(folder), "-m", "zeros")
    assert ended.returncode == 1
    assert cells["zeros"]["status"] == "complete"
    assert cells["brightness"]["status"] == "partial"
    rows = read_run(Path(cells["brightness"]["folder"])).rows
    failed = [row for row in rows if row.failure is not None]
    assert 0 < len(failed) < len(rows) == 6
    assert failed[0].failure.message == "brightness failed: ValueError: too bright"
    assert not failed[0].scores
    shown = ldpbench("blurmap", "--dataset", "sample", "--method", str(folder))
    assert (shown.returncode, "too bright" in shown.stderr) == (1, True)
