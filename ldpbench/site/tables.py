"""The tables of the pages, from what the queries answered."""

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from string import ascii_lowercase
from typing import Literal

from ldpbench.records import BaselineRecord, MetricSpec
from ldpbench.records.run import OUTPUTS_ONLY
from ldpbench.results.board_costs import costs_caption
from ldpbench.results.statistics.digits import bounds
from ldpbench.results.views import Board, BoardRow, PublishedRow, PublishedTable, SampleScores, StoredRun
from ldpbench.site.names import method_page, run_page
from ldpbench.site.numbers import (
    aggregate_cell,
    count_cell,
    fixed,
    labelled_aggregate,
    metric_column,
    missing,
    printed_decimals,
    score_cell,
    seconds_cell,
    three_digits,
)
from ldpbench.site.pages import Cell, Column, RowGroup, Rug, Table

_SECONDS = Column(title="Time", unit="s", explanation="median seconds per image on the run's machine")
_PARAMETERS = Column(title="Parameters", explanation="learned numbers of the method")
_RUN = Column(title="Run", kind="label", explanation="the record of the run behind the row")


def inputs_text(inputs: Sequence[str]) -> str:
    """How many views a method is given: both (``dual``) or one (``single``)."""
    views = "dual" if {"left", "right"} <= set(inputs) else "single"
    return f"{views} + map" if "blur_map" in inputs else views


def short_run(run_id: str) -> str:
    """The end of a run id, long enough to tell runs apart."""
    return run_id if len(run_id) <= 12 else f"…{run_id[-8:]}"


def run_cell(run_id: str) -> Cell:
    """A link to a run record."""
    return Cell(text=short_run(run_id), href=run_page(run_id), title=f"run {run_id}", sort=run_id)


def board_table(board: Board, caption: str, scores: Sequence[SampleScores] | None = None) -> Table:
    """A board. With ``scores`` it gains a column that shows the spread of the ranking metric over the images."""
    rugs = _rugs(board, scores) if scores is not None and board.metrics else None
    columns = (
        Column(title="Rank", explanation="by the first metric; equal values share a rank"),
        Column(title="Method", kind="text"),
        Column(title="Views", kind="label", explanation="what the method is given: both views (dual) or one picture"),
        *(metric_column(spec) for spec in board.metrics),
        *([rugs[0]] if rugs else []),
        Column(title="Images", explanation="images the row is a mean of"),
        _SECONDS,
        *_cost_columns(board),
        _PARAMETERS,
        _RUN,
    )
    cells = {row.run_id: _board_row(row, board, rugs[1] if rugs else None) for row in board.rows}
    ranked = tuple(cells[row.run_id] for row in board.rows if row.rank is not None)
    unranked = tuple(cells[row.run_id] for row in board.rows if row.rank is None)
    groups = [RowGroup(rows=ranked)] if ranked else []
    groups += [RowGroup(rows=unranked, heading="Not ranked")] if unranked else []
    return Table(caption=caption, columns=columns, groups=tuple(groups), row_header=1)


def _board_row(row: BoardRow, board: Board, rugs: Mapping[str, Cell] | None) -> tuple[Cell, ...]:
    first = row.values.get(board.metrics[0].id) if board.metrics else None
    titles = {other.method_id: other.method_title for other in board.rows}
    notes = [
        row.unranked_reason,
        "outputs only: made by another program" if row.method_kind == OUTPUTS_ONLY else None,
        f"tied with {', '.join(titles[name] for name in row.tied_with)}" if row.tied_with else None,
    ]
    rank = Cell(text=str(row.rank), sort=str(row.rank)) if row.rank is not None else missing("not ranked")
    return (
        rank,
        Cell(
            text=row.method_title,
            href=method_page(row.method_id),
            sort=row.method_title,
            note="; ".join(filter(None, notes)) or None,
        ),
        Cell(text=inputs_text(row.inputs), title=", ".join(row.inputs), sort=inputs_text(row.inputs)),
        *(_metric_cell(row, board, place) for place in range(len(board.metrics))),
        *([rugs[row.run_id]] if rugs is not None else []),
        Cell(text=str(first.n_images), sort=str(first.n_images)) if first else missing("no image was scored"),
        seconds_cell(row.seconds_median),
        *(_cost_cells(row) if costs_caption(board) else ()),
        count_cell(row.parameters),
        run_cell(row.run_id),
    )


def _cost_columns(board: Board) -> tuple[Column, ...]:
    """Latency, memory and multiply-adds, where a method of the board was measured by the timing rule."""
    caption = costs_caption(board)
    if caption is None:
        return ()
    return (
        Column(title="Latency", unit="s", explanation=f"median of timed calls; {caption}"),
        Column(title="Memory", unit="MB", explanation=f"the most that one call takes; {caption}"),
        Column(title="MACs", unit="G", explanation=f"multiply-adds of convolutions and matrix products; {caption}"),
    )


def _cost_cells(row: BoardRow) -> tuple[Cell, ...]:
    if row.cost is None:
        return tuple(missing("not measured") for _ in range(3))
    record = row.cost.record
    figures = (
        (record.median_s, 1.0, "not measured"),
        (record.peak_memory_bytes, 1e6, "the platform does not tell"),
        (record.macs, 1e9, record.macs_missing or "not counted"),
    )
    return tuple(
        missing(why) if value is None else Cell(text=f"{value / unit:.3g}", sort=repr(value / unit))
        for value, unit, why in figures
    )


def _metric_cell(row: BoardRow, board: Board, place: int) -> Cell:
    """A mean with its interval on hover; that of the ranking metric is printed below it."""
    spec = board.metrics[place]
    aggregate = row.values.get(spec.id)
    cell = _marked(aggregate_cell(aggregate, spec), row.run_id, board, spec.id)
    if aggregate is None or aggregate.interval is None:
        return cell
    ends = bounds(aggregate.interval, spec.decimals, spare=1)
    said = f"95 % of draws of as many scenes: {ends}"
    return replace(
        cell, title=f"{cell.title}; {said}" if cell.title else said, note=cell.note if place else cell.note or ends
    )


def _marked(cell: Cell, run_id: str, board: Board, metric_id: str) -> Cell:
    if board.best.get(metric_id) == run_id:
        return replace(cell, mark="best")
    if board.second.get(metric_id) == run_id:
        return replace(cell, mark="second")
    return cell


def _rugs(board: Board, scores: Sequence[SampleScores]) -> tuple[Column, dict[str, Cell]]:
    """The spread column: every image of every run as a tick, all rows on one axis."""
    spec = board.metrics[0]
    finite = {
        row.run_id: [
            value
            for score in scores
            if score.run_id == row.run_id and (value := score.values.get(spec.id)) is not None and math.isfinite(value)
        ]
        for row in board.rows
    }
    everything = [value for values in finite.values() for value in values]
    if not everything:
        empty = {row.run_id: missing("no image has a finite value") for row in board.rows}
        return Column(title="Per image", kind="strip"), empty
    low, high = min(everything), max(everything)
    axis = f"{fixed(low, spec.decimals)} to {fixed(high, spec.decimals)}"

    def place(value: float) -> str:
        share = (value - low) / (high - low) if high > low else 0.5
        return f"{2 + share * (Rug.WIDTH - 4):.1f}"

    def cell(values: Sequence[float]) -> Cell:
        if not values:
            return missing("no image has a finite value")
        spread = f"{fixed(min(values), spec.decimals)} to {fixed(max(values), spec.decimals)}"
        label = f"{spec.title} of {len(values)} image{'s' * (len(values) > 1)}: {spread}"
        ticks = tuple(place(value) for value in sorted(values))
        rug = Rug(ticks=ticks, mean=place(math.fsum(values) / len(values)), label=label)
        return Cell(text="", rug=rug, title=label)

    unit = "" if spec.unit == "1" else f" {spec.unit}"
    column = Column(
        title=f"{spec.title} per image", unit=f"{axis}{unit}", kind="strip", explanation="one tick per image"
    )
    return column, {run_id: cell(values) for run_id, values in finite.items()}


def published_table(table: PublishedTable, metrics: Mapping[str, MetricSpec], methods: Set[str]) -> Table:
    """A paper's table: one row per printed row, with the printed digits, and faults as footnotes."""
    ids = list(dict.fromkeys(metric for row in table.rows for metric in row.values))
    decimals = {name: printed_decimals(row.values[name] for row in table.rows if name in row.values) for name in ids}
    footnotes: dict[str, str] = {}
    groups = []
    for group in sorted(dict.fromkeys(row.group for row in table.rows), key=lambda group: group != "all"):
        here = [row for row in table.rows if row.group == group]
        rows = tuple(_published_row(row, decimals, footnotes, methods) for row in here)
        headings = sorted({row.group_as_printed for row in here} - {group, ""})
        groups.append(
            RowGroup(rows=rows, heading=group + (f" (printed under “{', '.join(headings)}”)" if headings else ""))
        )
    if len(groups) == 1 and groups[0].heading == "all":
        groups = [replace(groups[0], heading=None)]
    columns = (
        Column(title="Method", kind="text"),
        *(metric_column(metrics[name]) if name in metrics else Column(title=name) for name in ids),
    )
    return Table(
        caption=f"Table {table.table} as printed",
        columns=columns,
        groups=tuple(groups),
        footnotes=tuple((letter, reason) for reason, letter in footnotes.items()),
    )


def _published_row(
    row: PublishedRow, decimals: Mapping[str, int], footnotes: dict[str, str], methods: Set[str]
) -> tuple[Cell, ...]:
    page = method_page(row.method_id) if row.method_id in methods else None
    return (
        Cell(text=row.method_as_printed, href=page, sort=row.method_as_printed),
        *(
            _published_cell(row.values.get(metric), digits, _letter(row.faults.get(metric), footnotes))
            for metric, digits in decimals.items()
        ),
    )


def _letter(reason: str | None, footnotes: dict[str, str]) -> str | None:
    """The footnote letter of a reason: a to z, then aa, ab and so on."""
    if reason is None:
        return None
    if reason not in footnotes:
        rounds, place = divmod(len(footnotes), len(ascii_lowercase))
        footnotes[reason] = (ascii_lowercase[rounds - 1] if rounds else "") + ascii_lowercase[place]
    return footnotes[reason]


def _published_cell(value: float | None, decimals: int, footnote: str | None) -> Cell:
    if value is None:
        return missing("not printed")
    return Cell(text=fixed(value, decimals), sort=repr(value), footnote=footnote)


def scene_table(
    regions: Sequence[tuple[str, Sequence[SampleScores]]],
    metrics: Sequence[MetricSpec],
    titles: Mapping[str, str],
    caption: str,
) -> Table:
    """Everybody's numbers on one scene, region by region.

    Args:
        regions: Heading and rows of each region.
        metrics: The columns.
        titles: Method title by method id.
        caption: What the table shows.
    """
    metrics = _per_image(metrics, [score for _, scores in regions for score in scores])
    groups = []
    for heading, scores in regions:
        marks = {spec.id: _best_and_second([score.values.get(spec.id) for score in scores], spec) for spec in metrics}
        rows = []
        for place, score in enumerate(scores):
            title = titles.get(score.method_id, score.method_id)
            cells = (
                replace(
                    score_cell(score.values.get(spec.id), spec, score.failure or ""),
                    mark=marks[spec.id].get(place, "" if score.values.get(spec.id) is not None else "missing"),
                )
                for spec in metrics
            )
            rows.append(
                (
                    Cell(text=title, href=method_page(score.method_id), sort=title, note=score.failure),
                    *cells,
                    seconds_cell(score.seconds),
                    run_cell(score.run_id),
                )
            )
        groups.append(RowGroup(rows=tuple(rows), heading=heading if len(regions) > 1 else None))
    columns = (
        Column(title="Method", kind="text"),
        *(metric_column(spec) for spec in metrics),
        replace(_SECONDS, explanation="seconds for this image on the run's machine"),
        _RUN,
    )
    return Table(caption=caption, columns=columns, groups=tuple(groups))


def _per_image(metrics: Sequence[MetricSpec], scores: Sequence[SampleScores]) -> list[MetricSpec]:
    """The metrics that single images have; some exist only for a whole set."""
    return [spec for spec in metrics if any(spec.id in score.values for score in scores)]


def _best_and_second(
    values: Sequence[float | None], spec: MetricSpec
) -> dict[int, Literal["", "best", "second", "missing"]]:
    """Place in ``values`` -> its mark. Equal values share a mark, and a lone or universal value is not marked."""
    known = sorted({value for value in values if value is not None}, reverse=spec.higher_is_better)
    if len(known) < 2:
        return {}
    return {
        place: "best" if value == known[0] else "second"
        for place, value in enumerate(values)
        if value is not None and value in known[:2]
    }


def image_table(
    scores: Sequence[SampleScores], metrics: Sequence[MetricSpec], pages: Mapping[str, str], caption: str
) -> Table:
    """A run's images. ``pages`` leads from a sample id to its scene."""
    metrics = _per_image(metrics, scores)
    rows = tuple(
        (
            Cell(text=score.sample_id, href=pages.get(score.sample_id), sort=score.sample_id, note=score.failure),
            *(score_cell(score.values.get(spec.id), spec, score.failure or "") for spec in metrics),
            seconds_cell(score.seconds),
        )
        for score in scores
    )
    columns = (
        Column(title="Image", kind="text"),
        *(metric_column(spec) for spec in metrics),
        replace(_SECONDS, explanation="seconds of the method alone"),
    )
    return Table(caption=caption, columns=columns, groups=(RowGroup(rows=rows),))


def results_table(rows: Sequence[tuple[Board, BoardRow, str, str]]) -> Table:
    """One method on every board: board, row, the board's page and its title. Metrics are named in the cells."""
    body = []
    for board, row, href, title in rows:
        rank = (
            Cell(text=f"{row.rank} of {sum(other.rank is not None for other in board.rows)}", sort=str(row.rank))
            if row.rank is not None
            else missing(row.unranked_reason or "not ranked")
        )
        values = [labelled_aggregate(row.values.get(spec.id), spec) for spec in board.metrics]
        body.append(
            (
                Cell(text=title, href=href, sort=title, note=row.unranked_reason),
                rank,
                Cell(text=" · ".join(values)),
                seconds_cell(row.seconds_median),
                run_cell(row.run_id),
            )
        )
    columns = (
        Column(title="Board", kind="text"),
        Column(title="Rank"),
        Column(title="Results", kind="text"),
        _SECONDS,
        _RUN,
    )
    return Table(caption="Results on every board", columns=columns, groups=(RowGroup(rows=tuple(body)),))


def reported_table(record: BaselineRecord, metrics: Mapping[str, MetricSpec]) -> Table | None:
    """What others printed about a method."""
    if not record.reported:
        return None
    rows = tuple(
        (
            Cell(text=score.dataset, sort=score.dataset),
            Cell(text=score.group, sort=score.group),
            Cell(text=metrics[score.metric].title if score.metric in metrics else score.metric, sort=score.metric),
            Cell(text=repr(score.value), sort=repr(score.value)),
            Cell(text=score.source, sort=score.source),
        )
        for score in record.reported
    )
    columns = (
        Column(title="Dataset", kind="text"),
        Column(title="Group", kind="text"),
        Column(title="Metric", kind="text"),
        Column(title="Value"),
        Column(title="Source", kind="text"),
    )
    return Table(caption="Reported by others, not measured here", columns=columns, groups=(RowGroup(rows=rows),))


def runs_table(runs: Sequence[StoredRun]) -> Table | None:
    """All runs of a method, also those that are on no board."""
    if not runs:
        return None
    rows = tuple(
        (
            run_cell(run.record.run_id),
            Cell(text=f"{run.record.dataset.id}, {run.record.dataset.split}", sort=run.record.dataset.id),
            Cell(text=run.record.status, sort=run.record.status),
            Cell(text=run.record.started_at, sort=run.record.started_at),
            _wall_cell(run.record.wall_s),
            Cell(text=str(run.record.failures), sort=str(run.record.failures)),
        )
        for run in runs
    )
    columns = (
        _RUN,
        Column(title="Dataset", kind="text"),
        Column(title="Status", kind="label"),
        Column(title="Started (UTC)", kind="text"),
        Column(title="Wall time", unit="s"),
        Column(title="Failures"),
    )
    return Table(caption="Runs", columns=columns, groups=(RowGroup(rows=rows),))


def _wall_cell(wall_s: float | None) -> Cell:
    return missing("the run has not ended") if wall_s is None else Cell(text=three_digits(wall_s), sort=repr(wall_s))


def methods_table(records: Mapping[str, BaselineRecord], measured: Mapping[str, str]) -> Table:
    """Every method that has a record here or was measured. ``measured`` is method id -> title from the runs."""
    rows = []
    for name in sorted({*records, *measured}):
        record = records.get(name)
        title = record.title if record else measured[name]
        rows.append(
            (
                Cell(text=title, href=method_page(name), sort=title.lower()),
                Cell(text=record.kind, sort=record.kind) if record else missing("no record of it is installed here"),
                Cell(text=inputs_text(record.inputs), sort=inputs_text(record.inputs)) if record else missing(""),
                count_cell(record.parameters if record else None),
                Cell(text=record.licence_code, sort=record.licence_code) if record else missing(""),
                Cell(text="yes" if name in measured else "no", sort="0" if name in measured else "1"),
            )
        )
    columns = (
        Column(title="Method", kind="text"),
        Column(title="Kind", kind="label"),
        Column(title="Views", kind="label"),
        _PARAMETERS,
        Column(title="Licence of the code", kind="text"),
        Column(title="Measured here", kind="label"),
    )
    return Table(caption="Methods", columns=columns, groups=(RowGroup(rows=tuple(rows)),))
