"""Trained weights as a method that ``evaluate`` and ``deblur`` can load."""

from pathlib import Path
from typing import Any

import yaml
from torch import Tensor

from ldpbench.core.atomic import replacing_folder, write_text
from ldpbench.methods.checkpoint import TRUTH
from ldpbench.networks.checkpoint import save_checkpoint
from ldpbench.records import BaselineRecord
from ldpbench.records.baseline import RECORD_FILE
from ldpbench.training.config import TrainConfig

FINAL_FOLDER = "final"
BEST_FOLDER = "best"
RANDOM = "random"


def final_folder(run: Path) -> Path:
    """Where a run's result lies."""
    return run / FINAL_FOLDER


def best_folder(run: Path) -> Path:
    """Where the weights with the best validation PSNR so far lie."""
    return run / BEST_FOLDER


def write_method(
    folder: Path, config: TrainConfig, state: dict[str, Tensor], identity: dict[str, Any] | None, facts: dict[str, Any]
) -> BaselineRecord:
    """Write weights as a method, in one step.

    Args:
        folder: ``final`` or ``best`` of a run.
        config: The run's.
        state: The averaged weights.
        identity: Of the estimator of the blur maps.
        facts: How the weights came about: dataset, steps, scores.

    Raises:
        StorageError: If the disk is full.
    """
    needs_map = config.network.needs_blur_map
    with replacing_folder(folder) as fresh:
        stored = save_checkpoint(
            fresh,
            config.network,
            state,
            blur_map=config.blur_map if needs_map else None,
            blur_map_identity=identity if needs_map else None,
            training={**facts, "recipe": config.recipe, "global_batch": config.global_batch},
        )
        record = _record(config, stored.weights.sha256, identity if needs_map else None, facts, state)
        document = record.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        write_text(fresh / RECORD_FILE, yaml.safe_dump({"schema": 1, **document}, sort_keys=False, allow_unicode=True))
    return record


def _record(
    config: TrainConfig, weights: str, identity: dict[str, Any] | None, facts: dict[str, Any], state: dict[str, Tensor]
) -> BaselineRecord:
    made_up = [
        what
        for what, weights in (("blur map", (identity or {}).get("weights")), ("loss", facts.get("loss_clip")))
        if str(weights).startswith(RANDOM)
    ]
    marks = [f", {what} of RANDOM weights" for what in made_up]
    prior = config.blur_map if config.network.needs_blur_map else "none"
    wants_truth = config.network.needs_blur_map and config.blur_map == TRUTH
    return BaselineRecord(
        schema=1,
        id=f"{config.network.name}-{config.dataset}-{weights[:8]}",
        version="1",
        title=f"{config.network.name} on {config.dataset}, {facts['steps']:,} steps{''.join(marks)}",
        summary=(
            f"Trained on {config.dataset}/{config.split} with the recipe {config.recipe} for {facts['steps']:,} steps "
            f"of {config.global_batch} patches, seed {config.seed}; prior {config.network.prior}, blur map {prior}."
        ),
        kind="network",
        inputs=("left", "right", "blur_map") if wants_truth else ("left", "right"),
        licence_code="Apache-2.0",
        parameters=sum(value.numel() for value in state.values() if value.is_floating_point()),
        known_issues=tuple(f"The {what} comes from made-up CLIP weights: for tests only." for what in made_up),
    )
