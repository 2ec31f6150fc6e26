"""``demo``: the whole path on the embedded data."""

import sys

import typer

from ldpbench.cli.evaluating import run_plan
from ldpbench.cli.pages import build_and_tell
from ldpbench.cli.results import show_boards
from ldpbench.cli.session import Answer, Session, command
from ldpbench.core.errors import EXIT_DONE, EXIT_FAILURES

DEMO_DATASET = "sample"


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "demo", schema="demo", example="ldpbench demo")(_demo)


def _demo(session: Session) -> Answer:
    """Go the whole way on embedded data: no download.

    Prepares the sample set, runs every method that needs no weights, builds the pages and prints the ranked table.
    """
    from ldpbench.data.prepare import prepare
    from ldpbench.evaluation.evaluate import Manner
    from ldpbench.evaluation.request import Request
    from ldpbench.methods.find import find_methods

    session.reporter.note("1/3 data")
    prepared = prepare(DEMO_DATASET, session.home, progress=session.reporter)
    session.reporter.note("2/3 methods")
    methods = {name: method.record for name, method in find_methods().items()}
    runnable = [name for name, record in methods.items() if not record.needs_weights and not record.skipped]
    request = Request(methods=runnable, datasets=[DEMO_DATASET])
    outcomes = run_plan(session, request, Manner(command=("ldpbench", *sys.argv[1:])))
    session.reporter.note(
        f"{len(methods) - len(runnable)} published networks wait for their weights: see `ldpbench weights list`"
    )
    session.reporter.note("3/3 pages")
    index = build_and_tell(session)
    boards = show_boards(session, datasets={DEMO_DATASET})
    session.reporter.line(f"Open {index.as_uri()}")
    failed = any(outcome.failures or outcome.status == "failed" for outcome in outcomes)
    data = {"fingerprint": prepared.info.fingerprint, "boards": boards, "page": index}
    return Answer(data, exit_code=EXIT_FAILURES if failed else EXIT_DONE)
