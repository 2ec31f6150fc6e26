"""``results runs`` and ``results diff``: which runs there are, and two of them side by side."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ldpbench.cli.options import DatasetsOption
from ldpbench.cli.session import Answer, Session, command

if TYPE_CHECKING:
    from ldpbench.results.diff import Change, Moved, RunDiff

_LONGEST = 60
"""Characters of a value that a table shows; ``--json`` has all of it."""


def register(group: typer.Typer) -> None:
    """Add the commands."""
    command(group, "runs", schema="results.runs", example="ldpbench results runs --dataset sample")(_runs)
    example = "ldpbench results diff RUN-1 RUN-2"
    command(group, "diff", schema="results.diff", example=example)(_diff)


def _runs(session: Session, dataset: DatasetsOption = None) -> Answer:
    """List the runs, the latest first."""
    from ldpbench.results.board import runs
    from ldpbench.results.connection import open_for_reading

    with open_for_reading(session.home.database) as connection:
        found = [run.record for run in runs(connection)]
    records = [record for record in found if not dataset or record.dataset.id in dataset]
    session.reporter.table(
        ("run", "method", "dataset", "status", "protocols"),
        (
            (
                record.run_id,
                record.method.id,
                f"{record.dataset.id}/{record.dataset.split}",
                record.status,
                ", ".join(protocol.id.partition("/")[2] for protocol in record.protocols) or "none",
            )
            for record in records
        ),
    )
    if not records:
        session.reporter.note("there is no run yet: run `ldpbench evaluate --all`")
    return Answer(
        [
            {
                "run_id": record.run_id,
                "method": record.method.id,
                "dataset": record.dataset.id,
                "split": record.dataset.split,
                "status": record.status,
                "started_at": record.started_at,
                "rescored_from": record.rescored_from,
                "predictions": record.predictions,
                "protocols": [protocol.id for protocol in record.protocols],
            }
            for record in records
        ]
    )


def _diff(
    session: Session,
    before: Annotated[str, typer.Argument(help="A run's id, as `ldpbench results runs` lists it.")],
    after: Annotated[str, typer.Argument(help="Another run's id.")],
) -> Answer:
    """Say what differs between two runs, and by how much their scores moved."""
    from ldpbench.results.connection import open_for_reading
    from ldpbench.results.diff import diff_runs

    with open_for_reading(session.home.database) as connection:
        found = diff_runs(connection, before, after)
    _show(session, found)
    return Answer(_document(found))


def _show(session: Session, found: "RunDiff") -> None:
    changes = [*found.changes, *found.protocol_changes]
    if changes:
        session.reporter.table(
            ("what differs", found.before.run_id, found.after.run_id),
            ((change.fact, _short(change.before), _short(change.after)) for change in changes),
            numbers=0,
        )
    else:
        session.reporter.line("Nothing that is recorded differs between the runs.")
    if found.moved:
        session.reporter.table(
            ("protocol", "region", "metric", "images", "before", "after", "after - before", "largest", "at", "equal"),
            (_moved_cells(moved) for moved in found.moved),
            title="Scores of the images that both runs have",
            numbers=0,
        )
    else:
        session.reporter.line("The runs have no image with a score in common.")


def _moved_cells(moved: "Moved") -> list[str]:
    from ldpbench.metrics.catalogue import get_spec

    decimals = get_spec(moved.metric).decimals + 2
    low_high = f" [{moved.interval.low:+.{decimals}f}, {moved.interval.high:+.{decimals}f}]" if moved.interval else ""
    return [
        moved.protocol if moved.same_protocol else f"{moved.protocol} (not the same)",
        moved.region,
        moved.metric,
        f"{moved.n_images}" + (f" (+{moved.n_left_out} left out)" if moved.n_left_out else ""),
        f"{moved.before:.{decimals}f}",
        f"{moved.after:.{decimals}f}",
        f"{moved.difference:+.{decimals}f}{low_high}",
        f"{moved.largest:+.{decimals}f}",
        moved.largest_at,
        f"{moved.n_equal} of {moved.n_images}",
    ]


def _short(value: Any) -> str:
    text = "–" if value is None else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _change(change: "Change") -> dict[str, Any]:
    return {"fact": change.fact, "before": change.before, "after": change.after}


def _document(found: "RunDiff") -> dict[str, Any]:
    return {
        "before": found.before.run_id,
        "after": found.after.run_id,
        "changes": [_change(change) for change in found.changes],
        "protocol_changes": [_change(change) for change in found.protocol_changes],
        "moved": [
            {
                "protocol": moved.protocol,
                "same_protocol": moved.same_protocol,
                "region": moved.region,
                "metric": moved.metric,
                "images": moved.n_images,
                "left_out": moved.n_left_out,
                "before": moved.before,
                "after": moved.after,
                "difference": moved.difference,
                "interval": None if moved.interval is None else [moved.interval.low, moved.interval.high],
                "equal": moved.n_equal,
                "largest": moved.largest,
                "largest_at": moved.largest_at,
            }
            for moved in found.moved
        ],
    }
