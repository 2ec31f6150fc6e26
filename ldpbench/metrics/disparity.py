"""Disparity measures that do not care about scale and offset: AI(1), AI(2) and rank correlation.

Source: Garg et al., ICCV 2019, with the iteration count, weights and ranks of the evaluation that Punnappurath et al.
(ICCP 2020) released. The prediction is mapped onto the target, never the other way round. Both lie in [0, 1] by
definition, because the weights of AI(1) have an absolute floor.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ldpbench.core.errors import UsageError
from ldpbench.metrics.jit import compiled

AI1_SOLVES = 6
"""One unweighted solve and five re-weighted ones. Others stop after 5 in all."""
_WEIGHT_FLOOR = 1e-3

Ranks = Literal["dense", "average"]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class AffineFit:
    """``slope * prediction + intercept`` against the target, and the error that is left."""

    error: float
    slope: float
    intercept: float


@compiled
def _reweighted(p: Values, t: Values, slope: float, intercept: float) -> tuple[float, float]:
    """Weighted least squares, weights 1 / max(|residual|, floor) of the given map. p and t are roughly centred."""
    sw = 0.0
    sp = 0.0
    st = 0.0
    spp = 0.0
    spt = 0.0
    for i in range(p.size):
        weight = 1.0 / max(abs(slope * p[i] + intercept - t[i]), _WEIGHT_FLOOR)
        sw += weight
        sp += weight * p[i]
        st += weight * t[i]
        spp += weight * p[i] * p[i]
        spt += weight * p[i] * t[i]
    variance = spp - sp * sp / sw
    new_slope = (spt - sp * st / sw) / variance if variance > 0.0 else 0.0
    return new_slope, (st - new_slope * sp) / sw


def _checked(pred: NDArray[Any], target: NDArray[Any]) -> tuple[Values, Values]:
    if pred.shape != target.shape:
        raise UsageError(f"prediction is {pred.shape}, target is {target.shape}", hint="the shapes must be equal")
    p, t = np.asarray(pred, np.float64).ravel(), np.asarray(target, np.float64).ravel()
    for name, values in (("prediction", p), ("target", t)):
        if not np.isfinite(values).all():
            raise UsageError(f"the {name} holds NaN or infinity", hint="leave out invalid pixels with a mask")
    return p, t


def _centred(values: Values) -> tuple[Values, float]:
    """Values minus their mean, and the mean; exact zeros for constant values, whose mean may be rounded."""
    if values.size and values.min() == values.max():
        return np.zeros_like(values), float(values[0])
    mean = float(values.mean())
    return values - mean, mean


def _least_squares_slope(p: Values, t: Values) -> float:
    """Slope for centred values; 0 for a constant prediction."""
    variance = float(p @ p)
    return float(p @ t) / variance if variance > 0.0 else 0.0


def ai1(pred: NDArray[Any], target: NDArray[Any], *, solves: int = AI1_SOLVES) -> AffineFit:
    """AI(1): mean absolute error after the affine map that iteratively re-weighted least squares finds.

    Args:
        pred: Predicted values of the valid pixels, any shape.
        target: True values in [0, 1], same shape.
        solves: Number of solves in all; the first is unweighted.

    Returns:
        The error and the map; NaN if there are no pixels. A constant prediction gets slope 0.

    Raises:
        UsageError: If the shapes differ or a value is not finite.
    """
    p, t = _checked(pred, target)
    if not p.size:
        return AffineFit(np.nan, np.nan, np.nan)
    (p, mean_p), (t, mean_t) = _centred(p), _centred(t)
    slope, intercept = _least_squares_slope(p, t), 0.0
    for _ in range(solves - 1):
        slope, intercept = _reweighted(p, t, slope, intercept)
    error = float(np.abs(slope * p + intercept - t).mean())
    return AffineFit(error, slope, intercept + mean_t - slope * mean_p)


def ai2(pred: NDArray[Any], target: NDArray[Any]) -> AffineFit:
    """AI(2): root mean square error after the least-squares affine map; arguments, result and errors as ``ai1``."""
    p, t = _checked(pred, target)
    if not p.size:
        return AffineFit(np.nan, np.nan, np.nan)
    (p, mean_p), (t, mean_t) = _centred(p), _centred(t)
    slope = _least_squares_slope(p, t)
    return AffineFit(float(np.sqrt(np.square(slope * p - t).mean())), slope, mean_t - slope * mean_p)


def _ranks(values: Values, ranks: Ranks) -> Values:
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    if ranks == "dense":
        return index.astype(np.float64)
    middle = np.cumsum(counts) - (counts - 1) / 2
    return np.asarray(middle[index], np.float64)


def one_minus_abs_rho(pred: NDArray[Any], target: NDArray[Any], *, ranks: Ranks) -> float:
    """1 - |Spearman's rho| of the values as they are.

    Args:
        pred: Predicted values of the valid pixels, any shape.
        target: True values, same shape.
        ranks: ``"dense"`` numbers the distinct values, as the released evaluations do; ``"average"`` gives equal values
            the mean of their positions, as textbooks and SciPy do.

    Returns:
        A number in [0, 1]; NaN if either side is constant or there are no pixels.

    Raises:
        UsageError: If the shapes differ or a value is not finite.
    """
    p, t = _checked(pred, target)
    if not p.size or p.min() == p.max() or t.min() == t.max():
        return np.nan
    (p, _), (t, _) = _centred(_ranks(p, ranks)), _centred(_ranks(t, ranks))
    rho = float(p @ t) / float(np.sqrt((p @ p) * (t @ t)))
    return max(0.0, 1.0 - abs(rho))


def quantised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values stretched from their minimum and maximum to 0..255 and rounded, halves up; zeros for constant values."""
    if not values.size:
        return values
    low, high = float(values.min()), float(values.max())
    if low == high:
        return np.zeros_like(values)
    return np.floor((values - low) / (high - low) * 255 + 0.5)
