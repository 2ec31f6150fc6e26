"""``metrics``: what is measured, and one pair under every convention."""

import math
from pathlib import Path
from typing import Annotated

import typer

from ldpbench.cli.session import Answer, Session, command


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Look at the metrics, and measure one pair.", epilog="Example: ldpbench metrics list", no_args_is_help=True
    )
    command(group, "list", schema="metrics.list", example="ldpbench metrics list")(_list)
    command(group, "explain", schema="metrics.explain", example="ldpbench metrics explain output.png target.png")(
        _explain
    )
    app.add_typer(group, name="metrics")


def _list(session: Session) -> Answer:
    """List every metric with its convention."""
    from ldpbench.metrics.catalogue import METRICS

    specs = [metric.spec for metric in METRICS.values()]
    session.reporter.table(
        ("metric", "task", "better", "convention"),
        ((spec.id, spec.task, "higher" if spec.higher_is_better else "lower", spec.convention) for spec in specs),
    )
    return Answer([spec.model_dump(mode="json") for spec in specs])


def number(value: float | None, decimals: int) -> str:
    """A number for a table: an em dash for none, the infinity sign for identical pictures."""
    if value is None or math.isnan(value):
        return "—"
    if math.isinf(value):
        return "∞ (identical)"
    return f"{value:.{decimals}f}"


def _explain(
    session: Session,
    prediction: Annotated[Path, typer.Argument(help="The picture to judge, 8- or 16-bit.")],
    target: Annotated[Path, typer.Argument(help="The picture it should be.")],
) -> Answer:
    """Measure one pair under every PSNR and SSIM convention, and say who uses which."""
    from ldpbench.data import png16
    from ldpbench.metrics.explain import explain

    conventions = explain(png16.read(prediction), png16.read(target))
    session.reporter.table(
        ("metric", "value", "convention", "used by"),
        (
            (found.metric, number(found.value, 6), found.convention, ", ".join(found.used_by) or "—")
            for found in conventions
        ),
    )
    return Answer(
        [
            {"metric": found.metric, "value": found.value, "convention": found.convention, "used_by": found.used_by}
            for found in conventions
        ]
    )
