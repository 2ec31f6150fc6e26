"""The table of a board: every measured method, and below them what papers printed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ldpbench.records import BaselineRecord
from ldpbench.records.run import OUTPUTS_ONLY
from ldpbench.results.board_costs import costs_caption
from ldpbench.results.statistics.digits import bounds
from ldpbench.results.views import Board, BoardRow, PublishedTable, SampleScores
from ldpbench.site.names import method_page
from ldpbench.site.numbers import aggregate_cell, count_cell, metric_column, missing, seconds_cell
from ldpbench.site.pages import Cell, Column, RowGroup, Table
from ldpbench.site.published_rows import published_groups
from ldpbench.site.rugs import rugs_of
from ldpbench.site.tables import PARAMETERS, RUN, SECONDS, inputs_text, run_cell

MEASURED, OUTPUTS, VERIFIED = "measured", "outputs only", "re-verified"
_MOST_TIES_NAMED = 6
_RANK = Column(title="Rank", key="rank", explanation="by the first metric; equal values share a rank")
_METHOD = Column(title="Method", key="method", kind="text")
_VIEWS = Column(
    title="Views",
    key="views",
    kind="label",
    facet=True,
    explanation="what the method is given: both views (dual) or one picture",
)
_IMAGES = Column(title="Images", key="images", optional=True, explanation="images the row is a mean of")
_YEAR = Column(title="Year", key="year", facet=True, optional=True, explanation="of the paper")
_LICENCE = Column(title="Licence", key="licence", kind="label", facet=True, optional=True, explanation="of the code")
_SOURCE = Column(
    title="Source",
    key="source",
    kind="label",
    facet=True,
    optional=True,
    explanation="measured here, or scored from the pictures of another program",
)


def board_table(
    board: Board,
    caption: str,
    *,
    records: Mapping[str, BaselineRecord] | None = None,
    scores: Sequence[SampleScores] | None = None,
    published: Sequence[PublishedTable] = (),
) -> Table:
    """A board as its page shows it.

    Args:
        board: What to show.
        caption: What the table shows, in words.
        records: By method id; where year and licence come from.
        scores: With the images of the board it gains a column that shows the spread of the ranking metric over them.
        published: What papers printed; rows of the board's dataset and group come below, in groups of their own.
    """
    rugs = rugs_of(board, scores) if scores is not None and board.metrics else None
    columns = (
        _RANK,
        _METHOD,
        _VIEWS,
        *(metric_column(spec) for spec in board.metrics),
        *([rugs[0]] if rugs else []),
        _IMAGES,
        replace(SECONDS, key="time"),
        *_cost_columns(board),
        replace(PARAMETERS, key="parameters"),
        _YEAR,
        _LICENCE,
        _SOURCE,
        replace(RUN, key="run"),
    )
    cells = {row.run_id: _row(row, board, records or {}, rugs[1] if rugs else None) for row in board.rows}
    ranked = tuple(cells[row.run_id] for row in board.rows if row.rank is not None)
    unranked = tuple(cells[row.run_id] for row in board.rows if row.rank is None)
    groups = [RowGroup(rows=ranked)] if ranked else []
    groups += [RowGroup(rows=unranked, heading="Not ranked")] if unranked else []
    printed, footnotes = published_groups(board, columns, published, records or {})
    return Table(
        caption=caption,
        columns=columns,
        groups=(*groups, *printed),
        row_header=1,
        view="",
        footnotes=footnotes,
        anchor="board",
    )


def top_of(table: Table, n_rows: int) -> Table:
    """The first ranked rows of a board's table, or all of a short one, without the columns that its picker brings."""
    shown = [place for place, column in enumerate(table.columns) if not column.optional]
    groups = table.groups
    if table.n_rows > n_rows:
        groups = tuple(replace(group, rows=group.rows[:n_rows]) for group in groups if group.heading is None)
    return replace(
        table,
        columns=tuple(replace(table.columns[place], facet=False) for place in shown),
        groups=tuple(
            replace(group, rows=tuple(tuple(row[place] for place in shown) for row in group.rows)) for group in groups
        ),
        view=None,
    )


def _row(
    row: BoardRow, board: Board, records: Mapping[str, BaselineRecord], rugs: Mapping[str, Cell] | None
) -> tuple[Cell, ...]:
    first = row.values.get(board.metrics[0].id) if board.metrics else None
    rank = Cell(text=str(row.rank), sort=str(row.rank)) if row.rank is not None else missing("not ranked")
    return (
        rank,
        _method_cell(row, board),
        Cell(text=inputs_text(row.inputs), sort=inputs_text(row.inputs)),
        *(_metric_cell(row, board, place) for place in range(len(board.metrics))),
        *([rugs[row.run_id]] if rugs is not None else []),
        Cell(text=str(first.n_images), sort=str(first.n_images)) if first else missing("no image was scored"),
        seconds_cell(row.seconds_median),
        *(_cost_cells(row) if costs_caption(board) else ()),
        count_cell(row.parameters),
        *_about_cells(row, records.get(row.method_id)),
        run_cell(row.run_id),
    )


def _method_cell(row: BoardRow, board: Board) -> Cell:
    ties = f"tied with {_ties(row, board)}" if row.tied_with else None
    source = _source(row)
    notes = (row.unranked_reason, None if source == MEASURED else _SOURCES[source], ties)
    return Cell(
        text=row.method_title,
        href=method_page(row.method_id),
        sort=row.method_title,
        note="; ".join(filter(None, notes)) or None,
        title=None if len(row.tied_with) <= _MOST_TIES_NAMED else f"tied with {', '.join(row.tied_with)}",
    )


def _ties(row: BoardRow, board: Board) -> str:
    """Names while there are few; all ids are in the title where there are many."""
    if len(row.tied_with) > _MOST_TIES_NAMED:
        return f"{len(row.tied_with)} others"
    titles = {other.method_id: other.method_title for other in board.rows}
    return ", ".join(titles[name] for name in row.tied_with)


_SOURCES = {
    OUTPUTS: "outputs only: made by another program",
    VERIFIED: "re-verified: scored again from the pictures that were handed in",
}


def _source(row: BoardRow) -> str:
    if row.verified:
        return VERIFIED
    return OUTPUTS if row.method_kind == OUTPUTS_ONLY else MEASURED


def _about_cells(row: BoardRow, record: BaselineRecord | None) -> tuple[Cell, Cell, Cell]:
    """Year, licence and source."""
    year = str(record.paper.year) if record and record.paper else None
    licence, source = record.licence_code if record else None, _source(row)
    return (
        Cell(text=year, sort=year) if year else missing("no paper"),
        Cell(text=licence, sort=licence) if licence else missing("not known here"),
        Cell(text=source, sort=source),
    )


def _cost_columns(board: Board) -> tuple[Column, ...]:
    """Latency, memory and multiply-adds, where a method of the board was measured by the timing rule."""
    caption = costs_caption(board)
    if caption is None:
        return ()
    return (
        Column(title="Latency", key="latency", unit="s", explanation=f"median of timed calls; {caption}"),
        Column(title="Memory", key="memory", unit="MB", explanation=f"the most that one call takes; {caption}"),
        Column(
            title="MACs",
            key="macs",
            unit="G",
            explanation=f"multiply-adds of convolutions and matrix products; {caption}",
        ),
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
    """A mean. The interval of the ranking metric is printed below it; the others' come on hover and on paper."""
    spec = board.metrics[place]
    aggregate = row.values.get(spec.id)
    cell = _marked(aggregate_cell(aggregate, spec), row.run_id, board, spec.id)
    if aggregate is None or aggregate.interval is None:
        return cell
    ends = bounds(aggregate.interval, spec.decimals, spare=1)
    said = f"95 %: {ends}"
    title = f"{cell.title}; {said}" if cell.title else said
    if place == 0 and cell.note is None:
        return replace(cell, title=title, note=ends)
    return replace(cell, title=title, in_print=ends)


def _marked(cell: Cell, run_id: str, board: Board, metric_id: str) -> Cell:
    if board.best.get(metric_id) == run_id:
        return replace(cell, mark="best")
    if board.second.get(metric_id) == run_id:
        return replace(cell, mark="second")
    return cell
