"""A run folder: what one run left on disk, read back strictly.

``run.json`` says what ran and is replaced as a whole; ``scores.jsonl`` grows by one line per image. A row counts once
its newline is on disk, so a killed run can leave at most half a last line, and that half is set aside. Anything else
that does not fit is an error: the run folders are the source of truth of every result.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ldpbench.core.atomic import explaining_storage
from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError
from ldpbench.core.hashing import sha256_bytes
from ldpbench.records import ImageRow, RunRecord
from ldpbench.records.base import validation_sentence

RUN_FILE = "run.json"
SCORES_FILE = "scores.jsonl"
PREVIEWS_FOLDER = "previews"

_SCHEMA = 1
_HINT = "only `ldpbench evaluate` writes run folders: restore this one from a copy, or delete it and evaluate again"


@dataclass(frozen=True, kw_only=True)
class StoredFolder:
    """One run folder, read and checked."""

    path: Path
    record: RunRecord
    rows: tuple[ImageRow, ...]
    """One per sample, in order of first appearance; of several lines of one sample the last counts."""
    truncated: bool
    """Whether half a last line was set aside."""
    intact_bytes: int
    """Length of ``scores.jsonl`` without that half: where the next row has to start."""
    content_sha256: str
    """Over ``run.json`` and ``scores.jsonl``."""


def read_run(folder: Path) -> StoredFolder:
    """Read one run folder.

    Raises:
        MissingPrerequisiteError: If there is no ``run.json``, a file cannot be read, or a newer ldpbench wrote it.
        IntegrityError: If a file is not what it should be; every fault is listed with file and line.
    """
    run_bytes, scores_bytes = _contents(folder)
    intact_bytes = scores_bytes.rfind(b"\n") + 1
    record = _parse_record(folder / RUN_FILE, run_bytes)
    rows = _parse_rows(folder / SCORES_FILE, scores_bytes[:intact_bytes].split(b"\n")[:-1], record)
    return StoredFolder(
        path=folder,
        record=record,
        rows=rows,
        truncated=intact_bytes < len(scores_bytes),
        intact_bytes=intact_bytes,
        content_sha256=_digest(run_bytes, scores_bytes),
    )


def content_sha256(folder: Path) -> str:
    """The hash that ``read_run`` would report, without parsing anything.

    Raises:
        MissingPrerequisiteError: If there is no ``run.json`` or a file cannot be read.
    """
    return _digest(*_contents(folder))


def _contents(folder: Path) -> tuple[bytes, bytes]:
    """The bytes of both files; a run that was killed before its first image has no scores yet."""
    run_path, scores_path = folder / RUN_FILE, folder / SCORES_FILE
    if not run_path.is_file():
        raise MissingPrerequisiteError(f"{folder} has no {RUN_FILE}, so it is not a run folder", hint=_HINT)
    with explaining_storage("read", run_path):
        run_bytes = run_path.read_bytes()
    with explaining_storage("read", scores_path):
        return run_bytes, scores_path.read_bytes() if scores_path.exists() else b""


def _digest(run_bytes: bytes, scores_bytes: bytes) -> str:
    return sha256_bytes(f"{sha256_bytes(run_bytes)} {sha256_bytes(scores_bytes)}".encode())


def _parse_record(path: Path, content: bytes) -> RunRecord:
    try:
        document = json.loads(content)
    except ValueError as error:
        raise IntegrityError(f"{path} is not JSON: {error}", hint=_HINT) from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if isinstance(schema, int) and schema > _SCHEMA:
        raise MissingPrerequisiteError(
            f"{path} has schema {schema}; this ldpbench reads schema {_SCHEMA}", hint="update ldpbench"
        )
    try:
        return RunRecord.model_validate_json(content)
    except ValidationError as error:
        raise IntegrityError(f"{path} is not a run record: {validation_sentence(error)}", hint=_HINT) from error


def _parse_rows(path: Path, lines: Sequence[bytes], record: RunRecord) -> tuple[ImageRow, ...]:
    expected = {
        protocol.hash: (frozenset(protocol.regions), frozenset(ref.partition("/")[0] for ref in protocol.metrics))
        for protocol in record.protocols
    }
    rows: dict[str, ImageRow] = {}
    faults: list[str] = []
    for number, line in enumerate(lines, start=1):
        try:
            row = ImageRow.model_validate_json(line)
        except ValidationError as error:
            faults.append(f"{path} line {number}: {validation_sentence(error)}")
            continue
        faults.extend(f"{path} line {number}: {fault}" for fault in _row_faults(row, expected))
        rows[row.sample_id] = row
    if faults:
        more = f" (and {len(faults) - 1} more faults)" if len(faults) > 1 else ""
        raise IntegrityError(f"{faults[0]}{more}", hint=_HINT, faults=faults)
    if record.status == "complete" and len(rows) != record.dataset.n_images:
        raise IntegrityError(
            f"{path}: expected a row for each of {record.dataset.n_images} images of a complete run, found {len(rows)}",
            hint=_HINT,
        )
    return tuple(rows.values())


def _row_faults(row: ImageRow, expected: dict[str, tuple[frozenset[str], frozenset[str]]]) -> Iterator[str]:
    """Whatever the types cannot say: references that lead nowhere, a number said twice, a value without a status."""
    seen = set()
    for score in row.scores:
        place = (score.protocol, score.region, score.metric)
        name = f"score {score.metric} in region {score.region!r} of protocol {score.protocol[:12]}"
        if place in seen:
            yield f"{name}: is there twice"
        seen.add(place)
        if score.protocol not in expected:
            yield f"{name}: {RUN_FILE} has no such protocol"
            continue
        regions, metrics = expected[score.protocol]
        if score.region not in regions:
            yield f"{name}: expected a region of {sorted(regions)}"
        if score.metric not in metrics:
            yield f"{name}: expected a metric of {sorted(metrics)}"
        if (score.status == "ok") != (score.value is not None):
            yield f"{name}: status is {score.status!r} but the value is {score.value}"
        if score.status == "ok" and row.failure is not None:
            yield f"{name}: has a value although the image failed"
