"""Measuring what a plan says, and keeping each measurement as a file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ldpbench.core.atomic import write_text
from ldpbench.core.errors import LdpbenchError, MissingPrerequisiteError, StorageError
from ldpbench.core.home import Home
from ldpbench.core.locks import waiting_lock
from ldpbench.core.progress import SILENT, Progress
from ldpbench.evaluation.cost.measure import Job
from ldpbench.evaluation.cost.plan import Plan
from ldpbench.evaluation.cost.process import measure_apart
from ldpbench.evaluation.cost.steady import Tell, planned_calls
from ldpbench.records.cost import CostRecord
from ldpbench.results.costs import read_cost

Status = Literal["measured", "there already", "skipped", "failed"]
Measure = Callable[[Job, Tell], CostRecord]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one method at one size."""

    method: str
    size: str
    status: Status
    record: CostRecord | None = None
    file: Path | None = None
    reason: str = ""


def measure_all(
    plan: Plan, home: Home, *, force: bool = False, progress: Progress = SILENT, measure: Measure = measure_apart
) -> list[Outcome]:
    """Measure one after the other, alone on the machine as far as this home knows. A failure stops no other.

    Args:
        plan: What to measure.
        home: Where the files go.
        force: Measure again what has been measured.
        progress: Where to report.
        measure: How one is measured.

    Raises:
        StorageError: If the disk is full or not ours: nothing more could be kept.
    """
    calls = [planned_calls(job.repeats) for job in plan.jobs]
    outcomes: list[Outcome] = []
    with (
        waiting_lock(home.locks / "cost.lock", what="measuring costs", progress=progress),
        progress.live(label="cost", total=sum(calls)) as tell,
    ):
        for index, job in enumerate(plan.jobs):
            done = sum(calls[:index])
            outcome = _measured(job, home.costs, force=force, measure=measure, tell=_telling(tell, job, done))
            if outcome.reason:
                progress.warn(f"{outcome.method} at {outcome.size}: {outcome.reason}")
            tell(done + calls[index], f"{outcome.method} at {outcome.size}: {outcome.status}")
            outcomes.append(outcome)
    return outcomes


def _telling(tell: Tell, job: Job, before: int) -> Tell:
    name = f"{job.cell.method.id} at {job.cell.size}"
    most = planned_calls(job.repeats)
    return lambda done, figures: tell(before + min(done, most), f"{name}: {figures}")


def _measured(job: Job, folder: Path, *, force: bool, measure: Measure, tell: Tell) -> Outcome:
    method, size = job.cell.method.id, job.cell.size
    file = folder / f"{job.cell.stem}.json"
    try:
        if file.exists() and not force:
            return Outcome(method=method, size=size, status="there already", record=read_cost(file), file=file)
        record = measure(job, tell)
        write_text(file, record.model_dump_json(by_alias=True, indent=2) + "\n")
    except StorageError:
        raise
    except MissingPrerequisiteError as error:
        return Outcome(method=method, size=size, status="skipped", reason=error.message)
    except LdpbenchError as error:
        return Outcome(method=method, size=size, status="failed", reason=error.message)
    return Outcome(method=method, size=size, status="measured", record=record, file=file)
