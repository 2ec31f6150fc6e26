"""The first losses of a small run, per platform: a change that should not alter computation must not move them."""

import json
import platform
from pathlib import Path

import pytest

from ldpbench.core.home import Home
from ldpbench.training.journal import read_journal
from tests.tiny_training import tiny_config, train_tiny

GOLDEN = Path(__file__).parents[2] / "golden" / "training_losses.json"
STEPS = 20
TOLERANCE = 2e-4
"""Relative. Processors sum in different orders; the same one gives the same bits."""


def this_platform() -> str:
    return f"{platform.system()}-{platform.machine()}-cpu".lower()


def first_losses(home: Home, folder: Path) -> list[float]:
    settings = ("stages.0.steps=18", "stages.1.steps=2", "validate_every=1000", "checkpoint_every=1000")
    train_tiny(tiny_config("network.width=8", *settings), home, folder)
    return [line["loss"] for line in read_journal(folder) if line["kind"] == "step"]


def test_the_first_losses_are_those_on_record(sample_home: Home, tmp_path: Path) -> None:
    golden = json.loads(GOLDEN.read_text())
    if this_platform() not in golden["losses"]:
        pytest.skip(f"no losses on record for {this_platform()}")
    losses = first_losses(sample_home, tmp_path / "run")
    assert len(losses) == STEPS
    assert losses == pytest.approx(golden["losses"][this_platform()], rel=TOLERANCE)
