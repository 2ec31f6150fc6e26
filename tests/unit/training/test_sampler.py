import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.core.errors import UsageError
from ldpbench.data.training.patches import PatchPlace
from ldpbench.training.sampler import Sampler


def places(count: int) -> list[PatchPlace]:
    return [PatchPlace(sample=number, top=10 * number, left=5 * number) for number in range(count)]


def test_a_step_depends_on_seed_and_step_alone() -> None:
    one, other = (Sampler(places(7), 64, seed=3, augment=True) for _ in range(2))
    for step in (9, 0, 4):
        other.draws(step, 4, 32)  # asked in another order
    assert [one.draws(step, 4, 32) for step in range(10)] == [other.draws(step, 4, 32) for step in range(10)]
    assert one.draws(0, 4, 32) != Sampler(places(7), 64, seed=4, augment=True).draws(0, 4, 32)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 16), st.integers(0, 2**31))
def test_an_epoch_sees_every_patch_once(count: int, batch: int, seed: int) -> None:
    sampler = Sampler(places(count), 64, seed=seed, augment=True)
    seen = [draw.scene for step in range(-(-3 * count // batch)) for draw in sampler.draws(step, batch, 64)]
    for epoch in range(3):
        assert sorted(seen[epoch * count : (epoch + 1) * count]) == list(range(count))


def test_epochs_have_orders_of_their_own() -> None:
    sampler = Sampler(places(50), 64, seed=0, augment=False)
    orders = [[draw.scene for draw in sampler.draws(step, 50, 64)] for step in range(2)]
    assert orders[0] != orders[1]
    assert sampler.epoch(3, 25) == 1.5


def test_crops_lie_in_their_patch_and_reach_its_corners() -> None:
    sampler = Sampler([PatchPlace(sample=0, top=100, left=200)], 20, seed=0, augment=True)
    draws = [draw for step in range(60) for draw in sampler.draws(step, 10, 17)]
    assert {draw.top for draw in draws} == {100, 101, 102, 103}
    assert {draw.left for draw in draws} == {200, 201, 202, 203}
    flips = np.array([[draw.mirrored, draw.upside_down] for draw in draws])
    assert abs(flips.mean(0) - 0.5).max() < 0.08
    assert len({tuple(row) for row in flips.tolist()}) == 4


def test_without_augmentation_nothing_is_flipped() -> None:
    sampler = Sampler(places(5), 64, seed=0, augment=False)
    assert not any(draw.mirrored or draw.upside_down for draw in sampler.draws(0, 50, 32))


def test_no_patch_is_an_error() -> None:
    with pytest.raises(UsageError, match="no patch"):
        Sampler([], 64, seed=0, augment=True)
