"""The learning rate of every step, and into how many parts a batch falls."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.training.config import CropPhase, Stage, TrainConfig
from ldpbench.training.schedule import learning_rate
from ldpbench.training.setup import accumulation
from tests.tiny_training import tiny_config

CROPS = (CropPhase(size_px=32),)


def config_of(*stages: Stage) -> TrainConfig:
    return tiny_config().model_copy(update={"stages": stages})


def rates(config: TrainConfig) -> list[float]:
    return [learning_rate(config, step) for step in range(config.steps)]


def test_every_stage_goes_from_its_rate_to_its_final_rate() -> None:
    config = config_of(
        Stage(name="one", steps=101, lr=2e-4, final_lr=1e-6, crops=CROPS),
        Stage(name="two", steps=51, lr=1e-4, final_lr=1e-7, crops=CROPS),
    )
    found = rates(config)
    assert (found[0], found[100], found[101], found[151]) == (2e-4, 1e-6, 1e-4, 1e-7)
    assert found[50] == pytest.approx((2e-4 + 1e-6) / 2)
    assert found[25] == pytest.approx(1e-6 + (2e-4 - 1e-6) * (0.5 + math.sqrt(2) / 4))


def test_the_rate_rises_in_a_straight_line_and_reaches_its_top() -> None:
    found = rates(config_of(Stage(name="one", steps=20, lr=1e-3, final_lr=1e-5, warmup_steps=4, crops=CROPS)))
    assert found[:5] == pytest.approx([0.25e-3, 0.5e-3, 0.75e-3, 1e-3, 1e-3])
    assert found[-1] == 1e-5
    assert found[4:] == sorted(found[4:], reverse=True)


@given(
    steps=st.integers(2, 300),
    warmup_share=st.floats(0, 0.9),
    lr=st.floats(1e-6, 1e-1),
    final_share=st.floats(0, 1),
)
@settings(max_examples=60, deadline=None)
def test_against_the_plain_formula(steps: int, warmup_share: float, lr: float, final_share: float) -> None:
    warmup = min(int(warmup_share * steps), steps - 2)
    final = final_share * lr
    found = rates(config_of(Stage(name="one", steps=steps, lr=lr, final_lr=final, warmup_steps=warmup, crops=CROPS)))
    for step, rate in enumerate(found):
        if step < warmup:
            assert rate == pytest.approx(lr * (step + 1) / warmup)
        else:
            angle = math.pi * (step - warmup) / (steps - 1 - warmup)
            assert rate == pytest.approx(final + (lr - final) * (1 + math.cos(angle)) / 2)
    assert found[warmup] == pytest.approx(lr, rel=1e-15)
    assert found[-1] == final


@given(share=st.integers(1, 200), micro=st.integers(1, 200))
@settings(max_examples=100, deadline=None)
def test_a_share_falls_into_the_fewest_equal_parts_that_fit(share: int, micro: int) -> None:
    parts = accumulation(share, micro)
    assert share % parts == 0
    assert share // parts <= micro
    assert not any(share % fewer == 0 and share // fewer <= micro for fewer in range(1, parts))


@pytest.mark.parametrize(
    ("share", "micro", "parts"), [(8, 8, 1), (8, 4, 2), (8, 3, 4), (7, 3, 7), (1, 9, 1), (6, 4, 2)]
)
def test_parts_by_hand(share: int, micro: int, parts: int) -> None:
    assert accumulation(share, micro) == parts
