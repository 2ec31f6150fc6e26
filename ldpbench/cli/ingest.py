"""``ingest``: run folders into the database."""

from typing import Any

import typer

from ldpbench.cli.options import RunsOption
from ldpbench.cli.session import Answer, Session, command
from ldpbench.core.errors import EXIT_DONE, EXIT_FAILURES


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "ingest", schema="ingest", example="ldpbench ingest")(_ingest)


def ingest_and_tell(session: Session, runs: str | None = None) -> dict[str, Any]:
    """Bring the database up to date with run folders and costs; the ingest itself says what it leaves out.

    Args:
        session: The command's.
        runs: Where the run folders are; None for those of the home.
    """
    from ldpbench.results.connection import open_for_writing
    from ldpbench.results.costs import ingest_costs
    from ldpbench.results.ingest import ingest

    report = ingest(runs or session.home.runs, session.home.database, session.reporter)
    if any(session.home.costs.glob("[!.]*.json")):
        with open_for_writing(session.home.database) as connection:
            ingest_costs(session.home.costs, connection, session.reporter)
    return {
        "new": list(report.new),
        "updated": list(report.updated),
        "unchanged": len(report.unchanged),
        "vanished": list(report.vanished),
        "skipped": [{"folder": skipped.folder, "reason": skipped.reason} for skipped in report.skipped],
    }


def _ingest(session: Session, runs: RunsOption = None) -> Answer:
    """Read all run folders into the database."""
    told = ingest_and_tell(session, runs)
    counts = f"{len(told['new'])} new, {len(told['updated'])} updated, {told['unchanged']} unchanged"
    session.reporter.line(f"{counts}: {session.home.database}")
    return Answer(told, exit_code=EXIT_FAILURES if told["skipped"] else EXIT_DONE)
