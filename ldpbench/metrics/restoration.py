"""PSNR, SSIM and error measures of one restored picture. White is 1 throughout."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ldpbench.metrics.metric import Metric
from ldpbench.metrics.pair import Pair, Region, SsimMap
from ldpbench.records import MetricSpec

_DP_LINE = ("DPDNet", "RDPD", "MDP", "IFAN", "Restormer", "BaMBNet", "K3DN", "DRBNet", "LaKDNet")


def psnr(region: Region) -> float:
    """-10 log10 of the mean squared error; +inf for identical values."""
    mse = region.errors.mse
    if mse == 0.0:
        return math.inf
    return -10.0 * math.log10(mse)


def mae(region: Region) -> float:
    """Mean absolute error."""
    return region.errors.mae


def mse(region: Region) -> float:
    """Mean squared error."""
    return region.errors.mse


def rmse(region: Region) -> float:
    """Root of the mean squared error."""
    return math.sqrt(region.errors.mse)


def rel_l2(region: Region) -> float:
    """Norm of the error over the norm of the target; NaN for a black target."""
    energy = float(np.square(region.values[1]).mean()) if region.values[1].size else 0.0
    return math.sqrt(region.errors.mse / energy) if energy > 0.0 else math.nan


def _similarity(of: Callable[[Pair], SsimMap]) -> Callable[[Region], float]:
    """The mean of one of a pair's SSIM maps over a region."""
    return lambda region: of(region.pair).over(region.mask)


def _on_luma(compute: Callable[[Region], float]) -> Callable[[Region], float]:
    """A metric on the Y channel; NaN for pictures that do not have three channels."""

    def on_luma(region: Region) -> float:
        luma = region.pair.luma
        return compute(region.of(luma)) if luma is not None else math.nan

    return on_luma


def _metric(compute: Callable[[Region], float], **spec: Any) -> Metric:
    return Metric(MetricSpec(version=1, **spec), compute)


_GAUSS_WINDOW = "Gaussian 11x11 window with sigma 1.5"
_Y = "on Y = (65.481 R + 128.553 G + 24.966 B + 16) / 255, not rounded; three channels only"

_ssim_matlab = _similarity(lambda pair: pair.gauss_ssim_population)

RESTORATION: tuple[Metric, ...] = (
    _metric(
        psnr,
        id="psnr",
        title="PSNR",
        unit="dB",
        higher_is_better=True,
        decimals=2,
        convention="-10 log10 of the squared error averaged over all pixels and channels of one image, white = 1; "
        "prediction clipped to [0, 1], not rounded; no border cut; +inf for identical images",
        used_by=(*_DP_LINE, "DDDNet (real scenes, on 8 bits)", "NAFNet"),
    ),
    _metric(
        _similarity(lambda pair: pair.box_ssim),
        id="ssim",
        title="SSIM",
        unit="1",
        higher_is_better=True,
        decimals=4,
        convention="uniform 7x7 window, K1 0.01, K2 0.03, sample covariance, windows wholly inside the image, mean "
        "over positions and channels, white = 1 (scikit-image's default); NaN below 7 pixels",
        used_by=_DP_LINE,
    ),
    _metric(
        mae,
        id="mae",
        title="MAE",
        unit="1",
        higher_is_better=False,
        decimals=4,
        convention="absolute error averaged over all pixels and channels of one image, white = 1",
        used_by=_DP_LINE,
    ),
    _metric(
        mse,
        id="mse",
        title="MSE",
        unit="1",
        higher_is_better=False,
        decimals=6,
        convention="squared error averaged over all pixels and channels of one image, white = 1",
    ),
    _metric(
        rmse,
        id="rmse",
        title="RMSE",
        unit="1",
        higher_is_better=False,
        decimals=4,
        convention="root of the squared error averaged over all pixels and channels of one image, white = 1; equals "
        "10^(-psnr/20) of that image",
    ),
    _metric(
        rel_l2,
        id="rel-l2",
        title="Relative L2",
        unit="1",
        higher_is_better=False,
        decimals=4,
        convention="norm of the error divided by the norm of the target; NaN for a black target",
    ),
    _metric(
        _on_luma(psnr),
        id="psnr-y",
        title="PSNR (Y)",
        unit="dB",
        higher_is_better=True,
        decimals=2,
        convention=f"PSNR {_Y}",
        used_by=("NAFNet (option)",),
    ),
    _metric(
        lambda region: psnr(region.of(region.pair.rounded_u8)),
        id="psnr-u8",
        title="PSNR (8 bit)",
        unit="dB",
        higher_is_better=True,
        decimals=2,
        convention="PSNR after both images were clipped and rounded to 8 bits, halves up",
        used_by=("DeepRFT", "mmagic"),
    ),
    _metric(
        lambda region: psnr(region.of(region.pair.rounded_u16)),
        id="psnr-u16",
        title="PSNR (16 bit)",
        unit="dB",
        higher_is_better=True,
        decimals=2,
        convention="PSNR after both images were clipped and rounded to 16 bits, halves up",
    ),
    _metric(
        _similarity(lambda pair: pair.box_ssim_population),
        id="ssim-popcov",
        title="SSIM (7x7, population)",
        unit="1",
        higher_is_better=True,
        decimals=4,
        convention="as ssim with population covariance (divisor 49 instead of 48)",
    ),
    _metric(
        _ssim_matlab,
        id="ssim-matlab",
        title="SSIM (Gaussian)",
        unit="1",
        higher_is_better=True,
        decimals=4,
        convention=f"{_GAUSS_WINDOW}, population covariance, windows wholly inside the image, mean over positions and "
        "channels, white = 1 (the original Matlab code); NaN below 11 pixels",
        used_by=("mmagic (on 8 bits)",),
    ),
    _metric(
        _similarity(lambda pair: pair.gauss_ssim),
        id="ssim-gauss",
        title="SSIM (Gaussian, sample)",
        unit="1",
        higher_is_better=True,
        decimals=4,
        convention="as ssim-matlab with the covariance multiplied by 121/120 (scikit-image with gaussian_weights=True)",
    ),
    _metric(
        _on_luma(_ssim_matlab),
        id="ssim-y-matlab",
        title="SSIM (Gaussian, Y)",
        unit="1",
        higher_is_better=True,
        decimals=4,
        convention=f"ssim-matlab {_Y}",
    ),
    _metric(
        _similarity(lambda pair: pair.gauss3d_ssim),
        id="ssim-gauss3d",
        title="SSIM (Gaussian, 3-D)",
        unit="1",
        higher_is_better=True,
        decimals=4,
        convention="Gaussian window with sigma 1.5 and 11 taps over rows, columns and channels, nearest value beyond "
        "the border, nothing cropped, population covariance; far above the other SSIMs",
        used_by=("NAFNet",),
    ),
)
