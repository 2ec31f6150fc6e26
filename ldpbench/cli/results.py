"""``results``: boards and runs in the terminal."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ldpbench.cli import results_compare, results_diff, results_reproduce, results_rescore
from ldpbench.cli.options import DatasetsOption, OutOption
from ldpbench.cli.results_tables import board_document, print_board, show_across
from ldpbench.cli.session import Answer, Session, command
from ldpbench.core.errors import UsageError

if TYPE_CHECKING:
    from ldpbench.results.views import Board

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


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which boards. None: all of them."""

    datasets: set[str] | None = None
    protocols: set[str] | None = None
    """Ids, with or without their dataset."""
    regions: frozenset[str] | None = frozenset({EVERYTHING})
    groups: frozenset[str] | None = None

    def fits(self, board: "Board") -> bool:
        """Whether a board is among them."""
        protocol = board.protocol
        names = {protocol.id, protocol.id.partition("/")[2]}
        return (
            (self.datasets is None or protocol.dataset_id in self.datasets)
            and (self.protocols is None or bool(names & self.protocols))
            and (self.regions is None or board.region in self.regions)
            and (self.groups is None or board.group in self.groups)
        )


def read_boards(session: Session, wanted: Wanted, *, lake: str | None = None) -> "list[Board]":
    """Boards with intervals and ties, primary protocols first.

    Args:
        session: The command's.
        wanted: Which.
        lake: Where run folders are that are read as they lie; None for the database.
    """
    from ldpbench.results.board import boards, sample_scores
    from ldpbench.results.board_statistics import with_statistics
    from ldpbench.results.connection import open_for_reading
    from ldpbench.results.lake import open_lake

    opened = open_for_reading(session.home.database) if lake is None else open_lake(lake, session.reporter)
    with opened as connection:
        chosen = [board for board in boards(connection) if wanted.fits(board)]
        return [
            with_statistics(board, sample_scores(connection, board.protocol_hash, board.region, group=board.group))
            for board in session.reporter.track(chosen, label="boards", total=len(chosen))
        ]


def show_boards(session: Session, *, datasets: set[str] | None) -> list[Any]:
    """Print the ranked tables over whole pictures; return them for ``--json``."""
    found = read_boards(session, Wanted(datasets=datasets))
    for board in found:
        print_board(session.reporter, board)
    return [board_document(board) for board in found]


def _show(
    session: Session,
    dataset: DatasetsOption = None,
    protocol: Annotated[
        list[str] | None, typer.Option("--protocol", help="Only this protocol; may be given several times.")
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option("--group", help="Only this group of scenes, such as indoor, or all.")
    ] = None,
    all_regions: Annotated[
        bool, typer.Option("--regions", help="Also in focus, near and far, where a set knows them.")
    ] = False,
    across: Annotated[
        bool, typer.Option("--across-protocols", help="A dataset's protocols side by side, and what differs.")
    ] = False,
    plain: Annotated[bool, typer.Option("--plain", help="All digits, without intervals and ties.")] = False,
    lake: Annotated[
        str | None,
        typer.Option("--from", help="Read the run folders there as they lie: a folder, or an address such as s3://..."),
    ] = None,
) -> Answer:
    """Print the ranked tables, with the digits that their intervals support."""
    wanted = Wanted(
        datasets=set(dataset) if dataset else None,
        protocols=set(protocol) if protocol else None,
        regions=None if all_regions else frozenset({EVERYTHING}),
        groups=frozenset(group) if group else None,
    )
    found = read_boards(session, wanted, lake=lake)
    if not found:
        session.reporter.note("there is no such result yet: run `ldpbench evaluate --all`")
    if across:
        return Answer(show_across(session.reporter, found))
    for board in found:
        print_board(session.reporter, board, plain=plain)
    return Answer([board_document(board) for board in found])


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
    text = EXPORTERS[format_](read_boards(session, Wanted(datasets=set(dataset) if dataset else None, regions=None)))
    if out is None:
        session.reporter.line(text.rstrip("\n"))
    else:
        write_text(Path(out), text)
        session.reporter.line(str(out))
    return Answer({"format": format_, "out": out, "text": None if out else text})
