"""What the plots of a board are drawn from: pure, and without a word of HTML. Only ranked methods are drawn."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ldpbench.metrics.aggregate import SET_METRICS
from ldpbench.records import MetricSpec
from ldpbench.records.cost import CostRecord
from ldpbench.results.board_costs import costs_caption
from ldpbench.results.frontier import Offer, pareto_front
from ldpbench.results.statistics.bootstrap import Numbers, intervals, resampled_means
from ldpbench.results.views import Aggregate, Board, BoardRow, SampleScores
from ldpbench.site.names import method_page
from ldpbench.site.pages import Choice, DataFile, PlotsSection
from ldpbench.site.tables import inputs_text

MOST_PAIRS = 800
"""Differences with their intervals that one metric's file may hold: all pairs of 40 methods."""
_SPARE_DECIMALS = 2
"""Digits on top of those that a table prints, so that points do not lie on a grid."""
IDENTICAL = "inf"
"""Stands for the infinite value of a picture that equals its target: JSON has no infinity."""


class BoardPlots(NamedTuple):
    """The plots of a board and the files that they are drawn from."""

    section: PlotsSection
    files: tuple[DataFile, ...]


@dataclass(frozen=True, kw_only=True)
class _Cost:
    """One way to say what a method takes."""

    id: str
    title: str
    unit: str
    note: str
    """How it is measured; the size and the machine come after it."""
    of: Callable[[BoardRow], float | None]
    shared: bool = True
    """Measured by the timing rule, at the size and on the machine of the whole board."""


def _measured(figure: Callable[[CostRecord], float | None], scale: float = 1.0) -> Callable[[BoardRow], float | None]:
    def of(row: BoardRow) -> float | None:
        value = None if row.cost is None else figure(row.cost.record)
        return None if value is None else value / scale

    return of


_COSTS = (
    _Cost(id="latency", title="Latency", unit="s", note="median of timed calls", of=_measured(lambda r: r.median_s)),
    _Cost(
        id="parameters",
        title="Parameters",
        unit="M",
        note="learned numbers of the method",
        of=lambda row: None if row.parameters is None else row.parameters / 1e6,
        shared=False,
    ),
    _Cost(
        id="macs",
        title="Multiply-adds",
        unit="G",
        note="of convolutions and matrix products",
        of=_measured(lambda record: record.macs, 1e9),
    ),
    _Cost(
        id="memory",
        title="Memory",
        unit="MB",
        note="the most that one call takes",
        of=_measured(lambda record: record.peak_memory_bytes, 1e6),
    ),
    _Cost(
        id="time",
        title="Time per image",
        unit="s",
        note="median over the images, each method on the machine of its run",
        of=lambda row: row.seconds_median,
        shared=False,
    ),
)


def board_plots(
    board: Board, scores: Sequence[SampleScores], *, page: str, title: str, scene_links: Mapping[str, str]
) -> BoardPlots | None:
    """Quality against cost, the spread over scenes, and paired differences of the methods of one board.

    Args:
        board: With its costs and intervals, where there are any.
        scores: Per-image rows of this board.
        page: The board's page, such as ``board/sample--srgb.html``: its files are named after it.
        title: What exported pictures are headed with.
        scene_links: Sample id -> its page.

    Returns:
        None where there is nothing to compare: fewer than two ranked methods, or no metric.
    """
    ranked = [row for row in board.rows if row.rank is not None]
    if len(ranked) < 2 or not board.metrics:
        return None
    folder = f"data/plots/{page.removeprefix('board/').removesuffix('.html')}"
    costs = [cost for cost in _COSTS if any(_finite(cost.of(row)) is not None for row in ranked)]
    images = {(row.run_id, row.sample_id): row.values for row in scores}
    runs = {row.run_id for row in ranked}
    scenes = sorted({sample_id for run_id, sample_id in images if run_id in runs})
    files: list[DataFile] = []
    for spec in board.metrics if scenes else ():
        if spec.id not in SET_METRICS:
            table = _table(spec, ranked, scenes, images)
            files.append(DataFile(path=f"{folder}/metric-{spec.id}.js", value=_metric_document(spec, table)))
    overview = {
        "title": title,
        "source": f"ldpbench, {board.protocol.id}, protocol {board.protocol_hash[:12]}, {board.n_images} images",
        "metrics": [_metric(spec, folder, bool(scenes)) for spec in board.metrics],
        "costs": [_cost(cost, board) for cost in costs],
        "methods": [_method(row, board.metrics, costs) for row in ranked],
        "fronts": {spec.id: {cost.id: _front(spec, cost, ranked) for cost in costs} for spec in board.metrics},
        "scenes": [{"title": name, "href": scene_links.get(name)} for name in scenes],
    }
    data = f"{folder}/methods.js"
    references = ranked[: n_references(len(ranked))]
    section = PlotsSection(
        data=data,
        metrics=tuple(Choice(value=spec.id, text=spec.title) for spec in board.metrics),
        costs=tuple(Choice(value=cost.id, text=cost.title) for cost in costs),
        references=tuple(Choice(value=row.method_id, text=row.method_title) for row in references),
        reference=_first_reference(references, board.metrics[0]).method_id,
        n_methods=len(ranked),
        unranked=tuple(row.method_title for row in board.rows if row.rank is None),
    )
    return BoardPlots(section, (DataFile(path=data, value=overview), *files))


def _first_reference(references: Sequence[BoardRow], spec: MetricSpec) -> BoardRow:
    """The best one; one whose mean is infinite differs from all others without a number, and comes only if all do."""
    return next((row for row in references if _mean(row.values.get(spec.id), spec) is not None), references[0])


def n_references(n_methods: int) -> int:
    """How many of the best methods the others can be compared with: all of them while there are few."""
    if n_methods * (n_methods - 1) // 2 <= MOST_PAIRS:
        return n_methods
    return max(1, MOST_PAIRS // n_methods)


def _metric(spec: MetricSpec, folder: str, has_images: bool) -> dict[str, Any]:
    per_image = has_images and spec.id not in SET_METRICS
    return {
        "id": spec.id,
        "title": spec.title,
        "unit": "" if spec.unit == "1" else spec.unit,
        "higher": spec.higher_is_better,
        "decimals": spec.decimals,
        "file": f"{folder}/metric-{spec.id}.js" if per_image else None,
    }


def _cost(cost: _Cost, board: Board) -> dict[str, Any]:
    note = f"{cost.note}; {costs_caption(board)}" if cost.shared else cost.note
    return {"id": cost.id, "title": cost.title, "unit": cost.unit, "note": note}


def _method(row: BoardRow, metrics: Sequence[MetricSpec], costs: Sequence[_Cost]) -> dict[str, Any]:
    figures = {cost.id: _finite(cost.of(row)) for cost in costs}
    return {
        "id": row.method_id,
        "title": row.method_title,
        "href": method_page(row.method_id),
        "views": inputs_text(row.inputs),
        "means": {spec.id: _mean(row.values.get(spec.id), spec) for spec in metrics},
        "costs": {name: None if value is None else float(f"{value:.4g}") for name, value in figures.items()},
    }


def _mean(aggregate: Aggregate | None, spec: MetricSpec) -> list[float] | None:
    """Mean, and the ends of its interval where it has one; None where there is no finite mean."""
    mean = _finite(aggregate.mean) if aggregate is not None else None
    if aggregate is None or mean is None:
        return None
    ends = (aggregate.interval.low, aggregate.interval.high) if aggregate.interval is not None else ()
    return [_rounded(value, spec) for value in (mean, *ends)]


def _front(spec: MetricSpec, cost: _Cost, ranked: Sequence[BoardRow]) -> list[int]:
    """Places of the methods on the front, the cheapest first."""
    offers = []
    for place, row in enumerate(ranked):
        aggregate = row.values.get(spec.id)
        offers.append(Offer(str(place), cost.of(row), aggregate.mean if aggregate is not None else None))
    return [int(name) for name in pareto_front(offers, higher_is_better=spec.higher_is_better)]


def _table(
    spec: MetricSpec,
    ranked: Sequence[BoardRow],
    scenes: Sequence[str],
    images: Mapping[tuple[str, str], Mapping[str, float | None]],
) -> Numbers:
    """(methods, scenes), NaN where there is no value."""
    found = [[images.get((row.run_id, name), {}).get(spec.id) for name in scenes] for row in ranked]
    return np.array([[math.nan if value is None else value for value in row] for row in found], dtype=np.float64)


def _metric_document(spec: MetricSpec, table: Numbers) -> dict[str, Any]:
    """Values by method and scene; and for every reference the differences of the methods after it."""
    return {
        "images": [[_value(value, spec) for value in row] for row in table.tolist()],
        "pairs": [
            [None if pair is None else [_rounded(value, spec) for value in pair] for pair in row]
            for row in paired_differences(table)
        ],
    }


def paired_differences(table: Numbers) -> list[list[tuple[float, ...] | None]]:
    """How much every method differs from those above it, with 95 % intervals from the paired bootstrap over images.

    The numbers are those of ``results.statistics.comparison.compare``, without its tests: intervals of single pairs,
    not corrected for their number. Images on which both are infinite count as no difference.

    Args:
        table: (methods, images), NaN where there is no value.

    Returns:
        For each of the first ``n_references`` methods, one entry per method after it: that method's mean minus the
        reference's, and the ends of the interval where there are two images or more. None where an image has no value,
        or only one of the two is infinite on it.
    """
    resampled = resampled_means(np.where(np.isfinite(table), table, 0.0))
    has_spread = table.shape[1] > 1
    found: list[list[tuple[float, ...] | None]] = []
    for first in range(n_references(len(table))):
        above, below = table[first], table[first + 1 :]
        with np.errstate(invalid="ignore"):
            means = np.where(above == below, 0.0, below - above).mean(axis=1)
        ends = intervals(resampled[first + 1 :] - resampled[first])
        found.append(
            [
                (mean, *(pair if has_spread else ())) if math.isfinite(mean) else None
                for mean, pair in zip(means.tolist(), ends.tolist(), strict=True)
            ]
        )
    return found


def _value(value: float, spec: MetricSpec) -> float | str | None:
    """One image's value as JSON can say it."""
    if math.isnan(value):
        return None
    return _rounded(value, spec) if math.isfinite(value) else IDENTICAL


def _rounded(value: float, spec: MetricSpec) -> float:
    return round(value, spec.decimals + _SPARE_DECIMALS) + 0.0  # + 0.0: no negative zero


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
