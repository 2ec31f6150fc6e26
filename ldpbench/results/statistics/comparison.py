"""Methods against each other on the same images: means, differences, and which of them are tied."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ldpbench.core.errors import UsageError
from ldpbench.core.names import unknown_name
from ldpbench.results.statistics.bootstrap import (
    LEVEL,
    RESAMPLES,
    Interval,
    Numbers,
    intervals,
    resampled_means,
)
from ldpbench.results.statistics.significance import holm, paired_p


@dataclass(frozen=True, kw_only=True)
class MethodMean:
    """One method."""

    name: str
    mean: float | None
    """+inf if an image is identical to its target; None if an image has no value."""
    interval: Interval | None
    """None where the mean is not finite, and for fewer than two images."""
    n_missing: int
    """Images without a value."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two methods."""

    first: str
    second: str
    difference: float | None
    """Mean of the first minus mean of the second; images on which both are infinite count as 0. None where an image
    has no value, or where each is infinite on images of its own."""
    interval: Interval | None
    """Of the difference. Not widened for few images or many pairs: ``p_adjusted`` is what allows for those."""
    p: float | None
    """Two-sided bootstrap p that the difference is 0, corrected for few images; None where it is not finite."""
    p_adjusted: float | None
    """After Holm over all pairs."""
    wins: int
    """Images on which the first is better."""
    losses: int
    draws: int
    """Images on which both have the same value, infinity included."""
    tied: bool
    """Whether the images cannot tell them apart. False also where there is no p: then nothing is claimed."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All methods, the best mean first, and all pairs of them, the method with the better mean first."""

    n_images: int
    level: float
    resamples: int
    seed: int
    methods: tuple[MethodMean, ...]
    pairs: tuple[Pair, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The methods, the best mean first; those without a mean come last."""
        return tuple(method.name for method in self.methods)

    @property
    def ties(self) -> dict[str, tuple[str, ...]]:
        """By method: those that the images cannot tell from it, the best mean first."""
        tied: dict[str, set[str]] = {name: set() for name in self.names}
        for pair in self.pairs:
            if pair.tied:
                tied[pair.first].add(pair.second)
                tied[pair.second].add(pair.first)
        return {name: tuple(other for other in self.names if other in tied[name]) for name in self.names}

    def tied_with(self, name: str) -> tuple[str, ...]:
        """The methods that the images cannot tell from this one, the best mean first.

        Raises:
            UsageError: If no method is called that.
        """
        if name not in self.names:
            raise unknown_name("compared method", name, self.names)
        return self.ties[name]

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Methods that equally many others are shown to beat: first those that none beats.

        Being tied is not transitive: members of one group may differ, and members of two groups may be tied. Methods
        without a mean are in no group.
        """
        beaten = {method.name: 0 for method in self.methods if method.mean is not None}
        for pair in self.pairs:
            if pair.p_adjusted is not None and not pair.tied:
                beaten[pair.second] += 1
        return tuple(tuple(name for name in beaten if beaten[name] == n) for n in sorted(set(beaten.values())))


def compare(
    values: Mapping[str, Sequence[float | None]],
    *,
    higher_is_better: bool,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = LEVEL,
) -> Comparison:
    """Compare methods image by image.

    Args:
        values: Name to one value per image, the same images in the same order for all. +inf is a value (PSNR of
            identical pictures): it makes the mean infinite, which then has no interval, but its image is won. NaN and
            None mean that there is no value: the method then has no mean. Neither changes the other methods' numbers.
        higher_is_better: Which end is best.
        resamples: How many times the images are drawn.
        seed: Of the draws.
        level: Confidence of the intervals; a pair is tied if its adjusted p is above 1 - level.

    Raises:
        UsageError: If the methods do not have the same number of images, or an option is out of its range.
    """
    _demand(resamples, level)
    names, table = _best_first(*_table(values), higher_is_better=higher_is_better)
    means = _resampled(table, resamples, seed)
    ends = _intervals(table, means, level)
    pairs = [
        pair
        for first in range(len(names) - 1)
        for pair in _pairs(names[first:], table[first:], means[first:], higher_is_better, level)
    ]
    return Comparison(
        n_images=table.shape[1],
        level=level,
        resamples=resamples,
        seed=seed,
        methods=tuple(
            MethodMean(name=name, mean=_mean(row), interval=end, n_missing=int(np.isnan(row).sum()))
            for name, row, end in zip(names, table, ends, strict=True)
        ),
        pairs=_adjusted(pairs, level),
    )


def _demand(resamples: int, level: float) -> None:
    if resamples < 1:
        raise UsageError(f"resamples: expected at least 1, found {resamples}")
    if not 0 < level < 1:
        raise UsageError(f"confidence level: expected a number between 0 and 1, found {level}")


def _table(values: Mapping[str, Sequence[float | None]]) -> tuple[list[str], Numbers]:
    """Names, and (methods, images) with NaN where there is no value."""
    lengths = {name: len(row) for name, row in values.items()}
    if len(set(lengths.values())) > 1:
        raise UsageError(f"comparison: expected one value per image for every method, found {lengths}")
    rows = [[math.nan if value is None else float(value) for value in row] for row in values.values()]
    return list(values), np.array(rows, dtype=np.float64).reshape(len(rows), max(lengths.values(), default=0))


def _best_first(names: Sequence[str], table: Numbers, *, higher_is_better: bool) -> tuple[list[str], Numbers]:
    """Both in the order of the means; equal ones keep theirs, those without a mean come last."""
    means = np.array([math.nan if (mean := _mean(row)) is None else mean for row in table])
    order = np.argsort(-means if higher_is_better else means, kind="stable")  # which puts NaN last
    return [names[index] for index in order], table[order]


def _mean(row: Numbers) -> float | None:
    """The mean, infinite if a value is; None if a value is missing, there is none, or infinities cancel."""
    with np.errstate(invalid="ignore"):
        mean = float(row.mean()) if row.size else math.nan
    return None if math.isnan(mean) else mean


def _resampled(table: Numbers, resamples: int, seed: int) -> Numbers:
    """Means of every method; infinite and missing values count as 0 here, and nothing is told of whoever has one."""
    if not table.size:
        return np.zeros((len(table), resamples))
    return resampled_means(np.where(np.isfinite(table), table, 0.0), resamples=resamples, seed=seed)


def _intervals(per_image: Numbers, means: Numbers, level: float) -> list[Interval | None]:
    """Of every row of resampled means; None if an image has no finite value, or there are fewer than two."""
    told = np.isfinite(per_image).all(axis=1) & (per_image.shape[1] > 1)
    return [
        Interval(float(low), float(high)) if tell else None
        for tell, (low, high) in zip(told, intervals(means, level), strict=True)
    ]


def _pairs(
    names: Sequence[str], table: Numbers, means: Numbers, higher_is_better: bool, level: float
) -> Iterator[Pair]:
    """The first method with each of the others, before Holm."""
    draws = table[0] == table[1:]
    with np.errstate(invalid="ignore"):
        per_image = np.where(draws, 0.0, table[0] - table[1:])  # infinities on the same image cancel
    won, lost = (per_image > 0, per_image < 0) if higher_is_better else (per_image < 0, per_image > 0)
    differences = means[0] - means[1:]
    # Equal images have equal means; only the order in which a matrix product adds makes a difference.
    rounding = table.shape[1] * np.finfo(np.float64).eps * np.abs(means).max(initial=0.0)
    differences[np.abs(differences) <= rounding] = 0.0
    p = paired_p(per_image, differences) if table.size else np.ones(len(differences))
    ends = _intervals(per_image, differences, level)
    for row, name in enumerate(names[1:]):
        difference = _mean(per_image[row])
        yield Pair(
            first=names[0],
            second=name,
            difference=difference,
            interval=ends[row],
            p=float(p[row]) if difference is not None and math.isfinite(difference) else None,
            p_adjusted=None,
            wins=int(won[row].sum()),
            losses=int(lost[row].sum()),
            draws=int(draws[row].sum()),
            tied=False,
        )


def _adjusted(pairs: Sequence[Pair], level: float) -> tuple[Pair, ...]:
    """The pairs with their adjusted p, and whether they are tied."""
    after_holm = iter(holm([pair.p for pair in pairs if pair.p is not None]))
    told = [None if pair.p is None else next(after_holm) for pair in pairs]
    return tuple(
        replace(pair, p_adjusted=p, tied=p is not None and p > 1 - level) for pair, p in zip(pairs, told, strict=True)
    )
