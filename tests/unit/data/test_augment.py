"""Augmentation, held against renderings of the changed scene."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.core.errors import UsageError
from ldpbench.data.training.augment import (
    POLICIES,
    Patch,
    mirrored,
    mirrored_bare,
    policy,
    quarter_turn,
    shuffled_channels,
    upside_down,
)
from ldpbench.simulation.psf import psf_preset
from ldpbench.simulation.render import render_views

ROLES = ("left", "right", "center", "target", "blur_map")


def rendered(sharp: np.ndarray, coc: np.ndarray, optics: str = "realistic") -> Patch:
    """What a camera sees of a scene."""
    views = render_views(torch.from_numpy(sharp)[None], torch.from_numpy(coc)[None], psf_preset(optics))
    left, right, center = (view[0].numpy().astype(np.float32) for view in views)
    return Patch(
        left=left, right=right, center=center, target=sharp.astype(np.float32), blur_map=coc[None].astype(np.float32)
    )


def scene(seed: int, channels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """A sharp picture and signed radii in blocks, near and far."""
    rng = np.random.default_rng(seed)
    sharp = rng.integers(0, 256, (channels, 40, 48), dtype=np.uint8)
    return sharp, np.kron(rng.integers(-5, 6, (5, 6)), np.ones((8, 8), np.int64))


def equal(one: Patch, other: Patch, roles=ROLES) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in roles)


@pytest.mark.parametrize("optics", ["realistic", "rdpd/1"])
def test_a_mirrored_pair_with_exchanged_views_is_a_rendering_of_the_mirrored_scene(optics):
    sharp, coc = scene(0)
    seen = rendered(sharp, coc, optics)
    assert equal(mirrored(seen), rendered(sharp[..., ::-1].copy(), coc[..., ::-1].copy(), optics))


def test_upside_down_is_a_rendering_of_the_scene_upside_down():
    sharp, coc = scene(1)
    assert equal(upside_down(rendered(sharp, coc)), rendered(sharp[:, ::-1].copy(), coc[::-1].copy()))


def test_a_bare_mirror_turns_near_into_far_and_its_blur_map_tells_the_wrong_side():
    sharp, coc = scene(2)
    bare = mirrored_bare(rendered(sharp, coc))
    other_side = rendered(sharp[..., ::-1].copy(), -coc[..., ::-1])
    assert equal(bare, other_side, ("left", "right", "center", "target"))
    assert np.array_equal(bare.blur_map, -other_side.blur_map)
    same_side = rendered(sharp[..., ::-1].copy(), coc[..., ::-1].copy())
    assert not np.array_equal(bare.left, same_side.left)


def test_a_half_turn_alone_has_the_opposite_sign_too():
    sharp, coc = scene(3)
    turned = quarter_turn(rendered(sharp, coc), 2)
    other_side = rendered(sharp[:, ::-1, ::-1].copy(), -coc[::-1, ::-1])
    assert equal(turned, other_side, ("left", "right", "center", "target"))


def test_how_many_outcomes_a_policy_has():
    patch = rendered(*scene(4))
    patch = patch.map(lambda plane: plane[..., :40, :40])
    seen = {name: set() for name in POLICIES}
    for name, outcomes in seen.items():
        for seed in range(60):
            changed = policy(name)(patch, np.random.default_rng(seed))
            outcomes.add((changed.left.tobytes(), changed.right.tobytes()))
    assert {name: len(outcomes) for name, outcomes in seen.items()} == {"dual-pixel": 4, "field": 8, "none": 1}
    turned = quarter_turn(patch, 1)
    assert (turned.left.tobytes(), turned.right.tobytes()) in seen["field"] - seen["dual-pixel"]


def test_an_unknown_policy_is_refused_with_the_near_ones():
    with pytest.raises(UsageError, match="no augmentation is called 'dualpixel'") as caught:
        policy("dualpixel")
    assert "dual-pixel" in caught.value.hint


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), channels=st.sampled_from([1, 3]))
def test_changes_undo_themselves_and_lose_no_value(seed, channels):
    rng = np.random.default_rng(seed)
    planes = {name: rng.random((channels, 6, 6), dtype=np.float32) for name in ROLES[:4]}
    patch = Patch(**planes, blur_map=rng.normal(size=(1, 6, 6)).astype(np.float32))
    for change in (mirrored, mirrored_bare, upside_down):
        assert equal(change(change(patch)), patch)
    for name in POLICIES:
        changed = policy(name)(patch, np.random.default_rng(seed))
        assert np.array_equal(np.sort(changed.blur_map, axis=None), np.sort(patch.blur_map, axis=None))
        assert changed.left.shape == (channels, 6, 6)


@pytest.mark.parametrize("name", POLICIES)
def test_what_is_absent_stays_absent(name):
    plane = np.zeros((1, 4, 4), np.float32)
    changed = policy(name)(Patch(left=plane, right=plane), np.random.default_rng(0))
    assert (changed.center, changed.target, changed.blur_map) == (None, None, None)


def test_colours_are_shuffled_alike_and_blur_is_not_touched():
    patch = rendered(*scene(5))
    orders = set()
    for seed in range(20):
        changed = shuffled_channels(patch, np.random.default_rng(seed))
        order = [next(c for c in range(3) if np.array_equal(patch.left[c], plane)) for plane in changed.left]
        for name in ROLES[:4]:
            assert np.array_equal(getattr(changed, name), getattr(patch, name)[order])
        assert np.array_equal(changed.blur_map, patch.blur_map)
        orders.add(tuple(order))
    assert len(orders) == 6
    grey = rendered(*scene(5, channels=1))
    assert equal(shuffled_channels(grey, np.random.default_rng(0)), grey)
