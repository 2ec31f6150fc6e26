"""``results reproduce``: printed numbers beside measured ones."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ldpbench.cli.options import DatasetsOption
from ldpbench.cli.session import Answer, Session, command

if TYPE_CHECKING:
    from ldpbench.results.reproduction import Reproduction


def register(group: typer.Typer) -> None:
    """Add the command."""
    example = "ldpbench results reproduce --dataset dpd-blur"
    command(group, "reproduce", schema="results.reproduce", example=example)(_reproduce)


def _reproduce(
    session: Session,
    dataset: DatasetsOption = None,
    method: Annotated[list[str] | None, typer.Option("--method", "-m", help="Only this method.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Also what is not comparable, with the reason.")] = False,
) -> Answer:
    """Compare printed numbers with measured ones: reproduced, not reproduced, or not comparable and why."""
    found = [
        row
        for row in _read(session)
        if (not dataset or row.claim.dataset in dataset) and (not method or row.claim.method_id in method)
    ]
    shown = [row for row in found if every or row.verdict != "not comparable"]
    if shown:
        session.reporter.table(
            ("method", "dataset", "group", "metric", "printed", "measured", "delta", "verdict", "why", "source"),
            (_cells(row) for row in shown),
        )
    counts = {verdict: sum(row.verdict == verdict for row in found) for verdict in _VERDICTS}
    session.reporter.line(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    hidden = len(found) - len(shown)
    if hidden:
        session.reporter.note(f"{hidden} printed numbers are not comparable: --all lists them with the reasons")
    return Answer({"counts": counts, "rows": [_document(row) for row in found]})


_VERDICTS = ("reproduced", "not reproduced", "not comparable")


def _read(session: Session) -> "list[Reproduction]":
    from ldpbench.methods.loading import baseline_records
    from ldpbench.results.board import boards, sample_scores
    from ldpbench.results.connection import open_for_reading
    from ldpbench.results.published import published_tables
    from ldpbench.results.reproduction import claims, reproductions

    methods = baseline_records()
    said = claims(published_tables(), methods)
    with open_for_reading(session.home.database) as connection:
        found = [board for board in boards(connection) if board.region == "all"]
        scores = {
            (board.protocol_hash, board.region, board.group): sample_scores(
                connection, board.protocol_hash, board.region, group=board.group
            )
            for board in found
            if any(claim.dataset == board.protocol.dataset_id for claim in said)
        }
    return reproductions(said, found, scores, methods)


def _cells(row: "Reproduction") -> list[str]:
    claim = row.claim
    measured = "–" if row.measured is None else f"{row.measured:.4f}"
    delta = "–" if row.delta is None else f"{row.delta:+.4f}"
    if row.interval is not None:
        delta += f" [{row.interval.low:+.3f}, {row.interval.high:+.3f}]"
    return [
        claim.method_id,
        claim.dataset,
        claim.group,
        claim.metric,
        f"{claim.value:g}",
        measured,
        delta,
        row.verdict,
        row.why,
        claim.source,
    ]


def _document(row: "Reproduction") -> dict[str, Any]:
    return {
        "method": row.claim.method_id,
        "dataset": row.claim.dataset,
        "group": row.claim.group,
        "metric": row.claim.metric,
        "printed": row.claim.value,
        "source": row.claim.source,
        "tolerance": row.claim.tolerance,
        "measured": row.measured,
        "delta": row.delta,
        "interval": None if row.interval is None else [row.interval.low, row.interval.high],
        "verdict": row.verdict,
        "why": row.why,
        "protocol": row.protocol,
        "protocol_hash": row.protocol_hash,
        "run_id": row.run_id,
    }
