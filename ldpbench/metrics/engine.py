"""Scoring one pair of pictures: checks, edge cases, and every metric on every region."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ldpbench.core.errors import UsageError
from ldpbench.metrics.catalogue import get_metric
from ldpbench.metrics.checks import open_mask, open_pair
from ldpbench.metrics.metric import Metric
from ldpbench.metrics.pair import Mask, Region
from ldpbench.records.run import ScoreStatus

WHOLE = "all"
_FUSED_WITH = "ssim"


@dataclass(frozen=True)
class Measurement:
    """One metric on one region of one image.

    Args:
        metric: The metric's id.
        region: The region's name.
        value: The number; None unless ``status`` is ``ok``.
        status: ``identical``: the value is +inf. ``failed``: the prediction holds NaN or infinity. ``undefined``: the
            metric has no value here, such as SSIM of a picture smaller than its window or anything of an empty region.
    """

    metric: str
    region: str
    value: float | None
    status: ScoreStatus


def score(
    pred: NDArray[Any],
    target: NDArray[Any],
    metrics: Sequence[str],
    *,
    clip: bool = True,
    mask: Mask | None = None,
) -> dict[str, float]:
    """One number per metric for one pair of pictures.

    Args:
        pred: (H, W, C) or (H, W) floats, nominally in [0, 1]; or uint8/uint16 codes, divided by 255/65535.
        target: Same shape. In [0, 1] for pictures and disparity maps; signed blur in pixels for the ``blur-`` metrics.
        metrics: Metric ids.
        clip: Clip the prediction to [0, 1] before restoration metrics. Maps are never clipped.
        mask: (H, W) bool: score inside it. SSIM averages over the windows centred inside it.

    Returns:
        Metric id to value: +inf for the PSNR of identical pictures; NaN where a metric is not defined, for an empty
        mask, and for every metric if the prediction holds NaN or infinity.

    Raises:
        UsageError: If the shapes differ, a type is not supported, the target leaves its range or is not finite, or a
            metric is unknown.
        MissingPrerequisiteError: If a perceptual metric is asked for without its extra or its weights.
    """
    values = _compute(pred, target, metrics, {WHOLE: mask}, clip=clip)
    return {metric: math.nan if value is None else value for (metric, _), value in values.items()}


def measure(
    pred: NDArray[Any],
    target: NDArray[Any],
    metric_ids: Sequence[str],
    regions: Mapping[str, Mask | None],
    *,
    clip: bool = True,
) -> list[Measurement]:
    """Every metric on every region, what they share computed once.

    Args:
        pred: As ``score``.
        target: As ``score``.
        metric_ids: Metric ids.
        regions: Name to (H, W) bool mask; None is the whole picture.
        clip: As ``score``.

    Returns:
        One measurement per metric and region, metrics outermost, in the order given.

    Raises:
        UsageError: As ``score``.
        MissingPrerequisiteError: As ``score``.
    """
    values = _compute(pred, target, metric_ids, regions, clip=clip)
    return [_measurement(metric, region, value) for (metric, region), value in values.items()]


def _measurement(metric: str, region: str, value: float | None) -> Measurement:
    if value is None:
        return Measurement(metric, region, None, "failed")
    if math.isfinite(value):
        return Measurement(metric, region, value, "ok")
    identical = value == math.inf and get_metric(metric).spec.higher_is_better
    return Measurement(metric, region, None, "identical" if identical else "undefined")


def _compute(
    pred: NDArray[Any],
    target: NDArray[Any],
    metric_ids: Sequence[str],
    masks: Mapping[str, Mask | None],
    *,
    clip: bool,
) -> dict[tuple[str, str], float | None]:
    """Values by metric and region; None if the prediction is not finite."""
    if isinstance(metric_ids, str):
        raise UsageError(
            f"expected a list of metric ids, found the text {metric_ids!r}", hint=f"write [{metric_ids!r}]"
        )
    metrics = {metric_id: get_metric(metric_id) for metric_id in metric_ids}
    pred, target = np.asarray(pred), np.asarray(target)
    opened_masks = {name: open_mask(mask, pred.shape[:2], name) for name, mask in masks.items()}
    regions = _open_regions(pred, target, metrics, opened_masks, clip=clip)
    values: dict[tuple[str, str], float | None] = {}
    for metric_id, metric in metrics.items():
        opened = regions[metric.spec.task]
        for name in masks:
            values[metric_id, name] = None if opened is None else float(metric.compute(opened[name]))
    return values


def _open_regions(
    pred: NDArray[Any],
    target: NDArray[Any],
    metrics: Mapping[str, Metric],
    masks: Mapping[str, Mask | None],
    *,
    clip: bool,
) -> dict[str, dict[str, Region] | None]:
    """The regions for every task among the metrics; None if the prediction is not finite."""
    regions: dict[str, dict[str, Region] | None] = {}
    for task in dict.fromkeys(metric.spec.task for metric in metrics.values()):
        pair = open_pair(pred, target, task, clip=clip, fuse=_FUSED_WITH in metrics)
        regions[task] = None if pair is None else {name: Region(pair, mask) for name, mask in masks.items()}
    return regions
