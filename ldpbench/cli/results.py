"""``results``: boards and runs in the terminal."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ldpbench.cli import results_compare, results_diff, results_reproduce, results_rescore
from ldpbench.cli.metrics import number
from ldpbench.cli.options import DatasetsOption, OutOption
from ldpbench.cli.session import Answer, Session, command
from ldpbench.core.errors import UsageError
from ldpbench.core.names import share_of

if TYPE_CHECKING:
    from ldpbench.results.views import Board, BoardRow

EVERYTHING = "all"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Look at and export the results.", epilog="Example: ldpbench results show", no_args_is_help=True
    )
    command(group, "show", schema="results.show", example="ldpbench results show --dataset sample")(_show)
    command(group, "export", schema="results.export", example="ldpbench results export --format csv -o boards.csv")(
        _export
    )
    for module in (results_compare, results_diff, results_reproduce, results_rescore):
        module.register(group)
    app.add_typer(group, name="results")


def read_boards(session: Session, *, datasets: set[str] | None, regions: set[str] | None = None) -> "list[Board]":
    """The boards of some datasets and regions, primary protocols first."""
    from ldpbench.results.board import boards
    from ldpbench.results.connection import open_for_reading

    with open_for_reading(session.home.database) as connection:
        found = boards(connection)
    return [
        board
        for board in found
        if (datasets is None or board.protocol.dataset_id in datasets) and (regions is None or board.region in regions)
    ]


def show_boards(
    session: Session, *, datasets: set[str] | None, regions: frozenset[str] = frozenset({EVERYTHING})
) -> list[Any]:
    """Print the ranked tables over whole pictures; return them for ``--json``."""
    found = read_boards(session, datasets=datasets, regions={EVERYTHING})
    for board in found:
        _print_board(session, board)
    return [_board_document(board) for board in found]


def _print_board(session: Session, board: "Board") -> None:
    state = "" if board.complete else f", PARTIAL: {share_of(board.n_images, board.n_images_whole)} scenes"
    region = "" if board.region == EVERYTHING else f", {board.region} only"
    title = f"{board.protocol.dataset_id}/{board.protocol.split}, {board.protocol.title}{region}{state}"
    headings = [f"{spec.title} {'↑' if spec.higher_is_better else '↓'}" for spec in board.metrics]
    session.reporter.table(
        ("rank", "method", "inputs", "images", *headings, "s/image"),
        (_board_cells(board, row) for row in board.rows),
        title=title,
        numbers=len(headings) + 2,
    )
    for row in board.rows:
        if row.unranked_reason:
            session.reporter.line(f"  {row.method_id} is not ranked: {row.unranked_reason}")


def _board_cells(board: "Board", row: "BoardRow") -> list[str]:
    return [
        "—" if row.rank is None else str(row.rank),
        row.method_id,
        " + ".join(row.inputs),
        str(next((value.n_images for value in row.values.values()), board.n_images)),
        *(number(row.values[spec.id].mean, spec.decimals) for spec in board.metrics),
        number(row.seconds_median, 2),
    ]


def _board_document(board: "Board") -> dict[str, Any]:
    return {
        "protocol": board.protocol.id,
        "protocol_hash": board.protocol_hash,
        "region": board.region,
        "complete": board.complete,
        "images": board.n_images,
        "rows": [
            {
                "rank": row.rank,
                "method": row.method_id,
                "run_id": row.run_id,
                "unranked_reason": row.unranked_reason,
                "values": {name: value.mean for name, value in row.values.items()},
                "identical": {name: value.n_identical for name, value in row.values.items() if value.n_identical},
                "seconds_median": row.seconds_median,
            }
            for row in board.rows
        ],
    }


def _show(
    session: Session,
    dataset: DatasetsOption = None,
    all_regions: Annotated[
        bool, typer.Option("--regions", help="Also in focus, near and far, where a set knows them.")
    ] = False,
) -> Answer:
    """Print the ranked tables."""
    regions = None if all_regions else {EVERYTHING}
    found = read_boards(session, datasets=set(dataset) if dataset else None, regions=regions)
    for board in found:
        _print_board(session, board)
    if not found:
        session.reporter.note("there is no result yet: run `ldpbench evaluate --all`")
    return Answer([_board_document(board) for board in found])


def _export(
    session: Session,
    format_: Annotated[str, typer.Option("--format", "-f", help="csv, json or markdown.")] = "csv",
    dataset: DatasetsOption = None,
    out: OutOption = None,
) -> Answer:
    """Export the ranked tables with all their digits."""
    from ldpbench.core.atomic import write_text
    from ldpbench.results.export import EXPORTERS

    if format_ not in EXPORTERS:
        raise UsageError(f"no export format is called {format_!r}", hint=f"known: {', '.join(EXPORTERS)}")
    text = EXPORTERS[format_](read_boards(session, datasets=set(dataset) if dataset else None))
    if out is None:
        session.reporter.line(text.rstrip("\n"))
    else:
        write_text(Path(out), text)
        session.reporter.line(str(out))
    return Answer({"format": format_, "out": out, "text": None if out else text})
