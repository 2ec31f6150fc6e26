"""Running the cells of a plan."""

import functools
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from ldpbench.core.errors import LdpbenchError, MissingPrerequisiteError, StorageError
from ldpbench.core.progress import SILENT, Progress
from ldpbench.evaluation.cell import Cell
from ldpbench.evaluation.deblurring import Keeping, Made
from ldpbench.evaluation.doing import Doing, load_doing
from ldpbench.evaluation.plan import Plan
from ldpbench.evaluation.run_locks import cell_lock
from ldpbench.evaluation.run_writer import RunWriter, find_run, new_run_id, refuse_force_by_many, utc_now
from ldpbench.evaluation.workers import ALONE, Worker
from ldpbench.records import Environment, Failure, ImageRow, RunRecord
from ldpbench.records.here import describe_environment
from ldpbench.results.run_folder import read_record, read_run
from ldpbench.results.run_store import Place, RunStore

Status = Literal["complete", "partial", "running", "failed", "skipped", "done-before"]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one cell."""

    method: str
    dataset: str
    status: Status
    """``running``: this worker has done its share, and others have not yet."""
    folder: Place | None
    n_images: int
    n_run: int
    """Images that were run now; the others had been done before, or are other workers'."""
    failures: int
    reason: str = ""
    untrained: bool = False
    median_s: float | None = None
    """Time of the method alone per image, in the median."""


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How cells are run and what is kept. Nothing of it can move a number."""

    command: tuple[str, ...] = ()
    """The command line, for the record."""
    force: bool = False
    """Start every cell anew."""
    keeping: Keeping = field(default_factory=Keeping)
    certify: int = 1
    """So many images of a run tell what tiles or short floats cost."""
    worker: Worker = ALONE


def evaluate(plan: Plan, store: RunStore, manner: Manner, progress: Progress = SILENT) -> list[Outcome]:
    """Run every cell. A failing image or method never stops the others.

    A cell that is complete is not run again unless it is forced; one that was stopped continues where it was.

    Args:
        plan: What to run.
        store: Where the run folders go.
        manner: How to run it.
        progress: Where to report.

    Raises:
        UsageError: If several workers are to start anew.
        StorageError: If the disk is full or not ours: nothing more could be recorded.
    """
    refuse_force_by_many(manner.worker, force=manner.force)
    engine = _Engine(store, describe_environment(), manner, progress)
    return [engine.run(cell) for cell in plan.cells]


@dataclass(frozen=True)
class Prospect:
    """What a cell would take."""

    cell: Cell
    to_run: int
    """Images without a score."""
    seconds: float | None
    """By the median of the images that were run before; None where none was."""


def prospects(plan: Plan, store: RunStore, manner: Manner) -> list[Prospect]:
    """What every cell would take, without running anything."""
    engine = _Engine(store, describe_environment(), manner, SILENT)
    return [engine.prospect(cell) for cell in plan.cells]


def _outcome(
    cell: Cell, status: Status, folder: Place | None, *, n_run: int = 0, failures: int = 0, reason: str = ""
) -> Outcome:
    return Outcome(
        method=cell.method.id,
        dataset=f"{cell.dataset.id}/{cell.dataset.split}",
        status=status,
        folder=folder,
        n_images=cell.dataset.n_images,
        n_run=n_run,
        failures=failures,
        reason=reason,
        untrained=cell.method.untrained,
        median_s=None if folder is None else _median_s(folder),
    )


def _median_s(folder: Place) -> float | None:
    times = [row.seconds for row in read_run(folder).rows if row.seconds is not None]
    return statistics.median(times) if times else None


@dataclass(frozen=True)
class _Engine:
    """What all cells of one call share."""

    store: RunStore
    environment: Environment
    manner: Manner
    progress: Progress

    def run(self, cell: Cell) -> Outcome:
        """Run one cell, or say why it could not be run."""
        try:
            with cell_lock(self.store, cell.key, self.manner.worker):
                return self._run_locked(cell)
        except StorageError:
            raise
        except MissingPrerequisiteError as error:
            self.progress.warn(f"{cell.name}: {error.message}")
            return _outcome(cell, "skipped", None, reason=error.message)
        except LdpbenchError as error:
            self.progress.warn(f"{cell.name}: {error.message}")
            return _outcome(cell, "failed", None, failures=cell.dataset.n_images, reason=error.message)

    def prospect(self, cell: Cell) -> Prospect:
        """What a cell would take."""
        found = self._earlier(cell)
        if found is None:
            return Prospect(cell, cell.dataset.n_images, None)
        place = self.store.place(found)
        to_run = cell.dataset.n_images - sum(row.failure is None for row in read_run(place).rows)
        usual = _median_s(place)
        return Prospect(cell, to_run, None if usual is None else usual * to_run)

    def _run_locked(self, cell: Cell) -> Outcome:
        found = self._earlier(cell)
        if found is not None and read_record(self.store.place(found)).status == "complete":
            return _outcome(cell, "done-before", self.store.place(found))
        do = load_doing(cell, self.manner.keeping, self.progress)
        fresh = functools.partial(self._new_record, cell)
        with RunWriter.join(self.store, cell.key, self.manner.worker, lambda: self._earlier(cell), fresh) as writer:
            if writer.done:
                self.progress.note(f"continuing {writer.record.run_id}")
            return self._run_images(cell, writer, do)

    def _earlier(self, cell: Cell) -> str | None:
        """Id of the run to go on with; a run without kept pictures is none where they are asked for."""
        found = None if self.manner.force else find_run(self.store, cell.key)
        wanted = self.manner.keeping.predictions
        if found is None or wanted in (None, read_record(self.store.place(found)).predictions):
            return found
        return None

    def _new_record(self, cell: Cell) -> RunRecord:
        started = utc_now()
        run_id = new_run_id(
            self.store, cell=cell.key, method=cell.method.id, dataset=cell.dataset.id, started_at=started
        )
        return RunRecord(
            run_id=run_id,
            cell=cell.key,
            status="running",
            started_at=started,
            command=self.manner.command,
            method=cell.method,
            dataset=cell.dataset,
            protocols=cell.protocols,
            config=cell.config,
            environment=self.environment,
            predictions=self.manner.keeping.predictions,
        )

    def _run_images(self, cell: Cell, writer: RunWriter, do: Doing) -> Outcome:
        started = time.perf_counter()
        samples = cell.prepared.split(cell.dataset.split)
        places = {name: place for place, name in enumerate(samples.ids)}
        ids = [name for name in samples.ids if cell.scenes is None or name in cell.scenes][: cell.dataset.n_images]
        certified = set(ids[: self.manner.certify])
        todo = [name for name in self.manner.worker.mine(ids) if name not in writer.done]
        failures = 0
        for name in self.progress.track(todo, label=cell.name, total=len(todo)):
            made = _guarded(lambda: do(samples[places[name]], name in certified), name, cell)  # noqa: B023 - called at once
            for file, data in made.files.items():
                writer.put(file, data)
            writer.append(made.row)
            if made.row.failure is not None:
                failures += 1
                self.progress.warn(f"{cell.name}, {name}: {made.row.failure.message}")
        record = writer.finish(seconds=time.perf_counter() - started)
        assert record.status != "failed", "no run ends so"
        return _outcome(cell, record.status, self.store.place(record.run_id), n_run=len(todo), failures=failures)


def _guarded(do: Callable[[], Made], name: str, cell: Cell) -> Made:
    """One scene: a row with scores, or a row that says why there are none."""
    try:
        return do()
    except StorageError:
        raise
    except LdpbenchError as error:
        card = cell.prepared.card
        failure = Failure(kind=error.kind, message=error.message)
        return Made(ImageRow(sample_id=name, height_px=card.height_px, width_px=card.width_px, failure=failure))
