"""A run folder: what one run left behind, read back strictly.

``run.json`` says what ran and is replaced as a whole; every process that worked on the run has a file of rows, one line
per image. A row counts once its newline is there, so a killed process can leave at most half a last line, and that half
is set aside. Anything else that does not fit is an error: the run folders are the source of truth of every result.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError
from ldpbench.core.hashing import sha256_bytes
from ldpbench.records import ImageRow, RunRecord
from ldpbench.records.base import validation_sentence
from ldpbench.results.run_store import Folder, Place, folder_at

RUN_FILE = "run.json"
SCORES_FILE = "scores.jsonl"
"""Rows of one alone; those of worker 2 of 3 are in ``scores-2of3.jsonl``."""
PREVIEWS_FOLDER = "previews"

_SCHEMA = 1
_ROW_FILE = re.compile(r"scores(?:-(\d+)of(\d+))?\.jsonl")
_HINT = "only `ldpbench evaluate` writes run folders: restore this one from a copy, or delete it and evaluate again"


@dataclass(frozen=True, kw_only=True)
class StoredFolder:
    """One run folder, read and checked."""

    address: str
    """An absolute path, or a URI."""
    record: RunRecord
    rows: tuple[ImageRow, ...]
    """One per image, in order of their ids."""
    truncated: bool
    """Whether half a last line was set aside."""
    content_sha256: str
    """Over ``run.json`` and all files of rows."""


def read_run(place: Place | Folder) -> StoredFolder:
    """Read one run folder.

    Of several rows of one image a row with scores wins over a failure, and then the last one counts, where one alone
    comes before workers and workers come by their numbers. So nothing counts twice, whoever wrote it and when.

    Args:
        place: The folder: a path, an address, or open already.

    Raises:
        MissingPrerequisiteError: If there is no ``run.json``, a file cannot be read, or a newer ldpbench wrote it.
        IntegrityError: If a file is not what it should be; every fault is listed with file and line.
    """
    folder = _opened(place)
    names = folder.names()
    run_bytes = _run_bytes(folder, names)
    record = _parse_record(f"{folder.address}/{RUN_FILE}", run_bytes)
    contents = {name: folder.read(name) for name in row_files(names)}
    whole = {name: content[: content.rfind(b"\n") + 1] for name, content in contents.items()}
    return StoredFolder(
        address=folder.address,
        record=record,
        rows=_parse_rows(folder.address, whole, record),
        truncated=any(len(whole[name]) < len(content) for name, content in contents.items()),
        content_sha256=_digest(run_bytes, {name: sha256_bytes(content) for name, content in contents.items()}),
    )


def read_record(place: Place | Folder) -> RunRecord:
    """Only ``run.json``.

    Raises:
        MissingPrerequisiteError: If there is none, it cannot be read, or a newer ldpbench wrote it.
        IntegrityError: If it is not a run record.
    """
    folder = _opened(place)
    return _parse_record(f"{folder.address}/{RUN_FILE}", _run_bytes(folder, folder.names()))


def content_sha256(place: Place | Folder) -> str:
    """The hash that ``read_run`` would report, without parsing anything.

    Raises:
        MissingPrerequisiteError: If there is no ``run.json`` or a file cannot be read.
    """
    folder = _opened(place)
    names = folder.names()
    return _digest(_run_bytes(folder, names), {name: folder.sha256(name) for name in row_files(names)})


def row_files(names: Mapping[str, int]) -> dict[str, int]:
    """Of the files of a run folder those of rows, with their sizes: one alone first, then workers by their numbers."""
    found = [(match, size) for name, size in names.items() if (match := _ROW_FILE.fullmatch(name))]
    found.sort(key=lambda one: (int(one[0][2] or 1), int(one[0][1] or 1)))
    return {match[0]: size for match, size in found}


def row_file_of(index: int, count: int) -> str:
    """The file of rows of a worker, counted from 0, among so many."""
    return SCORES_FILE if count == 1 else f"scores-{index + 1}of{count}.jsonl"


def _opened(place: Place | Folder) -> Folder:
    return folder_at(place) if isinstance(place, Place) else place


def _run_bytes(folder: Folder, names: Mapping[str, int]) -> bytes:
    if RUN_FILE not in names:
        raise MissingPrerequisiteError(f"{folder.address} has no {RUN_FILE}, so it is not a run folder", hint=_HINT)
    return folder.read(RUN_FILE)


def _digest(run_bytes: bytes, hashes_of_rows: Mapping[str, str]) -> str:
    hashes = {RUN_FILE: sha256_bytes(run_bytes), **hashes_of_rows}
    return sha256_bytes("\n".join(f"{name} {sha256}" for name, sha256 in hashes.items()).encode())


def _parse_record(path: str, content: bytes) -> RunRecord:
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


def _parse_rows(address: str, contents: dict[str, bytes], record: RunRecord) -> tuple[ImageRow, ...]:
    expected = {
        protocol.hash: (frozenset(protocol.regions), frozenset(ref.partition("/")[0] for ref in protocol.metrics))
        for protocol in record.protocols
    }
    rows: dict[str, ImageRow] = {}
    faults: list[str] = []
    for place, line in _lines(address, contents):
        try:
            row = ImageRow.model_validate_json(line)
        except ValidationError as error:
            faults.append(f"{place}: {validation_sentence(error)}")
            continue
        faults.extend(f"{place}: {fault}" for fault in _row_faults(row, expected))
        earlier = rows.get(row.sample_id)
        if earlier is None or earlier.failure is not None or row.failure is None:
            rows[row.sample_id] = row
    if faults:
        more = f" (and {len(faults) - 1} more faults)" if len(faults) > 1 else ""
        raise IntegrityError(f"{faults[0]}{more}", hint=_HINT, faults=faults)
    if record.status == "complete" and len(rows) != record.dataset.n_images:
        raise IntegrityError(
            f"{address}: expected a row for each of {record.dataset.n_images} images of a complete run, "
            f"found {len(rows)}",
            hint=_HINT,
        )
    return tuple(rows[sample_id] for sample_id in sorted(rows))


def _lines(address: str, contents: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Every line with its place, for people."""
    for name, content in contents.items():
        for number, line in enumerate(content.split(b"\n")[:-1], start=1):
            yield f"{address}/{name} line {number}", line


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
