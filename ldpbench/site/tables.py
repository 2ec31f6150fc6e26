"""The tables of the pages, from what the queries answered."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from string import ascii_lowercase
from typing import Literal

from ldpbench.records import BaselineRecord, MetricSpec
from ldpbench.results.statistics.digits import bounds
from ldpbench.results.views import Board, BoardRow, PublishedRow, PublishedTable, SampleScores, StoredRun
from ldpbench.site.names import method_page, run_page
from ldpbench.site.numbers import (
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
from ldpbench.site.pages import Cell, Column, RowGroup, Table

SECONDS = Column(title="Time", unit="s", explanation="median seconds per image on the run's machine")
PARAMETERS = Column(title="Parameters", explanation="learned numbers of the method")
RUN = Column(title="Run", kind="label", explanation="the record of the run behind the row")


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
        replace(SECONDS, explanation="seconds for this image on the run's machine"),
        RUN,
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
        replace(SECONDS, explanation="seconds of the method alone"),
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
        first = row.values.get(board.metrics[0].id) if board.metrics else None
        notes = [
            f"95 % of {board.metrics[0].title}: {bounds(first.interval, board.metrics[0].decimals, spare=1)}"
            if first and first.interval
            else None,
            f"tied with {len(row.tied_with)} other{'s' * (len(row.tied_with) > 1)}" if row.tied_with else None,
        ]
        body.append(
            (
                Cell(text=title, href=href, sort=title, note=row.unranked_reason),
                rank,
                Cell(text=" · ".join(values), note="; ".join(filter(None, notes)) or None),
                seconds_cell(row.seconds_median),
                run_cell(row.run_id),
            )
        )
    columns = (
        Column(title="Board", kind="text"),
        Column(title="Rank"),
        Column(title="Results", kind="text"),
        SECONDS,
        RUN,
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
        RUN,
        Column(title="Dataset", kind="text"),
        Column(title="Status", kind="label"),
        Column(title="Started (UTC)", kind="text"),
        Column(title="Wall time", unit="s"),
        Column(title="Failures"),
    )
    return Table(caption="Runs", columns=columns, groups=(RowGroup(rows=rows),))


def _wall_cell(wall_s: float | None) -> Cell:
    return missing("the run has not ended") if wall_s is None else Cell(text=three_digits(wall_s), sort=repr(wall_s))


def _year_cell(record: BaselineRecord | None) -> Cell:
    if record is None or record.paper is None:
        return missing("no paper")
    return Cell(text=str(record.paper.year), sort=str(record.paper.year))


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
                _year_cell(record),
                Cell(text=record.licence_code, sort=record.licence_code) if record else missing(""),
                Cell(text="yes" if name in measured else "no", sort="0" if name in measured else "1"),
            )
        )
    columns = (
        Column(title="Method", key="method", kind="text"),
        Column(title="Kind", key="kind", kind="label", facet=True),
        Column(title="Views", key="views", kind="label", facet=True),
        replace(PARAMETERS, key="parameters"),
        Column(title="Year", key="year", facet=True),
        Column(title="Licence of the code", key="licence", kind="text", facet=True),
        Column(title="Measured here", key="measured", kind="label", facet=True),
    )
    return Table(caption="Methods", columns=columns, groups=(RowGroup(rows=tuple(rows)),), view="methods.")
