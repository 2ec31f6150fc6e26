"""``evaluate``: methods x datasets."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ldpbench.cli.evaluating import documents, dry_run, run_plan
from ldpbench.cli.options import (
    DatasetsOption,
    DeviceOption,
    ForceOption,
    MemoryOption,
    MethodsOption,
    OverlapOption,
    OwnStatisticsOption,
    PartialOption,
    RunsOption,
    TileOption,
    TlcOption,
    WeightsOption,
    WholeOption,
    WindowsOption,
    chosen_inference,
)
from ldpbench.cli.results_boards import show_boards
from ldpbench.cli.session import Answer, Session, command
from ldpbench.core.errors import EXIT_DONE, EXIT_FAILURES, UsageError

if TYPE_CHECKING:
    from ldpbench.evaluation.outputs_only import Outputs


class TaskName(StrEnum):
    """What can be evaluated."""

    DEBLUR = "deblur"
    BLURMAP = "blurmap"
    DISPARITY = "disparity"


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "evaluate", schema="evaluate", example="ldpbench evaluate --all")(_evaluate)


def _evaluate(
    session: Session,
    every: Annotated[
        bool, typer.Option("--all", help="Every installed method on every prepared dataset, for every task.")
    ] = False,
    method: MethodsOption = None,
    dataset: DatasetsOption = None,
    split: Annotated[str, typer.Option("--split", help="The split to run on.")] = "test",
    task: Annotated[
        list[TaskName] | None,
        typer.Option(
            "--task", help="Left out: what the named methods do, else deblurring. May be given several times."
        ),
    ] = None,
    protocol: Annotated[
        list[str] | None,
        typer.Option(
            "--protocol",
            help="A protocol's id, or `all`; left out: those that read the pictures as the set's first one does.",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, help="Only the first so many scenes; they have a board of their own."),
    ] = None,
    force: ForceOption = False,
    plan_only: Annotated[bool, typer.Option("--dry-run", help="Say what would be run, and run nothing.")] = False,
    previews: Annotated[bool, typer.Option("--previews/--no-previews", help="Keep a picture of every output.")] = True,
    save_predictions: Annotated[
        Literal["png16", "float16"] | None,
        typer.Option("--save-predictions", help="Keep every output in full depth, for `results rescore`."),
    ] = None,
    tile: TileOption = None,
    overlap: OverlapOption = 32,
    memory: MemoryOption = None,
    own_statistics: OwnStatisticsOption = False,
    tlc: TlcOption = None,
    windows: WindowsOption = None,
    whole: WholeOption = False,
    ensemble: Annotated[
        Literal["none", "x4"],
        typer.Option("--ensemble", help="x4: the mean over the flips that a dual-pixel camera could have seen."),
    ] = "none",
    dtype: Annotated[
        Literal["float32", "bfloat16", "float16"], typer.Option("--dtype", help="Of networks' products.")
    ] = "float32",
    certify: Annotated[
        int,
        typer.Option("--certify", min=0, help="Measure on so many scenes of a run what tiles or short floats cost."),
    ] = 1,
    weights: WeightsOption = None,
    untrained: Annotated[
        bool,
        typer.Option("--untrained", help="Run networks without weights too, for their time alone: they get no scores."),
    ] = False,
    device: DeviceOption = "cpu",
    array: Annotated[
        str | None,
        typer.Option("--array", help="I/N: this is task I of N that share the images of every cell, counted from 1."),
    ] = None,
    runs: RunsOption = None,
    predictions: Annotated[
        Path | None,
        typer.Option("--predictions", help="Score the pictures in this folder, made by any other program."),
    ] = None,
    method_name: Annotated[
        str | None, typer.Option("--method-name", help="With --predictions: what to call their maker.")
    ] = None,
    method_title: Annotated[str | None, typer.Option("--method-title", help="The same for people.")] = None,
    inputs: Annotated[
        str, typer.Option("--inputs", help="With --predictions: the views it was given, with commas.")
    ] = "left,right",
    allow_partial: PartialOption = False,
) -> Answer:
    """Run methods on prepared datasets and score them. Stopped at any moment, it continues where it was."""
    from ldpbench.evaluation.deblurring import Keeping
    from ldpbench.evaluation.evaluate import Manner
    from ldpbench.evaluation.request import Request
    from ldpbench.evaluation.workers import local_device, this_launch, this_worker
    from ldpbench.methods.weights import parse_given

    if not (every or method or dataset or task or predictions):
        raise UsageError("nothing was chosen to evaluate", hint="give --all, or --method and --dataset")
    launch = this_launch()
    if not launch.is_first:
        session.reporter.mute()
    request = Request(
        methods=method or [],
        datasets=dataset or [],
        tasks=[chosen.value for chosen in task or (TaskName if every and not method else ())],
        split=split,
        protocols=protocol or [],
        device=local_device(device),
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
        limit=limit,
        weights=parse_given(weights or []),
        untrained=untrained,
    )
    manner = Manner(
        command=("ldpbench", *sys.argv[1:]),
        force=force,
        keeping=Keeping(previews=previews, predictions=save_predictions),
        certify=certify,
        worker=this_worker(array, launch),
    )
    if plan_only:
        return dry_run(session, request, manner, runs)
    outputs = _outputs(predictions, method_name, method_title, inputs, allow_partial=allow_partial)
    if outputs is not None and (every or method):
        raise UsageError("--predictions scores one folder", hint="leave out --all and --method")
    outcomes = run_plan(session, request, manner, runs, launch, outputs)
    failed = [outcome for outcome in outcomes if outcome.failures or outcome.status == "failed"]
    speaks_for_all = launch.is_first and array is None
    datasets = {outcome.dataset.partition("/")[0] for outcome in outcomes}
    boards = show_boards(session, datasets=datasets) if speaks_for_all else []
    return Answer({"cells": documents(outcomes), "boards": boards}, exit_code=EXIT_FAILURES if failed else EXIT_DONE)


def _outputs(
    folder: Path | None, name: str | None, title: str | None, inputs: str, *, allow_partial: bool
) -> "Outputs | None":
    """What ``--predictions`` and its companions ask for.

    Raises:
        UsageError: If one comes without the other, or a view does not exist.
    """
    from ldpbench.evaluation.outputs_only import Outputs
    from ldpbench.records.baseline import INPUT_VIEWS

    if folder is None and name is None:
        return None
    if folder is None or name is None:
        raise UsageError("--predictions and --method-name come together", hint="give both")
    views = tuple(view.strip() for view in inputs.split(","))
    known = [view for view in INPUT_VIEWS if view in views]
    if len(known) != len(views):
        raise UsageError(f"--inputs {inputs!r}: expected some of {', '.join(INPUT_VIEWS)}")
    return Outputs(folder=folder, name=name, title=title, inputs=tuple(known), allow_partial=allow_partial)
