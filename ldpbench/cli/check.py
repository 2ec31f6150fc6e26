"""``check``: whether a method keeps the contract, or a submission tells the truth."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ldpbench.cli.options import DeviceOption, demand_device
from ldpbench.cli.session import Answer, Session, command
from ldpbench.cli.submission import check_submission
from ldpbench.core.errors import EXIT_DONE, EXIT_FAILURES, UsageError

if TYPE_CHECKING:
    from ldpbench.methods.contract import Report


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "check", schema="check", example="ldpbench check baselines/my-net")(_check)


def _check(
    session: Session,
    method: Annotated[
        str,
        typer.Argument(help="A method's id, its plugin folder (all variants), a checkpoint folder, or a submission."),
    ],
    weights: Annotated[
        str | None, typer.Option("--weights", help="Weights of a network; left out: made-up ones.")
    ] = None,
    device: DeviceOption = "cpu",
    take_in: Annotated[
        bool, typer.Option("--accept", help="Take a submission without faults into the home's runs.")
    ] = False,
    summary: Annotated[
        Path | None, typer.Option("--summary", help="Also write the verdict on a submission as Markdown.")
    ] = None,
) -> Answer:
    """Check a method: its record, its size rule, its answers, its cost. Ends with 1 if anything is wrong.

    Of a submission every number is computed again from its pictures.
    """
    from ldpbench.submission.record import is_submission

    if is_submission(Path(method)):
        return check_submission(session, Path(method), take_in=take_in, summary=summary)
    if take_in or summary is not None:
        raise UsageError(f"{method} is no submission", hint="--accept and --summary belong to submissions")
    from ldpbench.core.allocator import keep_freed_memory
    from ldpbench.methods.contract import check_folder

    demand_device(device)
    keep_freed_memory()
    reports = check_folder(method, weights=weights, device=device)
    for report in reports:
        _show(session, report)
    answer = [
        {
            "method": report.method,
            "passed": report.passed,
            "findings": [asdict(finding) for finding in report.findings],
            "left_out": list(report.left_out),
        }
        for report in reports
    ]
    passed = all(report.passed for report in reports)
    return Answer(answer, exit_code=EXIT_DONE if passed else EXIT_FAILURES)


def _show(session: Session, report: "Report") -> None:
    """A table with one line per check, and below it what to do."""
    failed = [finding for finding in report.findings if not finding.passed]
    session.reporter.table(
        ("check", "", "found"),
        ((finding.name, "passed" if finding.passed else "FAILED", finding.detail) for finding in report.findings),
        title=report.method,
    )
    for finding in failed:
        session.reporter.line(f"{finding.name}: {finding.hint}")
    if report.left_out:
        session.reporter.line(f"not checked before that is mended: {', '.join(report.left_out)}")
    if not failed:
        session.reporter.line(f"{report.method}: all {len(report.findings)} checks passed")
