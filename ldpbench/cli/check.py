"""``check``: whether a method keeps the contract."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ldpbench.cli.options import DeviceOption, demand_device
from ldpbench.cli.session import Answer, Session, command
from ldpbench.core.errors import EXIT_DONE, EXIT_FAILURES

if TYPE_CHECKING:
    from ldpbench.methods.contract import Report


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "check", schema="check", example="ldpbench check baselines/my-net")(_check)


def _check(
    session: Session,
    method: Annotated[
        str, typer.Argument(help="A method's id, its plugin folder (all variants), or a checkpoint folder.")
    ],
    weights: Annotated[
        str | None, typer.Option("--weights", help="Weights of a network; left out: made-up ones.")
    ] = None,
    device: DeviceOption = "cpu",
) -> Answer:
    """Check a method: its record, its size rule, its answers, its cost. Ends with 1 if anything is wrong."""
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
