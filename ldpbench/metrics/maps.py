"""Metrics of predicted disparity and blur maps."""

from collections.abc import Callable
from typing import Any

from ldpbench.metrics.blurmap import BlurCounts, count_blur
from ldpbench.metrics.disparity import ai1, ai2, one_minus_abs_rho, quantised
from ldpbench.metrics.metric import Metric
from ldpbench.metrics.pair import Region
from ldpbench.records import MetricSpec

_LDP = ("LDP (section 4.3)",)


def _srcc_dense(region: Region) -> float:
    pred, target = region.values
    return one_minus_abs_rho(quantised(pred), target, ranks="dense")


def _disparity(compute: Callable[[Region], float], **spec: Any) -> Metric:
    return Metric(
        MetricSpec(version=1, unit="1", higher_is_better=False, decimals=3, task="disparity", **spec), compute
    )


def _blur(read: Callable[[BlurCounts], float], **spec: Any) -> Metric:
    return Metric(
        MetricSpec(version=1, unit="1", higher_is_better=True, decimals=3, task="blurmap", **spec),
        lambda region: read(count_blur(*region.values)),
    )


_CLASSES = "blurred means |blur| > 1 px, and a predicted probability of at least 0.5"

MAPS: tuple[Metric, ...] = (
    _disparity(
        lambda region: ai1(*region.values).error,
        id="ai1",
        title="AI(1)",
        convention="mean absolute error after the best affine map of the prediction onto the target in [0, 1]; one "
        "unweighted and five re-weighted solves, weights 1/max(|residual|, 0.001); prediction not rounded",
        used_by=("DPD-disp (Punnappurath et al.)", *_LDP),
    ),
    _disparity(
        lambda region: ai2(*region.values).error,
        id="ai2",
        title="AI(2)",
        convention="root mean square error after the least-squares affine map of the prediction onto the target in "
        "[0, 1]; prediction not rounded",
        used_by=("Garg et al.", "DPD-disp (Punnappurath et al.)", *_LDP),
    ),
    _disparity(
        _srcc_dense,
        id="srcc-dense",
        title="1-|rho| (dense)",
        convention="1 - |Pearson correlation of dense ranks|; the prediction is first stretched from its minimum and "
        "maximum over the valid pixels to 0..255 and rounded, because dense ranks depend on how many values differ",
        used_by=("DPD-disp (Punnappurath et al.)", *_LDP),
    ),
    _disparity(
        lambda region: one_minus_abs_rho(*region.values, ranks="average"),
        id="srcc",
        title="1-|rho|",
        convention="1 - |Spearman's rank correlation| with average ranks for ties, as in SciPy; prediction not rounded",
    ),
    _blur(
        lambda counts: counts.accuracy,
        id="blur-accuracy",
        title="Blur accuracy",
        convention=f"share of valid pixels classified right; {_CLASSES}",
        used_by=_LDP,
    ),
    _blur(
        lambda counts: counts.balanced_accuracy,
        id="blur-balanced-accuracy",
        title="Balanced accuracy",
        convention=f"mean of the accuracies of the sharp and of the blurred pixels; {_CLASSES}",
    ),
    _blur(
        lambda counts: counts.iou,
        id="blur-iou",
        title="Blur IoU",
        convention=f"intersection over union of the blurred pixels; {_CLASSES}",
    ),
    _blur(
        lambda counts: counts.majority,
        id="blur-majority",
        title="Majority share",
        convention="share of the larger true class, a property of the target alone: what a constant answer reaches in "
        "blur-accuracy",
    ),
)
