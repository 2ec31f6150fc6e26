"""Estimators by name and option, and the two that need no thought."""

import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from ldpbench.blurmap.amount import map_of_amount
from ldpbench.blurmap.catalogue import estimator, names, summaries
from ldpbench.blurmap.picture import colours
from ldpbench.core.errors import UsageError
from ldpbench.data.prepared import open_prepared
from ldpbench.metrics.engine import score


@pytest.fixture(scope="module")
def scene(sample_home):
    return open_prepared(sample_home, "sample").split("test")[0]


def test_every_name_has_a_sentence():
    assert set(names()) >= {"disparity", "truth", "zeros", "clip-dense", "clip-patch", "clip-patch-whole"}
    assert set(summaries()) == set(names())
    assert all(summaries().values())


@pytest.mark.parametrize("name", ["disparity", "truth", "zeros"])
def test_a_name_gives_the_estimator_of_that_id(name):
    assert estimator(name).id == name
    assert estimator(name).identity["method"] == name
    assert estimator(name).weights_sha256 is None


def test_options_come_in_the_name_or_beside_it():
    expected = {"max_px": 8.0, "sharp_px": 0.5}
    assert estimator("disparity:max_px=8,sharp_px=0.5").options == expected
    assert estimator("disparity: max_px = 8 , sharp_px=.5").options == expected
    assert estimator("disparity", max_px=8, sharp_px="0.5").options == expected
    assert estimator("disparity:max_px=8", sharp_px=0.5).options == expected
    assert estimator("disparity:max_px=8", clip_weights="nowhere", device="cpu").options["max_px"] == 8


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("disprity", {}, "disprity.*did you mean 'disparity'"),
        ("", {}, "no blur-map estimator is called ''"),
        ("disparity:maxpx=3", {}, "no option of disparity.*did you mean 'max_px'"),
        ("zeros:a=1", {}, "no option of zeros"),
        ("disparity:max_px", {}, "expected name:key=value"),
        ("disparity:max_px=", {}, "expected name:key=value"),
        ("disparity:=3", {}, "expected name:key=value"),
        ("disparity:max_px=3,", {}, "expected name:key=value"),
        ("disparity:max_px=3,max_px=4", {}, "max_px is given twice"),
        ("disparity:max_px=3", {"max_px": 3}, "max_px is given twice"),
        ("disparity:max_px=many", {}, "max_px: expected a number, found 'many'"),
        ("disparity:max_px=nan", {}, "max_px: expected 1 to 64"),
        ("disparity", {"max_px": None}, "max_px: expected a number"),
    ],
)
def test_what_is_wrong_is_told(name, options, says):
    with pytest.raises(UsageError) as caught:
        estimator(name, **options)
    assert re.search(says, f"{caught.value.message} {caught.value.hint}"), caught.value


def test_disparity_needs_neither_torch_nor_clip():
    code = (
        "import sys; from ldpbench.blurmap.catalogue import estimator; estimator('disparity'); "
        "sys.exit(bool({'torch', 'open_clip'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_zeros_are_zeros():
    found = estimator("zeros").estimate(*np.ones((2, 5, 7, 3), np.float32))
    assert found.logits.shape == found.probability.shape == (5, 7)
    assert found.logits.dtype == found.probability.dtype == np.float32
    assert not found.logits.any()
    assert not found.probability.any()
    with pytest.raises(UsageError, match="one shape"):
        estimator("zeros").estimate(np.ones((5, 7, 3), np.float32), np.ones((5, 8, 3), np.float32))


def test_the_truth_is_the_amount_of_the_sets_own_map(scene):
    found = estimator("truth").estimate_sample(scene)
    np.testing.assert_array_equal(found.logits, np.abs(scene.blur_map))
    assert found.logits.min() >= 0
    assert score(found.probability, scene.blur_map, ["blur-accuracy"])["blur-accuracy"] == 1.0


def test_unknown_truth_is_that_of_the_nearest_known_pixel(scene):
    blur = np.full(scene.blur_map.shape, np.nan, np.float32)
    blur[10, 10], blur[200, 200] = -3, 5
    logits = estimator("truth").estimate_sample(replace(scene, blur_map=blur)).logits
    assert (logits[0, 0], logits[10, 10], logits[255, 255], logits[90, 90]) == (3, 3, 5, 3)
    assert set(np.unique(logits)) == {3.0, 5.0}
    with pytest.raises(UsageError, match="every pixel.*unknown"):
        estimator("truth").estimate_sample(replace(scene, blur_map=np.full_like(blur, np.nan)))


def test_the_truth_needs_a_scene_that_has_it(scene):
    with pytest.raises(UsageError, match="not to any two views"):
        estimator("truth").estimate(scene.left, scene.right)
    with pytest.raises(UsageError, match="sample/test/scene-1 has no true blur map"):
        estimator("truth").estimate_sample(replace(scene, blur_map=None))


def test_a_probability_of_one_half_means_more_than_the_border():
    amount = np.array([[0.0, 0.5, 1.0, np.nextafter(np.float32(1), np.float32(2)), 1.5, 60.0]], np.float32)
    found = map_of_amount(amount)
    np.testing.assert_array_equal(found.probability >= 0.5, amount > 1)
    assert (np.diff(found.probability) >= 0).all()
    assert found.probability[0, 0] == pytest.approx(1 / (1 + np.e))
    np.testing.assert_array_equal(map_of_amount(amount, sharp_up_to_px=1.5).probability >= 0.5, amount > 1.5)


def test_colours_run_from_blue_to_red():
    red, blue = 0, 2
    picture = colours(np.linspace(-3, 9, 40, dtype=np.float32).reshape(1, 40))
    assert picture.shape == (1, 40, 3)
    assert picture[0, 3, blue] > picture[0, 3, red]
    assert picture[0, -3, red] > picture[0, -3, blue]
    assert len(np.unique(colours(np.full((4, 4), 2.0, np.float32)).reshape(-1, 3), axis=0)) == 1
