"""Scores on whole validation pictures, by the engine that evaluation uses."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ldpbench.data.sample import Sample
from ldpbench.methods.protocol import Deblurrer
from ldpbench.methods.runtime import restore_sample
from ldpbench.metrics.engine import score
from ldpbench.training.team import Team

METRICS = ("psnr", "ssim")


@dataclass(frozen=True)
class Validation:
    """Means over the pictures."""

    psnr: float
    ssim: float
    psnr_input: float
    """Of the blurry picture as it is."""
    count: int

    @property
    def gain(self) -> float:
        """What the network adds, in dB."""
        return self.psnr - self.psnr_input


def validate(deblurrer: Deblurrer, samples: Sequence[Sample], team: Team, *, count: int | None = None) -> Validation:
    """Restore and score pictures, shared between the processes of a team.

    Args:
        deblurrer: The method.
        samples: The validation split.
        team: Every process takes its share and gets the means over all.
        count: The first so many pictures; None for all.
    """
    total = len(samples) if count is None else min(count, len(samples))
    sums = torch.zeros(3, dtype=torch.float64)
    for index in range(team.rank, total, team.world):
        sample = samples[index]
        restored = restore_sample(deblurrer, sample).image
        own, before = _scores(restored, sample), _scores(sample.center_view, sample)
        sums += torch.tensor([own["psnr"], own["ssim"], before["psnr"]], dtype=torch.float64)
    psnr, ssim, psnr_input = (float(value) for value in team.sum(sums.to(team.device)).cpu() / total)
    return Validation(psnr, ssim, psnr_input, total)


def _scores(picture: NDArray[np.float32], sample: Sample) -> dict[str, float]:
    assert sample.target is not None
    white = np.float32(sample.white_level)
    return score(np.clip(picture / white, 0, 1), np.clip(sample.target / white, 0, 1), METRICS)
