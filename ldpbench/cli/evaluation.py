"""``evaluate``: methods x datasets."""

import sys
from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from ldpbench.cli.options import (
    DatasetsOption,
    DeviceOption,
    ForceOption,
    MethodsOption,
    TileOption,
    TlcOption,
    WeightsOption,
    WholeOption,
    WindowsOption,
    chosen_inference,
    demand_device,
)
from ldpbench.cli.results import ingest_and_tell, show_boards
from ldpbench.cli.session import Answer, Session, command
from ldpbench.core.allocator import keep_freed_memory
from ldpbench.core.errors import EXIT_DONE, EXIT_FAILURES, MissingPrerequisiteError, UsageError

if TYPE_CHECKING:
    from ldpbench.evaluation.evaluate import Outcome
    from ldpbench.evaluation.plan import Plan
    from ldpbench.methods.inference import Inference


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "evaluate", schema="evaluate", example="ldpbench evaluate --all")(_evaluate)


def _evaluate(
    session: Session,
    every: Annotated[bool, typer.Option("--all", help="Every installed method on every prepared dataset.")] = False,
    method: MethodsOption = None,
    dataset: DatasetsOption = None,
    split: Annotated[str, typer.Option("--split", help="The split to run on.")] = "test",
    force: ForceOption = False,
    previews: Annotated[bool, typer.Option("--previews/--no-previews", help="Keep a picture of every output.")] = True,
    tile: TileOption = None,
    tlc: TlcOption = None,
    windows: WindowsOption = None,
    whole: WholeOption = False,
    weights: WeightsOption = None,
    untrained: Annotated[
        bool,
        typer.Option("--untrained", help="Run networks without weights too, for their time alone: they get no scores."),
    ] = False,
    device: DeviceOption = "cpu",
) -> Answer:
    """Run methods on prepared datasets and score them. Stopped at any moment, it continues where it was."""
    from ldpbench.methods.weights import parse_given

    if not every and not method and not dataset:
        raise UsageError("nothing was chosen to evaluate", hint="give --all, or --method and --dataset")
    outcomes = run_plan(
        session,
        methods=method or [],
        datasets=dataset or [],
        split=split,
        force=force,
        previews=previews,
        inference=chosen_inference(whole=whole, tile=tile, windows=windows, tlc=tlc),
        weights=parse_given(weights or []),
        untrained=untrained,
        device=device,
    )
    failed = [outcome for outcome in outcomes if outcome.failures or outcome.status == "failed"]
    boards = show_boards(session, datasets={outcome.dataset.partition("/")[0] for outcome in outcomes})
    cells = [
        {
            "method": outcome.method,
            "dataset": outcome.dataset,
            "status": outcome.status,
            "images": outcome.n_images,
            "failures": outcome.failures,
            "untrained": outcome.untrained,
            "seconds_median": outcome.median_s,
            "folder": outcome.folder,
            "reason": outcome.reason,
        }
        for outcome in outcomes
    ]
    return Answer({"cells": cells, "boards": boards}, exit_code=EXIT_FAILURES if failed else EXIT_DONE)


def run_plan(
    session: Session,
    *,
    methods: list[str],
    datasets: list[str],
    split: str = "test",
    force: bool = False,
    previews: bool = True,
    inference: "Inference | None" = None,
    weights: Mapping[str, str] | None = None,
    untrained: bool = False,
    device: str = "cpu",
) -> "list[Outcome]":
    """Plan, run and ingest; say what was skipped and why, and what became of each cell."""
    from ldpbench.evaluation.deblurring import Keeping
    from ldpbench.evaluation.evaluate import Manner, evaluate
    from ldpbench.evaluation.plan import make_plan
    from ldpbench.evaluation.request import Request

    demand_device(device)
    keep_freed_memory()
    request = Request(
        methods=methods,
        datasets=datasets,
        split=split,
        device=device,
        inference=inference,
        weights=weights or {},
        untrained=untrained,
    )
    plan = make_plan(session.home, request)
    if not plan.cells and any(skip.for_want_of_weights for skip in plan.skips):
        first = next(skip for skip in plan.skips if skip.for_want_of_weights)
        raise MissingPrerequisiteError(f"nothing can be run: {first.method}: {first.reason}")
    for line in _skipped(plan):
        session.reporter.note(line)
    manner = Manner(command=("ldpbench", *sys.argv[1:]), force=force, keeping=Keeping(previews=previews))
    outcomes = evaluate(plan, session.home, manner, session.reporter)
    for outcome in outcomes:
        detail = f", {outcome.failures} failed" if outcome.failures else ""
        reason = f": {outcome.reason}" if outcome.reason else ""
        session.reporter.note(
            f"{outcome.method} on {outcome.dataset}: {outcome.status} ({outcome.n_run} of {outcome.n_images} images run"
            f"{detail}){reason}{_time(outcome)}"
        )
    ingest_and_tell(session)
    return outcomes


def _skipped(plan: "Plan") -> list[str]:
    """What is left out, one line for each reason: of a dataset, of a method, or of both together."""
    methods = {skip.method for skip in plan.skips} | {cell.method.id for cell in plan.cells}
    by_dataset: dict[tuple[str, str], set[str]] = defaultdict(set)
    for skip in plan.skips:
        by_dataset[skip.dataset, skip.reason].add(skip.method)
    whole = {key for key, skipped in by_dataset.items() if skipped == methods and len(methods) > 1}
    lines = [f"skipped {dataset}: {reason}" for dataset, reason in whole]
    by_method: dict[tuple[str, str], list[str]] = defaultdict(list)
    for skip in plan.skips:
        if (skip.dataset, skip.reason) not in whole:
            by_method[skip.method, skip.reason].append(skip.dataset)
    return sorted(lines) + [
        f"skipped {method} on {', '.join(datasets)}: {reason}" for (method, reason), datasets in by_method.items()
    ]


def _time(outcome: "Outcome") -> str:
    """What an untrained method was run for."""
    if outcome.median_s is None or not outcome.untrained:
        return ""
    return f"; untrained: {outcome.median_s:.3g} s per image in the median, no scores"
