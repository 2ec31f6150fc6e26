"""Estimators as methods of an evaluation: their ids, what identifies them, and plugin folders."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from ldpbench.blurmap import catalogue
from ldpbench.core.errors import IntegrityError, MethodError, MissingPrerequisiteError, UsageError
from ldpbench.methods.map_methods import (
    is_map_method,
    load_estimator,
    map_method,
    map_method_names,
    map_method_records,
    map_methods,
    plugin_code_sha256,
)

RECORD = """\
schema: 1
id: {id}
version: "3"
title: Brightness
summary: It takes dark for blurred.
kind: {kind}
inputs: [left, right]
licence_code: MIT
"""
CODE = """\
import numpy as np

from ldpbench.api import BlurMap, BlurMapEstimator


class Brightness(BlurMapEstimator):
    id = "brightness"

    def estimate(self, left, right):
        dark = 1 - (left + right).mean(axis=2) / 2
        return BlurMap(probability=dark, logits=dark * 10, normalisation="logits / 10")


def build():
    return Brightness()
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch) -> Path:
    """A plugin folder with an estimator, on the plugin path."""
    folder = tmp_path / "plugins" / "baselines" / "brightness"
    folder.mkdir(parents=True)
    (folder / "baseline.yaml").write_text(RECORD.format(id="brightness", kind="estimator"))
    (folder / "__init__.py").write_text(CODE)
    monkeypatch.setenv("LDPBENCH_PLUGIN_PATH", str(tmp_path / "plugins"))
    return folder


def test_a_built_in_estimator_is_told_by_its_options():
    plain, changed = map_method("disparity"), map_method("disparity:sharp_px=1.2,max_px=8")
    assert (plain.ref.id, plain.ref.title, plain.options) == ("disparity", "Disparity of the views", {})
    assert (plain.ref.kind, plain.ref.inputs, plain.ref.version) == ("estimator", ("left", "right"), "1")
    assert changed.ref.id == "disparity-max-px-8-sharp-px-1-2"
    assert changed.ref.title == "Disparity of the views (max_px 8, sharp_px 1.2)"
    assert changed.options == {"max_px": 8.0, "sharp_px": 1.2}
    assert map_method("disparity:max_px=8.0,sharp_px=1.20").ref == changed.ref
    assert map_method("disparity:max_px=16").ref == plain.ref, "the default is no option"
    assert map_method("disparity:signed=true").ref.id == "disparity-signed"
    assert changed.load().identity["max_px"] == 8


def test_code_is_that_of_the_estimator_alone(tmp_path, monkeypatch):
    names = ("disparity", "clip-dense", "zeros")
    before = {name: catalogue.code_sha256(name) for name in names}
    assert len(set(before.values())) == 3
    copy = tmp_path / "blurmap"
    shutil.copytree(catalogue._FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(catalogue, "_FOLDER", copy)
    assert {name: catalogue.code_sha256(name) for name in names} == before
    (copy / "disparity" / "search.py").write_text("changed")
    assert {name for name in names if catalogue.code_sha256(name) != before[name]} == {"disparity"}
    (copy / "estimator.py").write_text("changed")
    assert {name for name in names if catalogue.code_sha256(name) != before[name]} == set(names)


def test_all_estimators_are_those_that_can_be_compared(home):
    assert set(map_method_names()) == set(catalogue.names()) - {"truth"}
    found = {method.ref.id: method for method in map_methods()}
    assert set(found) == set(map_method_names())
    for name in ("clip-dense", "clip-patch", "clip-patch-whole"):
        assert "ldpbench weights get clip-vit-b-" in str(found[name].wanting)
    assert found["disparity"].wanting is found["zeros"].wanting is None
    assert [method.name for method in map_methods(["zeros", "zeros"])] == ["zeros"]


def test_what_is_said_of_an_estimator_is_what_it_is():
    records = map_method_records()
    assert set(records) == set(map_method_names())
    for name, record in records.items():
        assert (record.id, record.kind, record.title) == (name, "estimator", catalogue.title(name))
        assert record.version == str(catalogue._ENTRIES[name].load().version)


def test_wrong_names_are_told():
    with pytest.raises(UsageError, match="'truth' is what maps are compared with"):
        map_method("truth")
    with pytest.raises(UsageError, match="no blur-map estimator is called 'disprity'") as caught:
        map_method("disprity")
    assert "did you mean 'disparity'" in caught.value.hint
    with pytest.raises(UsageError, match="max_px: expected 1 to 64"):
        map_method("disparity:max_px=0")
    with pytest.raises(UsageError, match="dp-wiener restores pictures and makes no blur map"):
        map_method("dp-wiener")
    assert is_map_method("disparity:max_px=8")
    assert not is_map_method("dp-wiener")
    assert not is_map_method("nothing-of-the-kind")


def test_weights_that_were_named_are_demanded(tmp_path):
    with pytest.raises(MissingPrerequisiteError, match="holds no weights"):
        map_method("clip-dense", clip_weights=str(tmp_path / "nothing.pt"))
    page = tmp_path / "page.pt"
    page.write_text("<!DOCTYPE html><html></html>")
    with pytest.raises(IntegrityError, match="web page"):
        map_methods(["clip-dense:prompts=dp", "zeros"], weights={"clip-dense": str(page)})
    with pytest.raises(UsageError, match="no estimator of this evaluation is called 'clip-patch'"):
        map_methods(["clip-dense"], weights={"clip-patch": str(page)})
    with pytest.raises(UsageError, match="zeros takes no weights"):
        map_methods(["zeros"], weights={"zeros": str(page)})


def test_made_up_weights_make_an_untrained_method():
    method = map_method("clip-dense:prompts=dp", clip_weights="random:3")
    assert method.ref.untrained
    assert (method.ref.id, method.ref.weights_sha256) == ("clip-dense-prompts-dp", "random-3")
    assert method.ref.parameters > 100e6


def test_a_plugin_is_an_estimator_like_any_other(plugin):
    assert map_method_names()[-1] == "brightness"
    assert is_map_method("brightness")
    assert is_map_method(str(plugin))
    method = map_method("brightness")
    assert (method.ref.id, method.ref.version, method.ref.kind) == ("brightness", "3", "estimator")
    assert method.ref.code_sha256 == plugin_code_sha256(str(plugin))
    assert plugin_code_sha256("disparity") is None
    black = np.zeros((4, 5, 3), np.float32)
    assert (load_estimator("brightness").estimate(black, black).logits == 10).all()
    (plugin / "__init__.py").write_text(CODE + "\n# changed\n")
    assert map_method("brightness").ref.code_sha256 != method.ref.code_sha256


def test_a_plugin_that_breaks_its_word_is_told(plugin):
    (plugin / "__init__.py").write_text("def build():\n    return 3\n")
    with pytest.raises(MethodError, match="returned int, expected a BlurMapEstimator"):
        map_method(str(plugin))


def test_a_plugin_that_cannot_be_offered_says_why(plugin):
    record = RECORD.format(id="brightness", kind="estimator") + "skipped: its authors took it back\n"
    (plugin / "baseline.yaml").write_text(record)
    assert map_method("brightness").wanting == "its authors took it back"
