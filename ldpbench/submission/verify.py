"""A submission against its own pictures: every number is computed again, by the engine that scores everybody."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ldpbench import __version__
from ldpbench.core.errors import IntegrityError, LdpbenchError, MissingPrerequisiteError, StorageError
from ldpbench.core.home import Home
from ldpbench.core.progress import SILENT, Progress
from ldpbench.data.prepared import PreparedDataset, Samples, open_prepared
from ldpbench.evaluation.deblurring import Keeping, Made, score_image
from ldpbench.evaluation.predictions import decode, suffix_of
from ldpbench.evaluation.reading import read_as
from ldpbench.evaluation.scoring import bind_protocols, prepare_targets
from ldpbench.metrics.catalogue import METRICS
from ldpbench.records import ImageRow, Protocol, RunRecord, Score
from ldpbench.results.run_folder import StoredFolder, read_run
from ldpbench.submission.files import file_faults
from ldpbench.submission.record import PREDICTIONS, RUN, Submission, read_submission

DECIBELS, OTHERS = 0.02, 2e-4
"""How far a claimed value may lie from the recomputed one: 16-bit pictures are rounded, float16 ones a little more."""
NEARLY_IDENTICAL_DB = 80.0
"""Above it, rounding decides whether two pictures are identical."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a check found."""

    submission: Submission
    record: RunRecord
    """Of the handed-in run, marked as verified if there is no fault."""
    made: tuple[Made, ...]
    """Recomputed rows, with a preview of every picture."""
    faults: tuple[str, ...]
    worst: dict[str, tuple[float, str]]
    """By metric: the largest difference, and on which image."""


def verify(folder: Path, home: Home, progress: Progress = SILENT) -> Verdict:
    """Check everything that a submission says.

    Raises:
        MissingPrerequisiteError: If it is none, or its dataset is not prepared here.
        IntegrityError: If its files are not what it names, or its run cannot be read; all faults are listed.
        StorageError: If the disk refuses.
    """
    submission = read_submission(folder)
    if faults := list(file_faults(folder, submission.files)):
        raise IntegrityError(
            f"{len(faults)} files of {folder} are wrong: {faults[0]}", hint="pack it again", faults=faults
        )
    stored = read_run(folder / RUN)
    prepared = _prepared(stored.record, home)
    faults = list(_claims(submission, stored, prepared))
    if faults:
        return Verdict(submission=submission, record=stored.record, made=(), faults=tuple(faults), worst={})
    return _recomputed(folder, submission, stored, prepared.split(submission.split), progress)


def _prepared(record: RunRecord, home: Home) -> PreparedDataset:
    prepared = open_prepared(home, record.dataset.id)
    here = prepared.info.splits.get(record.dataset.split)
    if here is None:
        raise MissingPrerequisiteError(
            f"{record.dataset.id}/{record.dataset.split} is not prepared here",
            hint=f"run `ldpbench prepare {record.dataset.id} --split {record.dataset.split}`",
        )
    return prepared


def _claims(submission: Submission, stored: StoredFolder, prepared: PreparedDataset) -> Iterator[str]:
    """What is wrong before any picture is looked at."""
    record = stored.record
    here = prepared.info.splits[record.dataset.split]
    same = (
        ("method", submission.method_id, record.method.id),
        ("title", submission.title, record.method.title),
        ("run", submission.run_id, record.run_id),
        ("dataset", submission.dataset, record.dataset.id),
        ("split", submission.split, record.dataset.split),
        ("protocols", submission.protocols, tuple(protocol.hash for protocol in record.protocols)),
    )
    for what, said, found in same:
        if said != found:
            yield f"{what}: the submission says {said!r}, its run {found!r}"
    if record.predictions is None:
        yield "the run says that its pictures were not kept"
    if record.dataset.fingerprint != here.fingerprint:
        yield f"content: the run is of {record.dataset.fingerprint[:16]}..., here is {here.fingerprint[:16]}..."
    if record.method.untrained:
        yield "the method ran with made-up weights"
    known = [_plain(found) for found in bind_protocols(prepared.card, here.fingerprint, record.dataset.split)]
    for protocol in record.protocols:
        if protocol.truth is not None or _plain(protocol) not in known:
            yield f"protocol {protocol.id!r} ({protocol.hash[:12]}) is none that this version knows for the dataset"
    ids = prepared.split(record.dataset.split).ids
    wanted = list(ids if record.protocols[0].limit is None else ids[: record.protocols[0].limit])
    scored = [row.sample_id for row in stored.rows]
    if strange := sorted(set(scored) - set(wanted)):
        yield f"{len(strange)} rows are of no scene of the split, such as {strange[0]!r}"
    if missing := [name for name in wanted if name not in scored]:
        yield f"{len(missing)} of {len(wanted)} scenes have no row, such as {missing[0]}"
    if record.dataset.n_images != len(wanted):
        yield f"the run speaks of {record.dataset.n_images} scenes, the split has {len(wanted)}"


def _plain(protocol: Protocol) -> Protocol:
    """The protocol without how the method was run, and without which metrics were asked for."""
    usual = {"inference": "whole", "ensemble": "none", "dtype": "float32", "limit": None, "multiple_px": 1}
    return protocol.model_copy(update={**usual, "metrics": ()})


def _recomputed(
    folder: Path, submission: Submission, stored: StoredFolder, samples: Samples, progress: Progress
) -> Verdict:
    record = stored.record
    places = {name: place for place, name in enumerate(samples.ids)}
    made, faults = [], []
    worst: dict[str, tuple[float, str]] = {}
    label = f"checking {submission.method_id!r}"
    for row in progress.track(stored.rows, label=label, total=len(stored.rows)):
        if row.failure is not None:
            made.append(Made(row, {}))
            continue
        try:
            again = _score(folder, record, row, samples, places)
        except StorageError:
            raise
        except LdpbenchError as error:
            faults.append(f"{row.sample_id}: {error.message}")
            continue
        faults += _differences(row, again.row, worst)
        made.append(again)
    if not faults:
        record = record.model_copy(update={"verified_by": f"ldpbench {__version__}"})
    return Verdict(submission=submission, record=record, made=tuple(made), faults=tuple(faults), worst=worst)


def _score(folder: Path, record: RunRecord, row: ImageRow, samples: Samples, places: dict[str, int]) -> Made:
    """One image again, with the time and the certificates that were handed in: those cannot be recomputed."""
    assert record.predictions is not None, "claimed"
    path = folder / PREDICTIONS / f"{row.sample_id}{suffix_of(record.predictions)}"
    if not path.is_file():
        raise IntegrityError(f"there is no {path.name}")
    image = decode(path.read_bytes(), path.name)
    read = read_as(samples[places[row.sample_id]], *record.protocols[0].reading)
    if image.shape != read.left.shape:
        raise IntegrityError(f"{path.name}: expected {read.left.shape}, found {image.shape}")
    made = score_image(image, read, prepare_targets(read, record.protocols), record.protocols, Keeping(previews=True))
    kept = {"seconds": row.seconds, "certificates": row.certificates, "clipped_fraction": row.clipped_fraction}
    return Made(made.row.model_copy(update=kept), made.files)


def _differences(claimed: ImageRow, again: ImageRow, worst: dict[str, tuple[float, str]]) -> Iterator[str]:
    def by_place(row: ImageRow) -> dict[tuple[str, str, str], Score]:
        return {(score.protocol, score.region, score.metric): score for score in row.scores}

    before, after = by_place(claimed), by_place(again)
    if claimed.group != again.group:
        yield f"{claimed.sample_id}: its group is {again.group!r}, not {claimed.group!r}"
    for place in sorted(before.keys() | after.keys()):
        where = f"{claimed.sample_id}, {place[2]}, {place[1]}, protocol {place[0][:12]}"
        if place not in before or place not in after:
            yield f"{where}: {'no value is claimed' if place not in before else 'no such value exists'}"
            continue
        change = _change(before[place], after[place])
        if change > worst.get(place[2], (-1.0, ""))[0]:
            worst[place[2]] = (change, claimed.sample_id)
        if change > _tolerance(place[2]):
            yield f"{where}: claimed {_said(before[place])}, recomputed {_said(after[place])}"


def _change(one: Score, other: Score) -> float:
    """How far two scores lie apart; infinitely if only one of them is a number."""
    first, second = (math.inf if score.status == "identical" else score.value for score in (one, other))
    if first is None or second is None:
        return 0.0 if one.status == other.status else math.inf
    if min(first, second) >= NEARLY_IDENTICAL_DB and _is_decibels(one.metric):
        return 0.0
    return 0.0 if first == second else abs(first - second)


def _is_decibels(metric: str) -> bool:
    found = METRICS.get(metric)
    return found is not None and found.spec.unit == "dB"


def _tolerance(metric: str) -> float:
    return DECIBELS if _is_decibels(metric) else OTHERS


def _said(score: Score) -> str:
    return score.status if score.value is None else f"{score.value:.6g}"
