"""The paired bootstrap over images (Efron and Tibshirani, An Introduction to the Bootstrap, 1993).

A test set is a draw of scenes. Drawing images from it again and again, with replacement, shows how far a mean would
move with other scenes. All methods are averaged over the same draws: that is what pairs them, so that a scene that is
hard for everybody does not hide a difference.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ldpbench.core.errors import UsageError

RESAMPLES = 10_000
LEVEL = 0.95

Numbers = NDArray[np.float64]

_BLOCK = 1 << 21
"""Draws in memory at a time: 16 MiB for each array of them."""


@dataclass(frozen=True)
class Interval:
    """A confidence interval, both ends included."""

    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half of its length."""
        return (self.high - self.low) / 2


def resampled_means(values: Numbers, *, resamples: int = RESAMPLES, seed: int = 0) -> Numbers:
    """Means over images that were drawn with replacement, as many as there are.

    Args:
        values: (methods, images), finite.
        resamples: How many times the images are drawn.
        seed: Of the draws. A seed, a number of resamples and a number of images give the same draws on every machine.

    Returns:
        (methods, resamples); one column comes from the same images for every method.

    Raises:
        UsageError: If a value is not finite, there is no image, nothing is to be drawn, or the seed is negative.
    """
    _demand(values, resamples, seed)
    n_images = values.shape[1]
    means = np.empty((len(values), resamples))
    start = 0
    for counts in _counts(n_images, resamples, seed):
        means[:, start : start + len(counts)] = values @ counts.T / n_images
        start += len(counts)
    return means


def interval(means: Numbers, level: float = LEVEL) -> Interval:
    """The percentile interval of one method's resampled means, or of the differences of two.

    Args:
        means: (resamples,).
        level: Its confidence, in (0, 1).

    Raises:
        UsageError: If the level is not a confidence.
    """
    ((low, high),) = intervals(means[None], level)
    return Interval(float(low), float(high))


def intervals(means: Numbers, level: float = LEVEL) -> Numbers:
    """``interval`` of every row: (rows, resamples) to (rows, 2).

    Raises:
        UsageError: If the level is not a confidence.
    """
    if not 0 < level < 1:
        raise UsageError(f"confidence level: expected a number between 0 and 1, found {level}")
    ends: Numbers = np.quantile(means, [(1 - level) / 2, (1 + level) / 2], axis=1).T
    return ends


def _demand(values: Numbers, resamples: int, seed: int) -> None:
    if resamples < 1:
        raise UsageError(f"resamples: expected at least 1, found {resamples}")
    if seed < 0:
        raise UsageError(f"seed: expected 0 or more, found {seed}")
    if values.ndim != 2 or values.shape[1] == 0:
        raise UsageError(f"values: expected (methods, images) with at least one image, found shape {values.shape}")
    if not np.isfinite(values).all():
        raise UsageError("values: a mean over images can only be resampled where every value is finite")


def _counts(n_images: int, resamples: int, seed: int) -> Iterator[Numbers]:
    """How often each image was drawn: blocks of (some resamples, images), each row of sum ``n_images``.

    Taken from the raw bits of PCG64, which NumPy promises to keep; the streams of its Generator may change. The
    remainder favours no image by more than n_images / 2^64. Blocks only bound the memory: they do not change the draws.
    """
    bits = np.random.PCG64(seed)
    for start in range(0, resamples, _rows_at_a_time(n_images)):
        rows = min(_rows_at_a_time(n_images), resamples - start)
        drawn = (bits.random_raw(rows * n_images) % np.uint64(n_images)).astype(np.intp).reshape(rows, n_images)
        drawn += np.arange(0, rows * n_images, n_images, dtype=np.intp)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * n_images).reshape(rows, n_images).astype(np.float64)


def _rows_at_a_time(n_images: int) -> int:
    return max(1, _BLOCK // n_images)
