"""``evaluate``: methods x datasets."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ldpbench.cli.options import (
    DatasetsOption,
    DeviceOption,
    ForceOption,
    MethodsOption,
    TileOption,
    TlcOption,
    demand_device,
)
from ldpbench.cli.results import ingest_and_tell, show_boards
from ldpbench.cli.session import Answer, Session, command
from ldpbench.core.allocator import keep_freed_memory
from ldpbench.core.errors import EXIT_DONE, EXIT_FAILURES, UsageError

if TYPE_CHECKING:
    from ldpbench.evaluation.evaluate import Outcome


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
    device: DeviceOption = "cpu",
) -> Answer:
    """Run methods on prepared datasets and score them. Stopped at any moment, it continues where it was."""
    if not every and not method and not dataset:
        raise UsageError("nothing was chosen to evaluate", hint="give --all, or --method and --dataset")
    outcomes = run_plan(
        session,
        methods=method or [],
        datasets=dataset or [],
        split=split,
        force=force,
        previews=previews,
        tile=tile,
        tlc=tlc,
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
    tile: int | None = None,
    tlc: int | None = None,
    device: str = "cpu",
) -> "list[Outcome]":
    """Plan, run and ingest; say what was skipped and why, and what became of each cell."""
    from ldpbench.evaluation.evaluate import evaluate
    from ldpbench.evaluation.plan import make_plan
    from ldpbench.methods.inference import Inference
    from ldpbench.methods.tiling import Tiling

    demand_device(device)
    keep_freed_memory()
    inference = Inference(None if tile is None else Tiling(tile), tlc)
    plan = make_plan(session.home, methods=methods, datasets=datasets, split=split, device=device, inference=inference)
    for skip in plan.skips:
        session.reporter.note(f"skipped {skip.method} on {skip.dataset}: {skip.reason}")
    outcomes = evaluate(
        plan,
        session.home,
        command=["ldpbench", *sys.argv[1:]],
        force=force,
        previews=previews,
        progress=session.reporter,
    )
    for outcome in outcomes:
        detail = f", {outcome.failures} failed" if outcome.failures else ""
        reason = f": {outcome.reason}" if outcome.reason else ""
        session.reporter.note(
            f"{outcome.method} on {outcome.dataset}: {outcome.status} ({outcome.n_run} of {outcome.n_images} images run"
            f"{detail}){reason}"
        )
    ingest_and_tell(session)
    return outcomes
