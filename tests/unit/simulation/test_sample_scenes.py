"""The embedded scenes: both signs of blur, in reach, noisy as promised, and every pixel pinned."""

import numpy as np
import pytest

from ldpbench.core.hashing import sha256_bytes
from ldpbench.simulation.draws import Draws
from ldpbench.simulation.sample_set import NOISE_CODES, PLANS, render_scene

MAX_RADIUS_PX = 8


@pytest.fixture(scope="module")
def scenes():
    return {scene.id: scene for scene in map(render_scene, PLANS)}


def input_psnr(scene) -> float:
    mean = (scene.left.astype(float) + scene.right) / 2
    return float(-10 * np.log10(np.mean(((mean - scene.target) / 255) ** 2)))


def test_the_set_is_what_its_card_says(scenes):
    assert [scene.split for scene in scenes.values()] == ["test"] * 6 + ["val"] * 2
    optics = [plan.optics for plan in PLANS]
    assert sum(name.startswith("rdpd/") for name in optics) == 5
    assert (optics.count("realistic"), optics.count("ddd")) == (2, 1)
    for scene in scenes.values():
        assert scene.left.shape == scene.right.shape == scene.center.shape == scene.target.shape == (256, 256, 3)
        assert (scene.coc.dtype, scene.depth_mm.dtype) == (np.int8, np.uint16)


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.id)
def test_blur_has_both_signs_and_stays_in_reach(scenes, plan):
    coc, depth = scenes[plan.id].coc.astype(int), scenes[plan.id].depth_mm
    assert np.abs(coc).max() <= MAX_RADIUS_PX
    assert depth.min() >= 500
    assert depth.max() <= 15000
    assert np.mean(np.abs(coc) <= 1) >= 0.15
    assert np.mean(coc < -1) >= 0.25
    if plan.optics == "ddd":
        assert coc.max() == 0, "the box model knows the near side only"
    else:
        assert np.mean(coc > 1) >= 0.25
    near, far = depth[coc < -1].astype(float).mean(), depth[coc >= 0].astype(float).mean()
    assert near < far


def test_blur_costs_what_it_should(scenes):
    scores = [input_psnr(scene) for scene in scenes.values()]
    assert min(scores) > 18
    assert max(scores) < 29
    assert 20 < np.mean(scores) < 26


def test_the_ordinary_picture_is_the_mean_of_the_views(scenes):
    for scene in scenes.values():
        mean = (scene.left.astype(float) + scene.right) / 2
        assert np.abs(scene.center - mean).max() <= 0.5


def test_noise_is_as_strong_as_promised_and_independent():
    left, right = (Draws(seed).bell((400, 400)) / 2**16 * NOISE_CODES for seed in (1, 2))
    assert left.std() == pytest.approx(NOISE_CODES, rel=0.01)
    assert left.mean() == pytest.approx(0, abs=0.02)
    assert abs(np.corrcoef(left.ravel(), right.ravel())[0, 1]) < 0.01
    kurtosis = np.mean(left**4) / np.mean(left**2) ** 2
    assert kurtosis == pytest.approx(2.9, abs=0.05)


PINNED = {
    "scene-1": "f6ab49cb9ddd1c686218594bbd29c4dccf56eb6bf73afbf6f7b0677748d9fd5c",
    "scene-6": "c2aa451988ad861e37b1ef6cd7e86967b606802cf514857269ba7861287d8759",
}


@pytest.mark.parametrize("scene_id", PINNED)
def test_pixels_are_pinned(scenes, scene_id):
    scene = scenes[scene_id]
    planes = [scene.left, scene.right, scene.center, scene.target, scene.coc, scene.depth_mm.astype("<u2")]
    assert sha256_bytes(b"".join(np.ascontiguousarray(plane).tobytes() for plane in planes)) == PINNED[scene_id]


def test_rendering_again_gives_the_same(scenes):
    again = render_scene(PLANS[2])
    np.testing.assert_array_equal(again.left, scenes[again.id].left)
    np.testing.assert_array_equal(again.target, scenes[again.id].target)
