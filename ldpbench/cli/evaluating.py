"""What ``evaluate`` and ``demo`` do and say."""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ldpbench.cli.ingest import ingest_and_tell
from ldpbench.cli.options import demand_device
from ldpbench.cli.session import Answer, Session
from ldpbench.core.allocator import keep_freed_memory
from ldpbench.core.errors import MissingPrerequisiteError
from ldpbench.evaluation.workers import Launch

if TYPE_CHECKING:
    from ldpbench.evaluation.evaluate import Manner, Outcome
    from ldpbench.evaluation.outputs_only import Outputs
    from ldpbench.evaluation.plan import Plan
    from ldpbench.evaluation.request import Request


def run_plan(
    session: Session,
    request: "Request",
    manner: "Manner",
    runs: str | None = None,
    launch: Launch = Launch(),  # noqa: B008 - frozen
    outputs: "Outputs | None" = None,
) -> "list[Outcome]":
    """Plan, run and ingest; say what was skipped and why, and what became of each cell.

    Of processes that were launched together the first one takes the rows in when all are done; tasks of a job array
    take in nothing, because none of them knows whether it is the last.

    Args:
        session: The command's.
        request: What to run.
        manner: How to run it.
        runs: Where the run folders go; None for the home.
        launch: The processes that were started together.
        outputs: Pictures that another program made, to be scored in place of running methods.

    Raises:
        MissingPrerequisiteError: If nothing can be run for want of weights, or the device is not there.
    """
    from ldpbench.evaluation.evaluate import evaluate
    from ldpbench.results.run_store import RunStore

    if request.inference is None or request.inference.tiles is None:
        keep_freed_memory()  # faster; but who asks for tiles is short of memory
    plan = _plan(session, request, outputs)
    outcomes = evaluate(plan, RunStore(runs or session.home.runs), manner, session.reporter)
    for outcome in outcomes:
        detail = f", {outcome.failures} failed" if outcome.failures else ""
        reason = f": {outcome.reason}" if outcome.reason else ""
        session.reporter.note(
            f"{outcome.method} on {outcome.dataset}: {outcome.status} ({outcome.n_run} of {outcome.n_images} images run"
            f"{detail}){reason}{_time(outcome)}"
        )
    launch.wait()
    if not launch.is_first:
        return outcomes
    if manner.worker.count == launch.size:
        ingest_and_tell(session, runs)
    else:
        session.reporter.note("other tasks may be at work: run `ldpbench ingest` when all are done")
    return outcomes


def _plan(session: Session, request: "Request", outputs: "Outputs | None" = None) -> "Plan":
    from ldpbench.evaluation.plan import make_plan
    from ldpbench.evaluation.plan_outputs import plan_outputs

    if outputs is not None:
        return plan_outputs(session.home, request, outputs, session.reporter)
    demand_device(request.device)
    plan = make_plan(session.home, request)
    if not plan.cells and any(skip.for_want_of_weights for skip in plan.skips):
        first = next(skip for skip in plan.skips if skip.for_want_of_weights)
        raise MissingPrerequisiteError(f"nothing can be run: {first.method}: {first.reason}")
    for line in _skipped(plan):
        session.reporter.note(line)
    return plan


def dry_run(session: Session, request: "Request", manner: "Manner", runs: str | None = None) -> Answer:
    """Say what would be run, how much of it is done, and how long the rest may take; run nothing."""
    from ldpbench.evaluation.evaluate import prospects
    from ldpbench.results.run_store import RunStore

    plan = _plan(session, request)
    found = prospects(plan, RunStore(runs or session.home.runs), manner)
    session.reporter.table(
        ("method", "dataset", "protocols", "inference", "images", "to run", "about"),
        (
            (
                prospect.cell.method.id,
                f"{prospect.cell.dataset.id}/{prospect.cell.dataset.split}",
                ", ".join(protocol.id.partition("/")[2] for protocol in prospect.cell.protocols) or "none",
                prospect.cell.inference.description,
                str(prospect.cell.dataset.n_images),
                str(prospect.to_run),
                "?" if prospect.seconds is None else f"{prospect.seconds:.0f} s",
            )
            for prospect in found
        ),
        numbers=3,
    )
    return Answer(
        {
            "cells": [
                {
                    "method": prospect.cell.method.id,
                    "dataset": f"{prospect.cell.dataset.id}/{prospect.cell.dataset.split}",
                    "protocols": [protocol.id for protocol in prospect.cell.protocols],
                    "inference": prospect.cell.inference.description,
                    "images": prospect.cell.dataset.n_images,
                    "to_run": prospect.to_run,
                    "seconds": prospect.seconds,
                }
                for prospect in found
            ],
            "skipped": [{"method": skip.method, "dataset": skip.dataset, "reason": skip.reason} for skip in plan.skips],
        }
    )


def documents(outcomes: "Sequence[Outcome]") -> list[dict[str, Any]]:
    """What became of each cell, for ``--json``."""
    return [
        {
            "method": outcome.method,
            "dataset": outcome.dataset,
            "status": outcome.status,
            "images": outcome.n_images,
            "images_run": outcome.n_run,
            "failures": outcome.failures,
            "untrained": outcome.untrained,
            "seconds_median": outcome.median_s,
            "folder": outcome.folder,
            "reason": outcome.reason,
        }
        for outcome in outcomes
    ]


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
