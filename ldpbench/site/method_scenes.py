"""One method scene by scene: beside the best of everybody, and where it does worst."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from ldpbench.records import MetricSpec
from ldpbench.results.views import Board, SampleScores
from ldpbench.site.names import method_page
from ldpbench.site.numbers import fixed, metric_column, missing, score_cell, seconds_cell
from ldpbench.site.pages import Cell, Column, RowGroup, Table
from ldpbench.site.tables import SECONDS

WORST = 5
MOST_ROWS = 100
"""Scenes that are all shown; of more, the best and the worst of both ends."""
_ENDS = 20


@dataclass(frozen=True, kw_only=True)
class SceneScore:
    """One scene for one method, by the metric that ranks."""

    score: SampleScores
    value: float
    """What this method reaches; the worse end of the scale where it failed."""
    best: SampleScores
    """Of all methods, this one included."""
    lead: float
    """How much better this method is than the median of the others; negative: worse. 0 where there are no others."""


def scenes_of(method_id: str, board: Board, scores: Sequence[SampleScores]) -> list[SceneScore]:
    """Every scene of a method, the worst first; a scene that it failed on is the worst there is."""
    spec = board.metrics[0]
    sign = 1.0 if spec.higher_is_better else -1.0

    def merit(score: SampleScores) -> float:
        value = score.values.get(spec.id)
        return -math.inf if value is None else sign * value

    by_scene: dict[str, list[SampleScores]] = {}
    for score in scores:
        by_scene.setdefault(score.sample_id, []).append(score)
    found = []
    for everybody in by_scene.values():
        own = next((score for score in everybody if score.method_id == method_id), None)
        if own is None:
            continue
        others = [merit(score) for score in everybody if score.method_id != method_id]
        middle = median(others) if others else merit(own)
        both_finite = math.isfinite(merit(own)) and math.isfinite(middle)
        found.append(
            SceneScore(
                score=own,
                value=merit(own),
                best=max(everybody, key=merit),
                lead=merit(own) - middle if both_finite else (0.0 if merit(own) == middle else merit(own)),
            )
        )
    return sorted(found, key=lambda scene: (scene.value, scene.score.sample_id))


def worst_tables(scenes: Sequence[SceneScore], board: Board, pages: Mapping[str, str]) -> tuple[Table, ...]:
    """The worst scenes by value, and, where there is somebody to compare with, by distance to the others' median."""
    spec = board.metrics[0]
    tables = [
        _worst(
            scenes[:WORST], board, pages, f"Lowest {spec.title}" if spec.higher_is_better else f"Highest {spec.title}"
        )
    ]
    if any(scene.lead for scene in scenes):
        behind = sorted(scenes, key=lambda scene: (scene.lead, scene.score.sample_id))[:WORST]
        tables.append(_worst(behind, board, pages, "Farthest behind the median of the other methods"))
    return tuple(tables)


def _worst(scenes: Sequence[SceneScore], board: Board, pages: Mapping[str, str], caption: str) -> Table:
    spec = board.metrics[0]
    rows = tuple(
        (
            Cell(text=scene.score.sample_id, href=pages.get(scene.score.sample_id), note=scene.score.failure),
            score_cell(scene.score.values.get(spec.id), spec, scene.score.failure or ""),
            _best_cell(scene, spec),
            _lead_cell(scene, spec),
        )
        for scene in scenes
    )
    columns = (
        Column(title="Scene", kind="text"),
        metric_column(spec),
        Column(title="Best of all", unit=_unit(spec)),
        Column(title="To the others’ median", unit=_unit(spec), explanation="above 0: better than half of the others"),
    )
    return Table(caption=caption, columns=columns, groups=(RowGroup(rows=rows),))


def _unit(spec: MetricSpec) -> str:
    return "" if spec.unit == "1" else spec.unit


def _best_cell(scene: SceneScore, spec: MetricSpec) -> Cell:
    cell = score_cell(scene.best.values.get(spec.id), spec, "nobody has a value")
    same = scene.best.method_id == scene.score.method_id
    return Cell(
        text=cell.text,
        sort=cell.sort,
        mark=cell.mark,
        href=None if same else method_page(scene.best.method_id),
        note="this one" if same else scene.best.method_id,
    )


def _lead_cell(scene: SceneScore, spec: MetricSpec) -> Cell:
    if not math.isfinite(scene.lead):
        return missing("there is no finite difference")
    sign = "+" if round(scene.lead, spec.decimals) > 0 else ""
    return Cell(text=f"{sign}{fixed(scene.lead, spec.decimals)}", sort=repr(scene.lead))


def scenes_table(scenes: Sequence[SceneScore], board: Board, pages: Mapping[str, str], caption: str) -> Table:
    """Every metric of every scene, worst first; of many scenes the two ends."""
    metrics = [spec for spec in board.metrics if any(spec.id in scene.score.values for scene in scenes)]
    is_long = len(scenes) > MOST_ROWS
    groups = (("worst", scenes[:_ENDS]), ("best", scenes[-_ENDS:])) if is_long else ((None, scenes),)
    columns = (
        Column(title="Scene", kind="text"),
        *(metric_column(spec) for spec in metrics),
        Column(title="Best of all", unit=_unit(board.metrics[0])),
        Column(title="To the others’ median", unit=_unit(board.metrics[0])),
        SECONDS,
    )
    return Table(
        caption=caption,
        columns=columns,
        groups=tuple(
            RowGroup(
                heading=f"The {len(part)} {name} of {len(scenes)} scenes; the run has all of them" if name else None,
                rows=tuple(_scene_row(scene, metrics, board.metrics[0], pages) for scene in part),
            )
            for name, part in groups
        ),
    )


def _scene_row(
    scene: SceneScore, metrics: Sequence[MetricSpec], ranking: MetricSpec, pages: Mapping[str, str]
) -> tuple[Cell, ...]:
    own = scene.score
    return (
        Cell(text=own.sample_id, href=pages.get(own.sample_id), sort=own.sample_id, note=own.failure),
        *(score_cell(own.values.get(spec.id), spec, own.failure or "") for spec in metrics),
        _best_cell(scene, ranking),
        _lead_cell(scene, ranking),
        seconds_cell(own.seconds),
    )
