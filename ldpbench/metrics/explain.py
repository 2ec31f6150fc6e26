"""One pair under every convention in use, so that a reader sees which differences between papers are conventions."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ldpbench.metrics.catalogue import METRICS
from ldpbench.metrics.checks import open_pair
from ldpbench.metrics.pair import Pair, Region
from ldpbench.metrics.restoration import psnr

_PSNR_SSIM = (
    "psnr",
    "psnr-u8",
    "psnr-u16",
    "psnr-y",
    "ssim",
    "ssim-popcov",
    "ssim-matlab",
    "ssim-gauss",
    "ssim-y-matlab",
    "ssim-gauss3d",
)

CAP_DB = 100.0


@dataclass(frozen=True)
class Convention:
    """One way to score a pair.

    Args:
        metric: Id of the metric; more than one convention may share it.
        value: What it gives for this pair; NaN where it is not defined.
        convention: How the pair is prepared and scored.
        used_by: Papers and codes that score this way.
    """

    metric: str
    value: float
    convention: str
    used_by: tuple[str, ...]


def _value(metric: str, pair: Pair | None) -> float:
    return math.nan if pair is None else float(METRICS[metric].compute(Region(pair)))


def _capped(pair: Pair) -> float:
    return min(psnr(Region(pair)), CAP_DB) if pair.errors.mse == 0.0 else psnr(Region(pair))


def _truncated(pair: Pair) -> float:
    """PSNR of what a plain cast to 8 bits makes of unclipped values: fractions are cut, overflow wraps around."""
    if pair.pred.dtype == np.uint8:
        return psnr(Region(pair))
    pred, target = (np.trunc(picture * 255).astype(np.int64).astype(np.uint8) for picture in pair.unit)
    return psnr(Region(Pair(pred, target, 255.0)))


_VARIANTS: tuple[tuple[str, str, tuple[str, ...], Callable[[Pair, Pair], float]], ...] = (
    (
        "psnr",
        "PSNR of the prediction as it is, not clipped",
        ("DPDNet", "BaMBNet"),
        lambda raw, _: _value("psnr", raw),
    ),
    (
        "psnr",
        f"PSNR with {CAP_DB:.0f} dB for identical images",
        ("Restormer",),
        lambda _, clipped: _capped(clipped),
    ),
    (
        "psnr",
        "PSNR after both images were multiplied by 255 and cut to 8 bits without clipping: values beyond white wrap",
        ("DPANet",),
        lambda raw, _: _truncated(raw),
    ),
    (
        "ssim",
        "SSIM, uniform 7x7, of the prediction as it is, not clipped",
        ("DPDNet", "BaMBNet"),
        lambda raw, _: _value("ssim", raw),
    ),
    (
        "ssim",
        "SSIM, uniform 7x7, after both images were clipped and rounded to 8 bits",
        ("RDPD (its default of 8-bit files)",),
        lambda _, clipped: _value("ssim", clipped.rounded_u8),
    ),
    (
        "ssim-matlab",
        "SSIM, Gaussian 11x11, population covariance, after both images were clipped and rounded to 8 bits",
        ("mmagic",),
        lambda _, clipped: _value("ssim-matlab", clipped.rounded_u8),
    ),
)


def explain(pred: NDArray[Any], target: NDArray[Any]) -> list[Convention]:
    """Score one pair under every PSNR and SSIM convention.

    Args:
        pred: As ``ldpbench.metrics.engine.score``.
        target: As there.

    Returns:
        The conventions of the catalogue, then the ones that differ only in how the pair is prepared. All values are NaN
        if the prediction holds NaN or infinity.

    Raises:
        UsageError: As ``ldpbench.metrics.engine.score``.
    """
    pred, target = np.asarray(pred), np.asarray(target)
    clipped = open_pair(pred, target, "deblur", clip=True, fuse=True)
    raw = open_pair(pred, target, "deblur", clip=False, fuse=True)
    shown = [
        Convention(metric, _value(metric, clipped), METRICS[metric].spec.convention, METRICS[metric].spec.used_by)
        for metric in _PSNR_SSIM
    ]
    for metric, convention, used_by, compute in _VARIANTS:
        value = math.nan if raw is None or clipped is None else compute(raw, clipped)
        shown.append(Convention(metric, value, convention, used_by))
    return shown
