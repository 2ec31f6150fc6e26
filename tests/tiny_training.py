"""A training run of seconds: a network of a few thousand weights on the two ``val`` scenes of the sample set."""

from pathlib import Path
from typing import Any

from ldpbench.core.home import Home
from ldpbench.core.progress import SILENT, Progress
from ldpbench.training.config import TrainConfig
from ldpbench.training.recipes import resolve
from ldpbench.training.run import Finished, train
from ldpbench.training.setup import Wishes
from ldpbench.training.team import joined_team

TINY = (
    "network.width=4",
    "split=val",
    "allow_test=true",
    "patches.size_px=64",
    "patches.stride_px=48",
    "stages.0.steps=9",
    "stages.0.warmup_steps=2",
    "stages.0.crops=[{start: 0.0, size_px: 32}, {start: 0.5, size_px: 48}]",
    "stages.1.steps=3",
    "stages.1.crops=[{start: 0.0, size_px: 48}]",
    "global_batch=4",
    "micro_batch=4",
    "journal_every=1",
    "validate_every=6",
    "validate_scenes=1",
    "checkpoint_every=4",
    "pictures_every=0",
)
"""``--set`` assignments on top of the recipe ``cpu-smoke``."""


def tiny_config(*assignments: str, **changes: Any) -> TrainConfig:
    """The configuration, with more assignments."""
    return resolve(
        "ldp-tiny",
        recipe_name="cpu-smoke",
        changes={"dataset": "sample", **changes},
        assignments=[*TINY, *assignments],
    )


def train_tiny(config: TrainConfig, home: Home, folder: Path, progress: Progress = SILENT) -> Finished:
    """Train in this process on the CPU."""
    with joined_team("cpu") as team:
        return train(config, home, folder, team, Wishes(), command=["test"], progress=progress)


def command_line(folder: Path) -> list[str]:
    """The same run as arguments of ``ldpbench``."""
    arguments = ["train", "ldp-tiny", "--dataset", "sample", "--recipe", "cpu-smoke", "--device", "cpu"]
    for assignment in TINY:
        arguments += ["--set", assignment]
    return [*arguments, "--out", str(folder)]
