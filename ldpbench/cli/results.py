"""``results``: boards and runs in the terminal."""

from typing import Annotated

import typer

from ldpbench.cli import results_compare, results_diff, results_export, results_reproduce, results_rescore
from ldpbench.cli.options import DatasetsOption
from ldpbench.cli.results_boards import EVERYTHING, Wanted, read_boards
from ldpbench.cli.results_tables import board_document, print_board, show_across
from ldpbench.cli.session import Answer, Session, command


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Look at and export the results.", epilog="Example: ldpbench results show", no_args_is_help=True
    )
    command(group, "show", schema="results.show", example="ldpbench results show --dataset sample")(_show)
    for module in (results_export, results_compare, results_diff, results_reproduce, results_rescore):
        module.register(group)
    app.add_typer(group, name="results")


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
