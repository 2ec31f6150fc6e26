"""A board with the intervals of its means, and who is tied with whom."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from ldpbench.metrics.aggregate import SET_METRICS
from ldpbench.records import MetricSpec
from ldpbench.results.statistics.bootstrap import Interval, intervals, resampled_means
from ldpbench.results.statistics.comparison import compare
from ldpbench.results.views import Board, BoardRow, SampleScores

_Images = Mapping[str, Mapping[str, float | None]]
"""Metric id -> value, by sample id."""


def with_statistics(board: Board, scores: Iterable[SampleScores]) -> Board:
    """The same board with ``interval`` and ``tied_with`` filled in.

    Ranked rows have intervals; rows that are not ranked lack images, and an interval would say something of other
    scenes. Ties are by the metric that ranks, after Holm's correction for all pairs of ranked rows.

    Args:
        board: As ``boards`` gives it.
        scores: As ``sample_scores`` gives them for its protocol, region and group.
    """
    ranked = [row for row in board.rows if row.rank is not None]
    images: dict[str, dict[str, Mapping[str, float | None]]] = defaultdict(dict)
    for score in scores:
        images[score.run_id][score.sample_id] = score.values
    found = {spec.id: _intervals(spec, ranked, images) for spec in board.metrics}
    ties = _ties(board.metrics[0], ranked, images) if board.metrics and len(ranked) > 1 else {}
    return replace(board, rows=tuple(_filled(row, found, ties) for row in board.rows))


def _filled(
    row: BoardRow, found: Mapping[str, Mapping[str, Interval]], ties: Mapping[str, tuple[str, ...]]
) -> BoardRow:
    values = {
        metric: replace(aggregate, interval=found[metric].get(row.run_id)) for metric, aggregate in row.values.items()
    }
    return replace(row, values=values, tied_with=ties.get(row.method_id, ()))


def _intervals(spec: MetricSpec, ranked: Iterable[BoardRow], images: Mapping[str, _Images]) -> dict[str, Interval]:
    """Of one metric, by run id; runs with an infinite value or fewer than two images have none."""
    of_set = SET_METRICS.get(spec.id)
    source = of_set.source if of_set else spec.id
    columns: dict[int, list[tuple[str, list[float]]]] = defaultdict(list)
    for row in ranked:
        values = _values(images.get(row.run_id, {}), source)
        if len(values) > 1 and all(map(math.isfinite, values)):
            columns[len(values)].append((row.run_id, values))
    found = {}
    for runs in columns.values():
        ends = intervals(resampled_means(np.array([values for _, values in runs])))
        for (run_id, _), pair in zip(runs, ends.tolist(), strict=True):
            # Figures of a set are monotone functions of a mean, so its ends are carried over.
            low, high = sorted(of_set.compute([end]) for end in pair) if of_set else pair
            found[run_id] = Interval(low, high)
    return found


def _ties(spec: MetricSpec, ranked: Iterable[BoardRow], images: Mapping[str, _Images]) -> dict[str, tuple[str, ...]]:
    """By method id; of methods that were scored on the same images."""
    values = {row.method_id: _values(images.get(row.run_id, {}), spec.id) for row in ranked}
    counts = {len(column) for column in values.values()}
    if len(counts) != 1:
        return {}
    return compare(values, higher_is_better=spec.higher_is_better).ties


def _values(images: _Images, metric: str) -> list[float]:
    """In the order of the images' ids; images without a value are left out."""
    found = (images[name].get(metric) for name in sorted(images))
    return [value for value in found if value is not None]
