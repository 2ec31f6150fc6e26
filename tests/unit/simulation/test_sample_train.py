"""The training scenes: seeds of their own, every recipe and both kinds of optics, and the pixels of a few pinned."""

from collections import Counter

import numpy as np
import pytest

from ldpbench.core.hashing import sha256_bytes
from ldpbench.data.cards import load_card
from ldpbench.simulation import sample_set, sample_train
from ldpbench.simulation.procedural.recipes import RECIPES
from ldpbench.simulation.sample_set import ScenePlan, render_scene

PINNED = {
    "train-000": "a82f350791a40e91f55d43da0a3643abf555b79fb9d72bf3cbef7e93032ffab1",
    "val-015": "d3e41132e7672776b145ccc7cbbe1dc53cded1bea8f99d13335f2454da3ba645",
}
"""SHA-256 over left, right, target and map of two scenes; the card pins all of them together."""


def test_the_plans_are_what_the_card_says() -> None:
    plans = sample_train.PLANS
    assert Counter(plan.split for plan in plans) == load_card("sample-train").splits
    assert len({plan.id for plan in plans}) == len(plans)
    assert {plan.recipe for plan in plans} == set(RECIPES)
    optics = Counter(plan.optics for plan in plans)
    assert 0.4 < optics["realistic"] / len(plans) < 0.6
    assert set(optics) == {"realistic", *(f"rdpd/{number}" for number in range(5))}
    assert {plan.reach_px for plan in plans} == set(range(3, 9))


def test_no_scene_is_one_of_the_sample_set() -> None:
    assert sample_train.BASE_SEED != sample_set.BASE_SEED
    seeds = {(plan.base_seed, plan.recipe, plan.seed) for plan in sample_set.PLANS}
    assert seeds.isdisjoint((plan.base_seed, plan.recipe, plan.seed) for plan in sample_train.PLANS)


@pytest.mark.parametrize("plan", [plan for plan in sample_train.PLANS if plan.id in PINNED], ids=lambda plan: plan.id)
def test_scenes_are_the_same_to_the_last_bit(plan: ScenePlan) -> None:
    scene = render_scene(plan)
    planes = (scene.left, scene.right, scene.target, scene.coc)
    assert sha256_bytes(b"".join(np.ascontiguousarray(plane).tobytes() for plane in planes)) == PINNED[plan.id]
    assert np.abs(scene.coc).max() <= plan.reach_px
    assert (scene.coc < -1).any()
    assert (scene.coc > 1).any()
