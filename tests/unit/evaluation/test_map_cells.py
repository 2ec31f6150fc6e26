"""One map under the protocols of its set: numbers known from elsewhere, what is left out, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.blurmap.estimator import BlurMap, BlurMapEstimator
from ldpbench.core.errors import MethodError, UsageError
from ldpbench.data import png16
from ldpbench.data.cards import load_card
from ldpbench.data.prepared import open_prepared
from ldpbench.data.sample import Sample
from ldpbench.evaluation.map_cells import (
    bind_map_protocols,
    restore_map_row,
    scenes_with_truth,
    score_map_sample,
)
from ldpbench.methods.map_methods import load_estimator
from ldpbench.records import MapTruth, Protocol


class Given(BlurMapEstimator):
    """Answers with what it was given."""

    id = "given"

    def __init__(self, answer):
        self.answer = answer

    def estimate(self, left, right):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def blur_map(amount: np.ndarray) -> BlurMap:
    plane = amount.astype(np.float32)
    return BlurMap(probability=1 / (1 + np.exp(1 - plane)), logits=plane, normalisation="sigmoid")


def sample(**maps) -> Sample:
    view = np.zeros((*next(iter(maps.values())).shape, 1), np.float32)
    fields = {"id": "a", "dataset": "x", "split": "test", "bits": 8, "encoding": "srgb", "regions": {}, "group": "far"}
    return Sample(left=view, right=view, **fields, **maps)


def protocol(metrics: tuple[str, ...], **truth) -> Protocol:
    (found,) = bind_map_protocols(load_card("pixeldp"), "f" * 64, "test")
    return found.model_copy(update={"metrics": metrics, "truth": MapTruth(**truth)})


@pytest.fixture(scope="module")
def prepared(sample_home):
    return open_prepared(sample_home, "sample")


@pytest.fixture(scope="module")
def protocols(prepared):
    return bind_map_protocols(prepared.card, prepared.info.splits["test"].fingerprint, "test")


def means(prepared, protocols, name):
    """Mean over the test split by metric; None where every scene is undefined."""
    values: dict[str, list[float]] = {}
    for scene in prepared.samples("test"):
        for score in restore_map_row(load_estimator(name), scene, protocols).row.scores:
            values.setdefault(score.metric, []).extend([] if score.value is None else [score.value])
    return {metric: float(np.mean(found)) if found else None for metric, found in values.items()}


def test_the_sample_set_gives_the_numbers_that_were_known(prepared, protocols):
    found = means(prepared, protocols, "disparity")
    known = {"ai1": 0.027, "ai2": 0.039, "srcc": 0.075, "blur-accuracy": 0.900, "blur-balanced-accuracy": 0.846}
    assert {name: found[name] for name in known} == pytest.approx(known, abs=0.001)
    assert found["blur-majority"] == pytest.approx(0.724, abs=0.001)


def test_a_constant_is_scored_by_hand(prepared, protocols):
    found = means(prepared, protocols, "zeros")
    radii = [scene.blur_map for scene in prepared.samples("test")]
    assert found["blur-accuracy"] == pytest.approx(np.mean([(np.abs(radius) <= 1).mean() for radius in radii]))
    # The best affine map of a constant is a constant; in the mean square that is the mean.
    assert found["ai2"] == pytest.approx(np.mean([(np.abs(radius) / 16).std() for radius in radii]), abs=1e-6)
    assert found["srcc"] is None
    scores = restore_map_row(load_estimator("zeros"), prepared.samples("test")[0], protocols).row.scores
    assert {score.metric: score.status for score in scores if score.metric.startswith("srcc")} == {
        "srcc": "undefined",
        "srcc-dense": "undefined",
    }


def test_protocols_are_those_of_the_card_bound_to_the_content(prepared):
    card = prepared.card
    classes, amount = bind_map_protocols(card, "f" * 64, "test")
    assert (classes.id, classes.task, classes.views) == ("sample/blur-classes", "blurmap", ("left", "right"))
    assert amount.metrics == ("ai1/1", "ai2/1", "srcc-dense/1", "srcc/1")
    assert amount.truth == card.map_protocols[1].truth
    others = bind_map_protocols(card, "e" * 64, "test")[1], bind_map_protocols(card, "f" * 64, "val")[1]
    limited = bind_map_protocols(card, "f" * 64, "test", limit=2)[1]
    assert len({found.hash for found in (classes, amount, limited, *others)}) == 5
    disparity = load_card("dpd-disp")
    assert [found.task for found in bind_map_protocols(disparity, "f", "test", tasks=["disparity"])] == ["disparity"]
    assert len(bind_map_protocols(disparity, "f", "test")) == 2
    assert bind_map_protocols(load_card("dpd-blur"), "f", "test") == ()


def test_scenes_without_the_reference_are_known_without_reading_a_picture(prepared, protocols, monkeypatch):
    monkeypatch.setattr(type(prepared), "_splits", property(lambda _: pytest.fail("the pictures were opened")))
    assert scenes_with_truth(prepared, "test", protocols) == {f"scene-{number}" for number in range(1, 7)}
    of_disparity = [found.model_copy(update={"truth": MapTruth(reference="disparity")}) for found in protocols]
    assert scenes_with_truth(prepared, "test", of_disparity) == frozenset()
    assert scenes_with_truth(prepared, "test", [*of_disparity, *protocols]) >= {"scene-1"}
    lacking = tuple(row for row in prepared.info.content if row[1:3] != ("scene-2", "blur_map"))
    partial = type(prepared)(prepared.folder, prepared.card, prepared.info.model_copy(update={"content": lacking}))
    assert "scene-2" not in scenes_with_truth(partial, "test", protocols)
    assert len(scenes_with_truth(partial, "test", protocols)) == 5


def test_only_references_that_a_scene_has_are_scored():
    truth = np.linspace(0, 4, 30, dtype=np.float32).reshape(5, 6)
    both = (protocol(("ai1/1",), reference="blur_map"), protocol(("ai1/1",), reference="disparity", scale=4))
    scores = score_map_sample(blur_map(truth), sample(disparity=truth), both)
    assert [score.protocol for score in scores] == [both[1].hash]
    assert scores[0].value == pytest.approx(0, abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), scale=st.floats(0.1, 50), offset=st.floats(-5, 5))
def test_amounts_have_any_unit_and_classes_do_not(seed, scale, offset):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(-4, 4, (12, 14)).astype(np.float32)
    truth[0, :3] = np.nan
    found = blur_map(np.abs(np.nan_to_num(truth)))
    scaled = replace(found, logits=found.logits * np.float32(scale) + np.float32(offset))
    wanted = protocol(("ai1/1", "blur-accuracy/1", "srcc/1"), reference="blur_map", magnitude=True, scale=4)
    plain, other = (score_map_sample(each, sample(blur_map=truth), (wanted,)) for each in (found, scaled))
    assert [score.value for score in other] == pytest.approx([score.value for score in plain], abs=1e-4)
    assert {score.status for score in plain} == {"ok"}


def test_the_frame_of_the_released_evaluation_is_used():
    """Outside of that frame a map may say anything."""
    truth = np.tile(np.linspace(0, 1, 1200, dtype=np.float32), (900, 1))
    wanted = protocol(("ai1/1",), reference="disparity", frame="iccp2020")
    changed = truth.copy()
    changed[:270] = changed[:, :270] = 5
    for found, expected in ((truth, 0), (changed, 0), (np.roll(truth, 450, axis=0) * -2 + 3, 0)):
        (score,) = score_map_sample(blur_map(found), sample(disparity=truth), (wanted,))
        assert score.value == pytest.approx(expected, abs=2e-3)
    changed[500:600, 500:600] = 5
    (score,) = score_map_sample(blur_map(changed), sample(disparity=truth), (wanted,))
    assert score.value > 0.01


def test_a_scene_of_which_nothing_is_known_has_no_value():
    nothing = np.full((6, 7), np.nan, np.float32)
    scores = score_map_sample(
        blur_map(np.ones((6, 7))), sample(blur_map=nothing), (protocol(("ai1/1", "blur-iou/1"), reference="blur_map"),)
    )
    assert [(score.value, score.status) for score in scores] == [(None, "undefined")] * 2


def test_a_map_with_a_hole_fails_in_every_metric_it_reaches():
    holed = blur_map(np.ones((6, 7)))
    holed.logits[2, 3] = np.inf
    wanted = protocol(("ai1/1", "blur-accuracy/1"), reference="blur_map")
    truth = np.linspace(0, 1, 42, dtype=np.float32).reshape(6, 7)
    statuses = {score.metric: score.status for score in score_map_sample(holed, sample(blur_map=truth), (wanted,))}
    assert statuses == {"ai1": "failed", "blur-accuracy": "ok"}


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (ValueError("no\nluck"), "given failed: ValueError: no luck"),
        (np.zeros((6, 7)), "returned ndarray, expected a BlurMap"),
        (blur_map(np.ones((7, 6))), r"a map of \(7, 6\), expected \(6, 7\)"),
        (blur_map(np.full((6, 7), np.nan)), "not finite"),
        (replace(blur_map(np.ones((6, 7))), logits=np.full((6, 7), np.inf, np.float32)), "not finite"),
        (replace(blur_map(np.ones((6, 7))), probability=np.full((6, 7), 1.5, np.float32)), r"outside \[0, 1\]: 1.5"),
    ],
)
def test_an_estimator_that_breaks_its_word_fails_alone(answer, says):
    scene = sample(blur_map=np.ones((6, 7), np.float32))
    with pytest.raises(MethodError, match=says):
        restore_map_row(Given(answer), scene, ())


def test_errors_of_ours_pass_through():
    with pytest.raises(UsageError, match="belongs to the scenes"):
        restore_map_row(Given(UsageError("it belongs to the scenes")), sample(blur_map=np.ones((6, 7))), ())


def test_a_row_says_where_it_is_from_and_shows_the_probability():
    amount = np.linspace(0, 3, 42).reshape(6, 7)
    made = restore_map_row(Given(blur_map(amount)), sample(blur_map=amount.astype(np.float32)), ())
    assert (made.row.sample_id, made.row.group, made.row.scores) == ("a", "far", ())
    assert (made.row.height_px, made.row.width_px) == (6, 7)
    assert made.row.seconds >= 0
    shown = png16.decode(made.preview, "preview")
    assert shown.dtype == np.uint8
    np.testing.assert_allclose(shown / 255, 1 / (1 + np.exp(1 - amount)), atol=0.5 / 255 + 1e-6)
