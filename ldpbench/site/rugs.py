"""Strips in table cells that show how one metric spreads over the images."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ldpbench.records import MetricSpec
from ldpbench.results.views import Board, SampleScores
from ldpbench.site.numbers import fixed, missing
from ldpbench.site.pages import Cell, Column, Rug

_MANY = 60
"""Images; beyond that ticks stand at whole units and once each, so a strip stays small however many there are."""


@dataclass(frozen=True)
class _Axis:
    """Where values lie on the strips of a column, whose rows all share it."""

    low: float
    high: float
    coarse: bool

    def place(self, value: float) -> str:
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return f"{2 + share * (Rug.WIDTH - 4):.{0 if self.coarse else 1}f}"


def rugs_of(board: Board, scores: Sequence[SampleScores]) -> tuple[Column, dict[str, Cell]]:
    """The spread column of the ranking metric: every image as a tick, all rows on one axis.

    Returns:
        The column, and the cell of every run.
    """
    spec = board.metrics[0]
    finite: dict[str, list[float]] = defaultdict(list)
    for score in scores:
        value = score.values.get(spec.id)
        if value is not None and math.isfinite(value):
            finite[score.run_id].append(value)
    everything = [value for values in finite.values() for value in values]
    if not everything:
        empty = {row.run_id: missing("no image has a finite value") for row in board.rows}
        return Column(title="Per image", key="spread", kind="strip"), empty
    axis = _Axis(min(everything), max(everything), coarse=max(map(len, finite.values())) > _MANY)
    unit = "" if spec.unit == "1" else f" {spec.unit}"
    column = Column(
        title=f"{spec.title} per image",
        key="spread",
        unit=f"{fixed(axis.low, spec.decimals)} to {fixed(axis.high, spec.decimals)}{unit}",
        kind="strip",
        explanation="one tick per image",
    )
    return column, {row.run_id: _rug_cell(finite[row.run_id], axis, spec) for row in board.rows}


def _rug_cell(values: Sequence[float], axis: _Axis, spec: MetricSpec) -> Cell:
    if not values:
        return missing("no image has a finite value")
    spread = f"{fixed(min(values), spec.decimals)} to {fixed(max(values), spec.decimals)}"
    label = f"{spec.title} of {len(values)} image{'s' * (len(values) > 1)}: {spread}"
    ticks = tuple(dict.fromkeys(axis.place(value) for value in sorted(values)))
    rug = Rug(ticks=ticks, mean=axis.place(math.fsum(values) / len(values)), label=label)
    return Cell(text="", rug=rug, title=label)
