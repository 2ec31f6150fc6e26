"""Averaged weights against a plain loop in float64."""

import numpy as np
import pytest
import torch
from torch import nn

from ldpbench.training.averaging import AveragedWeights


def network(seed: int = 0) -> nn.Module:
    """Weights, and what is counted and not averaged: the batch norm's number of batches."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 3, 1))


def step(trained: nn.Module) -> None:
    with torch.no_grad():
        for value in trained.state_dict().values():
            value.add_(torch.randn(value.shape) if value.is_floating_point() else 1)


@pytest.mark.parametrize("decay", [0.9, 0.999, 0.0])
def test_against_a_plain_loop(decay: float) -> None:
    trained = network()
    averaged = AveragedWeights(trained, decay)
    plain = {key: value.double().numpy().copy() for key, value in trained.state_dict().items()}
    for number in range(40):
        step(trained)
        averaged.update(trained, number)
        now = min(decay, (1 + number) / (10 + number))
        for key, value in trained.state_dict().items():
            if value.is_floating_point():
                plain[key] = now * plain[key] + (1 - now) * value.double().numpy()
            else:
                plain[key] = value.double().numpy().copy()
    for key, value in averaged.state_dict().items():
        np.testing.assert_allclose(value.double().numpy(), plain[key], rtol=2e-5, atol=2e-6)


def test_without_a_decay_it_is_a_copy() -> None:
    trained = network()
    averaged = AveragedWeights(trained, 0.0)
    step(trained)
    averaged.update(trained, 0)
    assert all(torch.equal(value, averaged.state_dict()[key]) for key, value in trained.state_dict().items())


def test_the_average_is_no_view_of_the_weights() -> None:
    trained = network()
    averaged = AveragedWeights(trained, 0.9)
    before = {key: value.clone() for key, value in averaged.state_dict().items()}
    step(trained)
    assert all(torch.equal(value, averaged.state_dict()[key]) for key, value in before.items())
    assert not any(value.requires_grad for value in averaged.state_dict().values())


def test_a_stored_average_goes_on_to_the_last_bit() -> None:
    torch.manual_seed(1)
    weights = [network(seed) for seed in range(6)]
    straight, first = AveragedWeights(weights[0], 0.9), AveragedWeights(weights[0], 0.9)
    for number, trained in enumerate(weights):
        straight.update(trained, number)
    for number, trained in enumerate(weights[:3]):
        first.update(trained, number)
    second = AveragedWeights(network(9), 0.9)
    second.load_state_dict({key: value.clone() for key, value in first.state_dict().items()})
    for number, trained in enumerate(weights[3:], start=3):
        second.update(trained, number)
    assert all(torch.equal(value, second.state_dict()[key]) for key, value in straight.state_dict().items())


def test_the_beginning_is_forgotten_soon() -> None:
    trained = network()
    averaged = AveragedWeights(trained, 0.999)
    start = trained.state_dict()["0.weight"].clone()
    with torch.no_grad():
        for value in trained.parameters():
            value.zero_()
    for number in range(20):
        averaged.update(trained, number)
    left = float(averaged.state_dict()["0.weight"].norm() / start.norm())
    assert left < 1e-3
