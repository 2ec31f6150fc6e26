"""``demo``: the whole path on the embedded data."""

import typer

from ldpbench.cli.evaluation import run_plan
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

    Prepares the sample set, runs every method on it, builds the pages and prints the ranked table.
    """
    from ldpbench.data.prepare import prepare

    session.reporter.note("1/3 data")
    prepared = prepare(DEMO_DATASET, session.home, progress=session.reporter)
    session.reporter.note("2/3 methods")
    outcomes = run_plan(session, methods=[], datasets=[DEMO_DATASET])
    session.reporter.note("3/3 pages")
    index = build_and_tell(session)
    boards = show_boards(session, datasets={DEMO_DATASET})
    session.reporter.line(f"Open {index.as_uri()}")
    failed = any(outcome.failures or outcome.status == "failed" for outcome in outcomes)
    data = {"fingerprint": prepared.info.fingerprint, "boards": boards, "page": index}
    return Answer(data, exit_code=EXIT_FAILURES if failed else EXIT_DONE)
