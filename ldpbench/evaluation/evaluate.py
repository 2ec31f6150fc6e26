"""Running the cells of a plan."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ldpbench.core.errors import LdpbenchError, MethodError, MissingPrerequisiteError, StorageError
from ldpbench.core.home import Home
from ldpbench.core.progress import SILENT, Progress
from ldpbench.data import png16
from ldpbench.data.pictures import display_picture
from ldpbench.data.prepared import Samples
from ldpbench.data.sample import Sample
from ldpbench.evaluation.plan import Cell, Plan
from ldpbench.evaluation.run_writer import RunWriter, cell_lock, find_run, utc_now
from ldpbench.evaluation.scoring import prepare_targets, score_picture
from ldpbench.methods.loading import load_method
from ldpbench.methods.protocol import Deblurrer
from ldpbench.methods.runtime import restore_sample
from ldpbench.records import Environment, Failure, ImageRow, RunRecord
from ldpbench.records.here import describe_environment
from ldpbench.results.run_folder import read_run

Status = Literal["complete", "partial", "failed", "skipped", "done-before"]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one cell."""

    method: str
    dataset: str
    status: Status
    folder: Path | None
    n_images: int
    n_run: int
    """Images that were run now; the others had been done before."""
    failures: int
    reason: str = ""
    untrained: bool = False
    median_s: float | None = None
    """Time of the method alone per image, in the median."""


def evaluate(
    plan: Plan,
    home: Home,
    *,
    command: Sequence[str],
    force: bool = False,
    previews: bool = True,
    progress: Progress = SILENT,
) -> list[Outcome]:
    """Run every cell. A failing image or method never stops the others.

    A cell that is complete is not run again unless ``force``; one that was stopped continues where it was.

    Args:
        plan: What to run.
        home: Where the run folders go.
        command: The command line, for the record.
        force: Start every cell anew.
        previews: Keep a display picture of every output, for the pages.
        progress: Where to report.

    Raises:
        StorageError: If the disk is full or not ours: nothing more could be recorded.
    """
    engine = _Engine(
        runs=home.runs,
        environment=describe_environment(),
        command=tuple(command),
        force=force,
        previews=previews,
        progress=progress,
    )
    return [engine.run(cell) for cell in plan.cells]


def _outcome(
    cell: Cell,
    status: Status,
    folder: Path | None,
    *,
    n_run: int,
    failures: int = 0,
    reason: str = "",
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


def _median_s(folder: Path) -> float | None:
    times = [row.seconds for row in read_run(folder).rows if row.seconds is not None]
    return statistics.median(times) if times else None


@dataclass(frozen=True, kw_only=True)
class _Engine:
    """What all cells of one call share."""

    runs: Path
    environment: Environment
    command: tuple[str, ...]
    force: bool
    previews: bool
    progress: Progress

    def run(self, cell: Cell) -> Outcome:
        """Run one cell, or say why it could not be run."""
        try:
            with cell_lock(self.runs, cell.key):
                return self._run_locked(cell)
        except StorageError:
            raise
        except MissingPrerequisiteError as error:
            self.progress.warn(f"{cell.name}: {error.message}")
            return _outcome(cell, "skipped", None, n_run=0, reason=error.message)
        except LdpbenchError as error:
            self.progress.warn(f"{cell.name}: {error.message}")
            return _outcome(cell, "failed", None, n_run=0, failures=cell.dataset.n_images, reason=error.message)

    def _run_locked(self, cell: Cell) -> Outcome:
        found = None if self.force else find_run(self.runs, cell.key)
        if found is not None and read_run(found).record.status == "complete":
            return _outcome(cell, "done-before", found, n_run=0)
        loaded = load_method(
            cell.source,
            device=cell.device,
            inference=cell.inference,
            weights=cell.weights,
            untrained=cell.method.untrained,
        )
        for note in loaded.notes:
            self.progress.note(f"{cell.name}: {note}")
        deblurrer = loaded.deblurrer
        if found is None:
            return self._run_images(cell, RunWriter.create(self.runs, self._new_record(cell)), deblurrer)
        self.progress.note(f"continuing {found.name}")
        return self._run_images(cell, RunWriter.resume(found), deblurrer)

    def _new_record(self, cell: Cell) -> RunRecord:
        started = utc_now()
        stamp = started[:19].replace("-", "").replace(":", "")
        base = f"{stamp}-{cell.method.id}-{cell.dataset.id}-{cell.key[:12]}"
        taken = sum(1 for _ in self.runs.glob(f"{base}*"))
        return RunRecord(
            run_id=f"{base}-{taken + 1}" if taken else base,
            cell=cell.key,
            status="running",
            started_at=started,
            command=self.command,
            method=cell.method,
            dataset=cell.dataset,
            protocols=cell.protocols,
            config=cell.config,
            environment=self.environment,
        )

    def _run_images(self, cell: Cell, writer: RunWriter, deblurrer: Deblurrer) -> Outcome:
        started = time.perf_counter()
        samples = cell.prepared.split(cell.dataset.split)
        todo = [index for index, name in enumerate(samples.ids) if name not in writer.done]
        failures = 0
        keeps_pictures = self.previews and not cell.method.untrained
        for index in self.progress.track(todo, label=cell.name, total=len(todo)):
            row = _run_image(samples, index, cell, writer if keeps_pictures else None, deblurrer)
            writer.append(row)
            if row.failure is not None:
                failures += 1
                self.progress.warn(f"{cell.name}, {row.sample_id}: {row.failure.message}")
        record = writer.finish(failures=failures, seconds=time.perf_counter() - started)
        status: Status = "partial" if record.failures else "complete"
        return _outcome(cell, status, writer.folder, n_run=len(todo), failures=failures)


def _run_image(samples: Samples, index: int, cell: Cell, pictures: RunWriter | None, deblurrer: Deblurrer) -> ImageRow:
    """One image: a row with scores, or a row that says why there are none."""
    sample_id = samples.ids[index]
    card = cell.prepared.card
    try:
        sample = samples[index]
        return _score_image(sample, cell, pictures, deblurrer)
    except StorageError:
        raise
    except LdpbenchError as error:
        failure = Failure(kind=error.kind, message=error.message)
        return ImageRow(sample_id=sample_id, height_px=card.height_px, width_px=card.width_px, failure=failure)


def _score_image(sample: Sample, cell: Cell, pictures: RunWriter | None, deblurrer: Deblurrer) -> ImageRow:
    targets = prepare_targets(sample, cell.protocols)
    restored = restore_sample(deblurrer, sample)
    scores = score_picture(restored.image, sample, targets, cell.protocols)
    if scores and all(score.status == "failed" for score in scores):
        raise MethodError(f"{cell.method.id} returned values that are not finite")
    if pictures is not None:
        png16.write(pictures.preview_path(sample.id), display_picture(restored.image, sample))
    height, width = sample.left.shape[:2]
    return ImageRow(
        sample_id=sample.id,
        seconds=round(restored.seconds, 6),
        height_px=height,
        width_px=width,
        clipped_fraction=round(restored.clipped_fraction, 9),
        scores=scores,
    )
