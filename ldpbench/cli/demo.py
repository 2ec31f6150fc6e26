"""``demo``: the whole path on the embedded data."""

import sys
from collections.abc import Sequence

import typer

from ldpbench.cli.cost import ingest_all_costs
from ldpbench.cli.evaluating import run_plan
from ldpbench.cli.pages import build_and_tell
from ldpbench.cli.results_boards import show_boards
from ldpbench.cli.session import Answer, Session, command
from ldpbench.core.errors import EXIT_DONE, EXIT_FAILURES

DEMO_DATASET = "sample"
DEMO_ESTIMATORS = ("disparity", "zeros")
"""Of blur maps; the others want the weights of CLIP."""
COST_SIZE, COST_REPEATS = "256", 3


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "demo", schema="demo", example="ldpbench demo")(_demo)


def measure(methods: Sequence[str], session: Session) -> None:
    """What the methods cost at the scenes' own size, from a few calls each: enough to see, too few to quote."""
    from ldpbench.evaluation.cost.plan import Request, make_plan
    from ldpbench.evaluation.cost.run import measure_all

    plan = make_plan(Request(methods=methods, sizes=[COST_SIZE], repeats=COST_REPEATS))
    measure_all(plan, session.home, progress=session.reporter)
    ingest_all_costs(session)


def _demo(session: Session) -> Answer:
    """Go the whole way on embedded data: no download.

    Prepares the sample set, runs every method that needs no weights, measures what they cost, builds the pages and
    prints the ranked table.
    """
    from ldpbench.data.prepare import prepare
    from ldpbench.evaluation.evaluate import Manner
    from ldpbench.evaluation.request import Request
    from ldpbench.methods.find import find_methods

    session.reporter.note("1/4 data")
    prepared = prepare(DEMO_DATASET, session.home, progress=session.reporter)
    session.reporter.note("2/4 methods")
    methods = {name: method.record for name, method in find_methods().items()}
    runnable = [name for name, record in methods.items() if not record.needs_weights and not record.skipped]
    request = Request(methods=[*runnable, *DEMO_ESTIMATORS], datasets=[DEMO_DATASET])
    outcomes = run_plan(session, request, Manner(command=("ldpbench", *sys.argv[1:])))
    session.reporter.note(
        f"{len(methods) - len(runnable)} published networks wait for their weights: see `ldpbench weights list`"
    )
    session.reporter.note("3/4 costs")
    measure(runnable, session)
    session.reporter.note("4/4 pages")
    index = build_and_tell(session)
    boards = show_boards(session, datasets={DEMO_DATASET})
    session.reporter.line(f"Open {index.as_uri()}")
    failed = any(outcome.failures or outcome.status == "failed" for outcome in outcomes)
    data = {"fingerprint": prepared.info.fingerprint, "boards": boards, "page": index}
    return Answer(data, exit_code=EXIT_FAILURES if failed else EXIT_DONE)
