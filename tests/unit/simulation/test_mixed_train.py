"""The mixed training scenes: what is drawn, and that the pictures say what the plan says."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from ldpbench.data.cards import dataset_manifest, load_card
from ldpbench.simulation.mixed_scenes import draw_mixed_scene
from ldpbench.simulation.mixed_train import COUNTS, PLANS, VALIDATION_PHOTOS, MixedPlan, render_mixed

PLAIN = MixedPlan(
    id="train-9999",
    split="train",
    recipe=None,
    optics="realistic",
    reach_px=6,
    noise="none",
    is_linear=False,
    is_grey=False,
)


@pytest.fixture(scope="module")
def photos():
    """Made-up photographs: smooth light with edges, two of them for validation."""
    rng = np.random.default_rng(7)
    names = ("01", "02", *VALIDATION_PHOTOS[:2])
    return {name: np.kron(rng.integers(0, 256, (45, 60, 3)), np.ones((8, 8, 1))).astype(np.uint8) for name in names}


def test_the_plans_are_what_the_card_says():
    card = load_card("mixed-train")
    assert Counter(plan.split for plan in PLANS) == card.splits == COUNTS
    assert len({plan.id for plan in PLANS}) == len({plan.seed for plan in PLANS}) == len(PLANS)
    optics = Counter(plan.optics for plan in PLANS)
    assert 0.45 < optics["realistic"] / len(PLANS) < 0.65
    assert set(optics) == {"realistic", "ddd", *(f"rdpd/{number}" for number in range(5))}
    assert max(plan.reach_px for plan in PLANS) == 16
    assert 0 < sum(plan.reach_px == 0 for plan in PLANS) < 0.1 * len(PLANS)
    for name in ("is_linear", "is_grey"):
        assert 0.3 < sum(getattr(plan, name) for plan in PLANS) / len(PLANS) < 0.6
    assert {row.sample_id for row in dataset_manifest("mixed-train")} >= set(VALIDATION_PHOTOS)


@pytest.mark.parametrize("optics", ["realistic", "rdpd/0", "ddd"])
def test_views_differ_where_there_is_blur_and_mean_the_centre(photos, optics):
    pair = render_mixed(replace(PLAIN, optics=optics), photos)
    assert pair.left.dtype == np.uint16
    assert pair.left.shape == pair.target.shape == (256, 256, 3)
    assert np.abs(pair.coc).max() <= (6 if optics != "ddd" else 24)
    sharp, blurred = pair.coc == 0, np.abs(pair.coc) >= 4
    differ = np.abs(pair.left.astype(int) - pair.right).mean(axis=2)
    assert blurred.any()
    # A box spreads its light onto sharp neighbours; the other kernels are gathered.
    assert differ[blurred].mean() > (0 if optics == "ddd" or not sharp.any() else 4 * differ[sharp].mean())


def test_a_scene_in_focus_everywhere_is_its_target(photos):
    pair = render_mixed(replace(PLAIN, reach_px=0), photos)
    assert not pair.coc.any()
    assert np.abs(pair.left.astype(int) - pair.target).max() <= 2
    assert np.array_equal(pair.left, pair.right)


def test_grey_is_grey_and_the_brightest_light_is_white(photos):
    pair = render_mixed(replace(PLAIN, is_grey=True, is_linear=True, noise="medium"), photos)
    for picture in (pair.left, pair.right, pair.center, pair.target):
        assert np.array_equal(picture[..., 0], picture[..., 1])
        assert np.array_equal(picture[..., 0], picture[..., 2])
    # The brightest pixel may lie in the margin that is cut away.
    assert 60000 < max(pair.left.max(), pair.right.max()) <= 65535


def test_both_splits_see_photographs_of_their_own(photos):
    training = {name: picture for name, picture in photos.items() if name not in VALIDATION_PHOTOS}
    held_out = {name: np.zeros_like(picture) for name, picture in photos.items() if name in VALIDATION_PHOTOS}
    one, other = render_mixed(PLAIN, photos), render_mixed(PLAIN, training | held_out)
    assert np.array_equal(one.target, other.target)
    validation = replace(PLAIN, split="val")
    assert not np.array_equal(
        render_mixed(validation, photos).target, render_mixed(validation, training | held_out).target
    )


@pytest.mark.parametrize("seed", range(6))
def test_depth_stays_within_the_scene_and_nothing_is_left_open(photos, seed):
    scene = draw_mixed_scene(list(photos.values()), seed, 96)
    assert scene.sharp.shape == (96, 96, 3)
    assert scene.depth_m.shape == (96, 96)
    assert np.isfinite(scene.depth_m).all()
    assert 0.39 < scene.depth_m.min() <= scene.depth_m.max() < 8.01
    again = draw_mixed_scene(list(photos.values()), seed, 96)
    assert np.array_equal(scene.sharp, again.sharp)
