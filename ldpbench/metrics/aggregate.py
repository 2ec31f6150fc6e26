"""From one number per image to figures over a set.

The average over groups of scenes is always the average over their images, not over the groups' averages. An image that
failed is never left out silently: it makes the figure undefined and is counted.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ldpbench.core.errors import UsageError
from ldpbench.records import MetricSpec
from ldpbench.records.run import ScoreStatus

ALL_IMAGES = "all"

Scored = tuple[float | None, ScoreStatus]
"""Value and status of one image; the value counts only where the status is ``ok``."""


@dataclass(frozen=True)
class Summary:
    """One figure over a set of images.

    Args:
        mean: Mean over all images, or the set-level figure; +inf if an image is identical to its target; None if an
            image failed or has no defined value, or there are no images.
        finite_mean: The same over the images with a finite value; None if there is none.
        n_images: Number of images.
        n_identical: Images identical to their target.
        n_undefined: Images for which the metric has no value.
        n_failed: Images without a usable prediction.
    """

    mean: float | None
    finite_mean: float | None
    n_images: int
    n_identical: int
    n_undefined: int
    n_failed: int


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean, exactly rounded whatever the order; +inf if a value is, NaN if a value is or there are none."""
    return math.fsum(values) / len(values) if len(values) else math.nan


def mse_rel(psnrs: Sequence[float]) -> float:
    """10^(-mean PSNR / 20): the column MSE_rel of Yang et al., CVPR 2024; 0 if an image is identical."""
    return float(10.0 ** (-mean(psnrs) / 20.0))


def rmse_mean(rmses: Sequence[float]) -> float:
    """Mean of the images' RMSE: the other way to read MSE_rel, never smaller."""
    return mean(rmses)


def rmse_pooled(mses: Sequence[float]) -> float:
    """Root of the mean squared error over the values of all images, each image counting the same."""
    return math.sqrt(mean(mses))


def psnr_pooled(mses: Sequence[float]) -> float:
    """-10 log10 of the mean squared error over all images; +inf if all are identical."""
    pooled = mean(mses)
    return math.inf if pooled == 0.0 else -10.0 * math.log10(pooled)


@dataclass(frozen=True)
class SetMetric:
    """A figure that exists only for a set.

    Args:
        spec: Its id and convention.
        source: Id of the metric whose values per image it is computed from.
        compute: The figure from those values.
    """

    spec: MetricSpec
    source: str
    compute: Callable[[Sequence[float]], float]


SET_METRICS: dict[str, SetMetric] = {
    metric.spec.id: metric
    for metric in (
        SetMetric(
            MetricSpec(
                id="mse-rel",
                version=1,
                title="MSE_rel",
                unit="1",
                higher_is_better=False,
                decimals=3,
                convention="10^(-mean PSNR / 20) over the images of the set, which is how the printed column comes out",
                used_by=("LDP (tables 1-3 and 5-7)",),
            ),
            "psnr",
            mse_rel,
        ),
        SetMetric(
            MetricSpec(
                id="rmse-mean",
                version=1,
                title="Mean RMSE",
                unit="1",
                higher_is_better=False,
                decimals=4,
                convention="mean over the images of their RMSE",
            ),
            "rmse",
            rmse_mean,
        ),
        SetMetric(
            MetricSpec(
                id="rmse-pooled",
                version=1,
                title="Pooled RMSE",
                unit="1",
                higher_is_better=False,
                decimals=4,
                convention="root of the mean over the images of their MSE",
            ),
            "mse",
            rmse_pooled,
        ),
        SetMetric(
            MetricSpec(
                id="psnr-pooled",
                version=1,
                title="Pooled PSNR",
                unit="dB",
                higher_is_better=True,
                decimals=2,
                convention="-10 log10 of the mean over the images of their MSE",
                used_by=("DDDNet (synthetic scenes, in batches of 8)", "torchmetrics"),
            ),
            "mse",
            psnr_pooled,
        ),
    )
}


def summarise(scores: Sequence[Scored], compute: Callable[[Sequence[float]], float] = mean) -> Summary:
    """One figure over the images of a set.

    Args:
        scores: Value and status of every image; for a set metric those of its ``source``.
        compute: The mean, or a set metric's ``compute``.
    """
    finite = [value for value, status in scores if status == "ok" and value is not None]
    counts = {status: sum(found == status for _, found in scores) for status in ("identical", "undefined", "failed")}
    return summarise_counts(
        finite,
        n_identical=counts["identical"],
        n_undefined=counts["undefined"],
        n_failed=counts["failed"],
        compute=compute,
    )


def summarise_counts(
    finite: Sequence[float],
    *,
    n_identical: int,
    n_undefined: int,
    n_failed: int,
    compute: Callable[[Sequence[float]], float] = mean,
) -> Summary:
    """``summarise`` of images that were counted already.

    Args:
        finite: The values that are numbers.
        n_identical: Images identical to their target.
        n_undefined: Images for which the metric has no value.
        n_failed: Images without a usable prediction.
        compute: As ``summarise``.
    """
    n_images = len(finite) + n_identical + n_undefined + n_failed
    of_finite = compute(finite) if finite else None
    whole: float | None = None
    if n_images and not n_undefined and not n_failed:
        whole = compute([*finite, *([math.inf] * n_identical)]) if n_identical else of_finite
    return Summary(
        mean=whole,
        finite_mean=of_finite,
        n_images=n_images,
        n_identical=n_identical,
        n_undefined=n_undefined,
        n_failed=n_failed,
    )


def summarise_groups(
    scores: Sequence[Scored], groups: Sequence[str], compute: Callable[[Sequence[float]], float] = mean
) -> dict[str, Summary]:
    """One figure for each group of images, and under ``"all"`` one over all of them.

    Args:
        scores: As ``summarise``.
        groups: The group of every image, in the order of ``scores``.
        compute: As ``summarise``.

    Raises:
        UsageError: If the lengths differ or a group is called ``"all"``.
    """
    if len(scores) != len(groups):
        raise UsageError(f"{len(scores)} scores but {len(groups)} groups", hint="give every image one group")
    if ALL_IMAGES in groups:
        raise UsageError(
            f"no group may be called {ALL_IMAGES!r}", hint="that name stands for all images; rename the group"
        )
    members: dict[str, list[Scored]] = {ALL_IMAGES: list(scores)}
    for score, group in zip(scores, groups, strict=True):
        members.setdefault(group, []).append(score)
    return {group: summarise(of_group, compute) for group, of_group in members.items()}
