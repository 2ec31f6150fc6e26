"""The embedded training set as a user prepares it: only what was asked for is rendered, and it serves training."""

import numpy as np
import pytest

from ldpbench.core.errors import UsageError
from ldpbench.core.home import Home
from ldpbench.data.prepare import prepare
from ldpbench.data.prepared import PreparedDataset, open_prepared
from ldpbench.data.training.patches import PatchRule, load_patch_index
from ldpbench.evaluation.plan import make_plan
from ldpbench.evaluation.request import Request
from ldpbench.simulation import sample_set
from ldpbench.simulation.sample_set import SampleScene, ScenePlan

SET_ID = "sample-train"


@pytest.fixture(scope="module")
def rendered() -> list[str]:
    """Ids of the scenes that were rendered for ``few``."""
    return []


@pytest.fixture(scope="module")
def few(rendered: list[str], tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    """Two scenes of the validation split."""

    def counting(plan: ScenePlan) -> SampleScene:
        rendered.append(plan.id)
        return original(plan)

    original = sample_set.render_scene
    home = Home(tmp_path_factory.mktemp("few"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sample_set, "render_scene", counting)
        return prepare(SET_ID, home, splits=["val"], max_scenes=2, jobs=2)


def test_only_the_scenes_of_the_named_split_are_rendered(few: PreparedDataset, rendered: list[str]) -> None:
    assert sorted(rendered) == ["val-000", "val-001"]
    assert {name: (part.count, part.whole) for name, part in few.info.splits.items()} == {"val": (2, 16)}
    assert few.info.fingerprint.startswith("partial-2-of-256-")


def test_scenes_are_whole_and_serve_training(few: PreparedDataset) -> None:
    for scene in few.split("val"):
        assert scene.left.shape == scene.center.shape == scene.target.shape == (256, 256, 3)
        assert 3 <= np.abs(scene.blur_map).max() <= 8
        assert {"in-focus", "near", "far"} == set(scene.regions)
    index = load_patch_index(few, "val", PatchRule(size_px=128, stride_px=64))
    assert len(index.places) == 2 * (9 - 2)


def test_no_picture_is_one_of_the_sample_set(few: PreparedDataset, sample_home: Home) -> None:
    held_out = {scene.target.tobytes() for scene in open_prepared(sample_home, "sample").samples()}
    assert held_out.isdisjoint(scene.target.tobytes() for scene in few.split("val"))


def test_a_set_without_a_test_split_is_skipped_unless_it_was_named(few: PreparedDataset) -> None:
    home = Home(few.folder.parents[1])
    plan = make_plan(home, Request(methods=["blurry-input"], datasets=[]))
    assert [(skip.dataset, skip.reason) for skip in plan.skips] == [(SET_ID, "it has no test split")]
    assert not plan.cells
    with pytest.raises(UsageError, match="sample-train has no split 'test'") as caught:
        make_plan(home, Request(methods=["blurry-input"], datasets=[SET_ID]))
    assert "train, val" in caught.value.hint
