"""Disparity on scenes with true blur: bounds from a measured run, and how far it is from plain block matching."""

import cv2
import numpy as np
import pytest

from ldpbench.blurmap.disparity.estimator import DisparityEstimator
from ldpbench.blurmap.disparity.match import signed_disparity
from ldpbench.data.prepared import open_prepared
from ldpbench.metrics.engine import score

RADIUS_SCALE = 16
"""The true radius in [0, 1], as the affine-invariant measures have it."""


@pytest.fixture(scope="module")
def scenes(sample_home):
    return list(open_prepared(sample_home, "sample").iter_samples("test"))


def block_matching(left, right, *, reach: int = 8, side: int = 15):
    """The classic: whole-pixel shifts, summed squared differences in a window, the least wins."""
    one, other = (view.mean(axis=2) for view in (left, right))
    costs = [
        cv2.blur((np.roll(one, shift // 2, axis=1) - np.roll(other, shift // 2 - shift, axis=1)) ** 2, (side, side))
        for shift in range(-reach, reach + 1)
    ]
    return np.argmin(costs, axis=0).astype(np.float32) - reach


def test_it_is_as_good_as_it_was_measured_to_be(scenes):
    estimator = DisparityEstimator()
    errors = {"ai1": [], "ai2": [], "srcc": [], "blur-accuracy": [], "blur-balanced-accuracy": []}
    for scene in scenes:
        found = estimator.estimate_sample(scene)
        truth = np.abs(scene.blur_map) / np.float32(RADIUS_SCALE)
        values = score(found.logits, truth, ["ai1", "ai2", "srcc"])
        values |= score(found.probability, scene.blur_map, ["blur-accuracy", "blur-balanced-accuracy"])
        for metric, value in values.items():
            errors[metric].append(value)
    mean = {metric: float(np.mean(values)) for metric, values in errors.items()}
    assert mean["ai1"] < 0.030, mean
    assert mean["ai2"] < 0.043, mean
    assert mean["srcc"] < 0.085, mean
    assert mean["blur-accuracy"] > 0.89, mean
    assert mean["blur-balanced-accuracy"] > 0.83, mean


def test_it_beats_block_matching_in_every_scene(scenes):
    for scene in scenes:
        truth = (np.clip(scene.blur_map, -RADIUS_SCALE, RADIUS_SCALE) / RADIUS_SCALE + 1) / 2
        ours = score(signed_disparity(scene.left, scene.right).pixels, truth, ["ai2"])["ai2"]
        plain = score(block_matching(scene.left, scene.right), truth, ["ai2"])["ai2"]
        assert ours < 0.9 * plain, f"{scene.id}: {ours:.4f} against {plain:.4f}"


def test_its_sign_is_the_side_of_focus(scenes):
    for scene in scenes:
        found = signed_disparity(scene.left, scene.right).pixels
        clearly = np.abs(scene.blur_map) >= 3
        if clearly.any():
            assert (np.sign(found) == np.sign(scene.blur_map))[clearly].mean() > 0.9, scene.id


def test_real_scenes_agree_with_their_published_maps(real_pixeldp_home):
    from ldpbench.evaluation.map_scoring import map_protocol, score_map

    prepared = open_prepared(real_pixeldp_home, "pixeldp")
    spec = map_protocol(prepared.card, None)
    for scene in prepared.iter_samples("test"):
        found = DisparityEstimator().estimate_sample(scene)
        scores = score_map(found.logits, scene, spec.truth, spec.metrics)
        assert scores["ai1"] < 0.12, (scene.id, scores)
        assert scores["srcc"] < 0.35, (scene.id, scores)
