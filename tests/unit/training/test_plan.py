"""What ``train plan`` says of a run."""

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.networks.build import build_network
from ldpbench.networks.cost import macs, parameters
from ldpbench.training import plan
from ldpbench.training.plan import Pace, TrainingPlan, plan_training
from tests.tiny_training import tiny_config

CPU = torch.device("cpu")


def test_the_figures_of_a_tiny_run() -> None:
    config = tiny_config("micro_batch=3")
    found = plan_training(config, CPU)
    network = build_network(config.network)
    assert (found.parameters, found.macs_256) == (parameters(network), macs(network, 256, 256))
    assert (found.steps, found.patches, found.accumulation) == (12, 48, 2)
    # Steps 0 to 4 of the first stage have 32 px, its steps 5 to 8 and the second stage 48 px.
    assert [(pace.crop_px, pace.steps) for pace in found.paces] == [(32, 5), (48, 7)]
    assert all(0 < pace.seconds_per_step < 60 for pace in found.paces)
    assert found.peak_bytes > 10 * 2**20  # this process at least
    assert json.loads(json.dumps(found.document()))["seconds"] == found.seconds


def test_the_time_is_the_sum_over_the_crops() -> None:
    paces = (Pace(crop_px=32, steps=10, seconds_per_step=0.5), Pace(crop_px=64, steps=4, seconds_per_step=2.0))
    found = TrainingPlan(parameters=1, macs_256=1, steps=14, patches=14, accumulation=1, paces=paces, peak_bytes=1)
    assert found.seconds == 13.0


def test_what_is_measured_is_the_whole_batch_in_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[list[torch.Size]] = []
    real = plan.one_update

    def spy(config, network, forward, loss, batches, *rest):
        shapes.append([batch.left.shape for batch in batches])
        return real(config, network, forward, loss, batches, *rest)

    monkeypatch.setattr(plan, "one_update", spy)
    plan_training(tiny_config("micro_batch=2", "stages.0.crops=[{size_px: 48}]"), CPU)
    assert shapes == [[torch.Size((2, 3, 48, 48))] * 2] * (plan.WARM_UP + plan.MEASURED)


@given(steps=st.integers(1, 30), start=st.floats(0.01, 0.99))
@settings(max_examples=15, deadline=None)
def test_no_crop_that_has_no_step_is_measured(steps: int, start: float) -> None:
    crops = f"stages.0.crops=[{{size_px: 32}}, {{start: {start}, size_px: 48}}]"
    config = tiny_config(crops, f"stages.0.steps={steps}", "stages.0.warmup_steps=0", "stages.1.crops=[{size_px: 32}]")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "_measure", lambda *_: 0.25)
        patch.setattr(plan, "macs", lambda *_: 1)
        found = plan_training(config, CPU)
    assert all(pace.steps > 0 for pace in found.paces)
    assert sum(pace.steps for pace in found.paces) == found.steps == steps + 3
    assert found.seconds == 0.25 * found.steps
