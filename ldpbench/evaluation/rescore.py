"""Kept pictures under other metrics, without running the method again."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ldpbench.core.errors import IntegrityError, LdpbenchError, MissingPrerequisiteError, StorageError, UsageError
from ldpbench.core.hashing import sha256_document
from ldpbench.core.home import Home
from ldpbench.core.progress import SILENT, Progress
from ldpbench.data.prepared import PreparedDataset, Samples, open_prepared
from ldpbench.data.sample import Sample
from ldpbench.evaluation.deblurring import Keeping, score_image
from ldpbench.evaluation.predictions import FOLDER, decode, suffix_of
from ldpbench.evaluation.reading import read_as
from ldpbench.evaluation.run_locks import cell_lock
from ldpbench.evaluation.run_writer import RunWriter, find_run, new_run_id, utc_now
from ldpbench.evaluation.scoring import prepare_targets
from ldpbench.evaluation.workers import ALONE
from ldpbench.metrics.catalogue import get_metric
from ldpbench.metrics.engine import score
from ldpbench.records import Environment, Failure, ImageRow, Protocol, RunRecord
from ldpbench.records.here import describe_environment
from ldpbench.results.run_folder import StoredFolder, read_run
from ldpbench.results.run_store import RunStore

_PROBE_PX = 256
"""Side of a picture on which every metric has a value."""


@dataclass(frozen=True, kw_only=True)
class Rescored:
    """What became of one run."""

    run_id: str
    """The new run."""
    from_run: str
    n_images: int
    n_failed: int
    largest_changes: dict[str, float]
    """By metric that had been measured before: how far its value of any image moved, because the kept pictures are
    rounded."""


def rescore(
    run_ids: Sequence[str],
    metrics: Sequence[str],
    home: Home,
    store: RunStore,
    *,
    protocols: Sequence[str] = (),
    command: Sequence[str] = (),
    progress: Progress = SILENT,
) -> list[Rescored]:
    """Score the kept pictures of some runs under more metrics.

    Every run becomes a new one, whose protocols have the old and the new metrics; the old run stays as it is. Stopped
    at any moment, the same call continues.

    Args:
        run_ids: Runs whose pictures were kept.
        metrics: Ids of metrics of pictures.
        home: Where the prepared datasets are.
        store: Where the run folders are.
        protocols: Ids of protocols, with or without their dataset; empty for all of a run.
        command: The command line, for the record.
        progress: Where to report.

    Raises:
        UsageError: If a metric or protocol is unknown, or nothing would be new.
        MissingPrerequisiteError: If pictures were not kept, a dataset is not prepared, or a metric needs something.
        IntegrityError: If a run folder is damaged, or the prepared dataset has another content.
    """
    _demand_metrics(metrics)
    jobs = [_job(run_id, metrics, protocols, home, store) for run_id in run_ids]
    environment = describe_environment()
    return [_run(job, store, environment, tuple(command), progress) for job in jobs]


def _demand_metrics(metrics: Sequence[str]) -> None:
    """Every metric is computed once on a made-up pair: what it needs is missed now and not after the first scene."""
    for metric in metrics:
        if get_metric(metric).spec.task != "deblur":
            raise UsageError(f"{metric} is not a metric of pictures", hint="`ldpbench metrics list` says what is")
    pair = np.random.default_rng(0).random((2, _PROBE_PX, _PROBE_PX, 3), dtype=np.float32)
    score(pair[0], pair[1], list(metrics))


@dataclass(frozen=True, kw_only=True)
class _Job:
    """One run to be scored again."""

    stored: StoredFolder
    prepared: PreparedDataset
    protocols: tuple[Protocol, ...]

    @property
    def cell(self) -> str:
        """Key of the new run."""
        hashes = sorted(protocol.hash for protocol in self.protocols)
        return sha256_document({"rescored": self.stored.record.run_id, "protocols": hashes})


def _job(run_id: str, metrics: Sequence[str], asked: Sequence[str], home: Home, store: RunStore) -> _Job:
    stored = read_run(store.folder(run_id))
    record = stored.record
    if record.predictions is None:
        raise MissingPrerequisiteError(
            f"the pictures of {run_id} were not kept",
            hint=f"`ldpbench evaluate --method {record.method.id} --dataset {record.dataset.id} "
            "--save-predictions png16` keeps them",
        )
    prepared = open_prepared(home, record.dataset.id)
    here = prepared.info.splits.get(record.dataset.split)
    if here is None or here.fingerprint != record.dataset.fingerprint:
        raise IntegrityError(
            f"{run_id} is of another content of {record.dataset.id}/{record.dataset.split} than what is prepared: "
            f"{record.dataset.fingerprint[:16]}... there, {here.fingerprint[:16] if here else 'nothing'}... here",
            hint=f"run `ldpbench prepare {record.dataset.id} --force`",
        )
    refs = {get_metric(metric).spec.ref for metric in metrics}
    chosen = [
        protocol
        for protocol in record.protocols
        if not asked or {protocol.id, protocol.id.partition("/")[2]} & set(asked)
    ]
    if not chosen:
        known = ", ".join(protocol.id for protocol in record.protocols)
        raise UsageError(f"{run_id} was not scored under {', '.join(asked)}", hint=f"its protocols are {known}")
    extended = tuple(
        protocol.model_copy(update={"metrics": tuple(sorted(refs.union(protocol.metrics)))}) for protocol in chosen
    )
    if all(new.metrics == old.metrics for new, old in zip(extended, chosen, strict=True)):
        raise UsageError(f"{run_id} has {', '.join(metrics)} already", hint="name other metrics")
    return _Job(stored=stored, prepared=prepared, protocols=extended)


def _run(
    job: _Job, store: RunStore, environment: Environment, command: tuple[str, ...], progress: Progress
) -> Rescored:
    started = time.perf_counter()
    label = f"rescoring {job.stored.record.run_id}"
    samples = job.prepared.split(job.stored.record.dataset.split)
    places = {name: place for place, name in enumerate(samples.ids)}
    with (
        cell_lock(store, job.cell),
        RunWriter.join(
            store,
            job.cell,
            ALONE,
            found=lambda: find_run(store, job.cell),
            fresh=lambda: _record(job, store, environment, command),
        ) as writer,
    ):
        todo = [row for row in job.stored.rows if row.sample_id not in writer.done]
        for row in progress.track(todo, label=label, total=len(todo)):
            made = _row(row, job, store, samples, places)
            writer.append(made)
            if made.failure is not None:
                progress.warn(f"{label}, {row.sample_id}: {made.failure.message}")
        record = writer.finish(seconds=time.perf_counter() - started)
        rows = read_run(store.folder(record.run_id)).rows
    return Rescored(
        run_id=record.run_id,
        from_run=job.stored.record.run_id,
        n_images=len(rows),
        n_failed=sum(row.failure is not None for row in rows),
        largest_changes=_largest_changes(job, rows),
    )


def _record(job: _Job, store: RunStore, environment: Environment, command: tuple[str, ...]) -> RunRecord:
    old, started = job.stored.record, utc_now()
    return old.model_copy(
        update={
            "run_id": new_run_id(
                store, cell=job.cell, method=old.method.id, dataset=old.dataset.id, started_at=started
            ),
            "cell": job.cell,
            "status": "running",
            "started_at": started,
            "finished_at": None,
            "command": command,
            "protocols": job.protocols,
            "environment": environment,
            "wall_s": None,
            "failures": 0,
            "predictions": None,
            "rescored_from": old.run_id,
        }
    )


def _row(row: ImageRow, job: _Job, store: RunStore, samples: Samples, places: dict[str, int]) -> ImageRow:
    """The row of one image; its time is that of the run whose picture it is."""
    if row.failure is not None:
        return row
    try:
        scores = _scored(row, job, store, samples[places[row.sample_id]])
    except StorageError:
        raise
    except LdpbenchError as error:
        failure = Failure(kind=error.kind, message=error.message)
        return row.model_copy(update={"scores": (), "certificates": (), "failure": failure})
    return row.model_copy(update={"scores": scores.scores})


def _scored(row: ImageRow, job: _Job, store: RunStore, sample: Sample) -> ImageRow:
    form = job.stored.record.predictions
    assert form is not None, "demanded"
    name = f"{FOLDER}/{row.sample_id}{suffix_of(form)}"
    image = decode(store.read(job.stored.record.run_id, name), name)
    read = read_as(sample, *job.protocols[0].reading)
    if image.shape != read.left.shape:
        raise IntegrityError(f"{name}: expected {read.left.shape}, found {image.shape}", hint="evaluate again")
    return score_image(image, read, prepare_targets(read, job.protocols), job.protocols, Keeping(previews=False)).row


def _largest_changes(job: _Job, rows: Sequence[ImageRow]) -> dict[str, float]:
    before = dict(_values(job.stored.record.protocols, job.stored.rows))
    changes: dict[str, float] = {}
    for place, value in _values(job.protocols, rows):
        if place in before:
            metric = place[-1]
            changes[metric] = max(changes.get(metric, 0.0), abs(value - before[place]))
    return changes


def _values(
    protocols: Sequence[Protocol], rows: Sequence[ImageRow]
) -> Iterator[tuple[tuple[str, str, str, str], float]]:
    ids = {protocol.hash: protocol.id for protocol in protocols}
    for row in rows:
        for found in row.scores:
            if found.value is not None and math.isfinite(found.value):
                yield (ids[found.protocol], found.region, row.sample_id, found.metric), found.value
