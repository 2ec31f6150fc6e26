"""``cost``: time, memory, parameters and multiply-adds of methods, on this machine."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ldpbench.cli.options import (
    DeviceOption,
    ForceOption,
    MemoryOption,
    MethodsOption,
    OverlapOption,
    OwnStatisticsOption,
    TileOption,
    TlcOption,
    WeightsOption,
    WholeOption,
    WindowsOption,
    chosen_inference,
    demand_device,
)
from ldpbench.cli.session import Answer, Session, command
from ldpbench.core.errors import EXIT_DONE, EXIT_FAILURES, UsageError
from ldpbench.records.cost import NAMED_SIZES
from ldpbench.records.protocol import Dtype, Ensemble

if TYPE_CHECKING:
    from ldpbench.evaluation.cost.plan import Skip
    from ldpbench.evaluation.cost.run import Outcome
    from ldpbench.records.cost import CostRecord

_SIZES = ", ".join(f"{name} ({width}x{height})" for name, (height, width) in NAMED_SIZES.items())


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "cost", schema="cost", example="ldpbench cost --method nafnet --size 256 --size dpd-blur")(_cost)


def _cost(
    session: Session,
    every: Annotated[bool, typer.Option("--all", help="Every installed method.")] = False,
    method: MethodsOption = None,
    size: Annotated[
        list[str] | None,
        typer.Option("--size", help=f"{_SIZES}, or WIDTHxHEIGHT; may be given several times. 256 if left out."),
    ] = None,
    device: DeviceOption = "cpu",
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Threads on the CPU; left out: as many as torch takes.")
    ] = None,
    repeats: Annotated[
        int | None,
        typer.Option("--repeats", min=1, help="Times to take; left out: 20, or fewer where they last long."),
    ] = None,
    ensemble: Annotated[
        Ensemble,
        typer.Option("--ensemble", help="x4: the mean over the flips that a dual-pixel camera could have seen."),
    ] = "none",
    dtype: Annotated[Dtype, typer.Option("--dtype", help="Of networks' arithmetic.")] = "float32",
    tile: TileOption = None,
    overlap: OverlapOption = 32,
    memory: MemoryOption = None,
    own_statistics: OwnStatisticsOption = False,
    tlc: TlcOption = None,
    windows: WindowsOption = None,
    whole: WholeOption = False,
    weights: WeightsOption = None,
    untrained: Annotated[
        bool, typer.Option("--untrained", help="Fresh weights also for networks whose weights are here.")
    ] = False,
    force: ForceOption = False,
) -> Answer:
    """Measure what methods cost. Networks without weights are built with fresh ones: they take as long as trained ones.

    Every method and size is measured in a process of its own, one after the other. Let the machine do nothing else.
    """
    from ldpbench.evaluation.cost.plan import Request, make_plan
    from ldpbench.evaluation.cost.run import measure_all
    from ldpbench.methods.weights import parse_given

    if not every and not method:
        raise UsageError("nothing was chosen to measure", hint="give --all, or --method")
    demand_device(device)
    request = Request(
        methods=[] if every else method or [],
        sizes=size or [],
        device=device,
        threads=threads,
        repeats=repeats,
        inference=chosen_inference(
            whole=whole,
            tile=tile,
            windows=windows,
            tlc=tlc,
            overlap=overlap,
            memory=memory,
            own_statistics=own_statistics,
        ),
        ensemble=ensemble,
        dtype=dtype,
        weights=parse_given(weights or []),
        untrained=untrained,
    )
    plan = make_plan(request)
    for skip in plan.skips:
        session.reporter.note(f"skipped {skip.method} at {skip.size}: {skip.reason}")
    outcomes = measure_all(plan, session.home, force=force, progress=session.reporter)
    ingest_all_costs(session)
    _show(session, outcomes)
    failed = any(outcome.status == "failed" for outcome in outcomes)
    return Answer(_document(outcomes, plan.skips), exit_code=EXIT_FAILURES if failed else EXIT_DONE)


def ingest_all_costs(session: Session) -> None:
    """Take what was measured into the database."""
    from ldpbench.results.connection import open_for_writing
    from ldpbench.results.costs import ingest_costs

    with open_for_writing(session.home.database) as connection:
        ingest_costs(session.home.costs, connection, session.reporter)


def _show(session: Session, outcomes: "Sequence[Outcome]") -> None:
    records = [outcome.record for outcome in outcomes if outcome.record is not None]
    if not records:
        return
    session.reporter.table(
        ("method", "size", "inference", "times", "median", "p95", "memory", "parameters", "multiply-adds"),
        (_cells(record) for record in records),
        title=f"{records[0].timing} on {records[0].hardware.id}",
        numbers=6,
    )
    already = sum(outcome.status == "there already" for outcome in outcomes)
    if already:
        session.reporter.note(f"{already} measured before; --force measures again")
    remarks = Counter(remark for record in records for remark in record.remarks)
    for remark, count in remarks.items():
        session.reporter.note(f"{remark} ({count} of {len(records)})")


def _cells(record: "CostRecord") -> list[str]:
    return [
        f"{record.method.id} (untrained)" if record.method.untrained else record.method.id,
        record.size,
        _way(record),
        str(record.repeats),
        _time(record.median_s),
        _time(record.p95_s),
        "unknown" if record.peak_memory_bytes is None else f"{record.peak_memory_bytes / 2**20:,.0f} MiB",
        f"{record.parameters:,}",
        "–" if record.macs is None else f"{record.macs / 1e9:,.2f} G",
    ]


def _way(record: "CostRecord") -> str:
    ensemble = "" if record.ensemble == "none" else f", ensemble {record.ensemble}"
    return f"{record.inference}{ensemble}" + ("" if record.dtype == "float32" else f", {record.dtype}")


def _time(seconds: float) -> str:
    return f"{1000 * seconds:,.2f} ms" if seconds < 1 else f"{seconds:,.2f} s"


def _document(outcomes: "Sequence[Outcome]", skips: "Sequence[Skip]") -> list[dict[str, Any]]:
    measured = [
        {
            "method": outcome.method,
            "size": outcome.size,
            "status": outcome.status,
            "reason": outcome.reason,
            "file": outcome.file,
            "hardware_id": outcome.record.hardware.id if outcome.record else None,
            "record": outcome.record.model_dump(mode="json", by_alias=True) if outcome.record else None,
        }
        for outcome in outcomes
    ]
    left_out = [
        {"method": skip.method, "size": skip.size, "status": "skipped", "reason": skip.reason, "file": None}
        | {"hardware_id": None, "record": None}
        for skip in skips
    ]
    return [*measured, *left_out]
