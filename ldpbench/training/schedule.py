"""The learning rate of a step: a cosine in each stage, as the paper's two stages have it."""

import math

from ldpbench.training.config import Stage, TrainConfig


def learning_rate(config: TrainConfig, step: int) -> float:
    """The rate of an optimiser step, counted from 0 over all stages.

    Every stage starts at its ``lr`` and ends, at its last step, at its ``final_lr`` (Yang et al., CVPR 2024,
    section 4: 2e-4 to 1e-6 in each of two stages).
    """
    stage, inner = config.stage_at(step)
    return _stage_rate(stage, inner)


def _stage_rate(stage: Stage, step: int) -> float:
    if step < stage.warmup_steps:
        return stage.lr * (step + 1) / stage.warmup_steps
    length = max(1, stage.steps - 1 - stage.warmup_steps)
    share = min(1.0, (step - stage.warmup_steps) / length)
    return stage.final_lr + (stage.lr - stage.final_lr) * 0.5 * (1 + math.cos(math.pi * share))
