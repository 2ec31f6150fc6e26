"""Costs in the database: files into rows, and rows for boards."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from pydantic import ValidationError

from ldpbench.core.atomic import explaining_storage
from ldpbench.core.errors import IntegrityError
from ldpbench.core.hashing import sha256_bytes
from ldpbench.core.progress import SILENT, Progress
from ldpbench.records.base import validation_sentence
from ldpbench.records.cost import CostRecord
from ldpbench.results.transaction import transaction


@dataclass(frozen=True, kw_only=True)
class CostRow:
    """One measurement, as boards show it."""

    name: str
    """Of its file, without the suffix."""
    hardware_id: str
    """Costs of different hardware are never compared."""
    record: CostRecord


@dataclass(frozen=True, kw_only=True)
class CostIngest:
    """What one ingest did, by the names of the files; a file that cannot be used is skipped with the reason."""

    new: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()


def read_cost(file: Path) -> CostRecord:
    """One file of ``costs/``.

    Raises:
        StorageError: If it cannot be read.
        IntegrityError: If it is not the record of a cost, or not the one that its name says.
    """
    with explaining_storage("read", file):
        return _parsed(file, file.read_bytes())


def _parsed(file: Path, content: bytes) -> CostRecord:
    hint = "delete it and measure again, or measure with --force"
    try:
        record = CostRecord.model_validate_json(content)
    except ValidationError as error:
        raise IntegrityError(f"{file} is not the record of a cost: {validation_sentence(error)}", hint=hint) from error
    if record.stem != file.stem:
        raise IntegrityError(f"{file} holds the cost {record.stem!r}, but a file is named after its cost", hint=hint)
    return record


def ingest_costs(folder: Path, connection: duckdb.DuckDBPyConnection, progress: Progress = SILENT) -> CostIngest:
    """Bring the database up to date with the files of costs; no row is ever removed.

    Args:
        folder: ``costs/`` of a home; it need not be there.
        connection: The database, open for writing.
        progress: Where to say what was skipped.
    """
    known = dict(connection.execute("SELECT name, content_sha256 FROM costs").fetchall())
    changed: dict[str, tuple[CostRecord, str]] = {}
    unchanged: list[str] = []
    skipped: list[tuple[str, str]] = []
    for file in sorted(folder.glob("[!.]*.json")):
        try:
            with explaining_storage("read", file):
                content = file.read_bytes()
            sha256 = sha256_bytes(content)
            if known.get(file.stem) == sha256:
                unchanged.append(file.stem)
            else:
                changed[file.stem] = (_parsed(file, content), sha256)
        except IntegrityError as error:
            skipped.append((file.name, error.message))
            progress.warn(f"skipped {file.name}: {error.message}")
    if changed:
        _replace(connection, changed)
    return CostIngest(
        new=tuple(name for name in changed if name not in known),
        updated=tuple(name for name in changed if name in known),
        unchanged=tuple(unchanged),
        skipped=tuple(skipped),
    )


def _replace(connection: duckdb.DuckDBPyConnection, changed: dict[str, tuple[CostRecord, str]]) -> None:
    with transaction(connection):
        connection.execute("DELETE FROM costs WHERE list_contains($1, name)", [list(changed)])
        connection.executemany(
            f"INSERT INTO costs ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})",  # noqa: S608 - names from _COLUMNS
            [_row(name, *found) for name, found in changed.items()],
        )


_COLUMNS = (
    "name",
    "content_sha256",
    "timing",
    "method_id",
    "method_version",
    "code_sha256",
    "weights_sha256",
    "untrained",
    "size",
    "height_px",
    "width_px",
    "device",
    "dtype",
    "ensemble",
    "inference",
    "hardware_id",
    "repeats",
    "median_s",
    "p95_s",
    "peak_memory_bytes",
    "memory_kind",
    "parameters",
    "macs",
    "measured_at",
    "record",
)


def _row(name: str, record: CostRecord, sha256: str) -> Sequence[object]:
    measured = datetime.fromisoformat(record.measured_at)
    method = record.method
    values: dict[str, object] = {
        "name": name,
        "content_sha256": sha256,
        "method_id": method.id,
        "method_version": method.version,
        "code_sha256": method.code_sha256,
        "weights_sha256": method.weights_sha256,
        "untrained": method.untrained,
        "hardware_id": record.hardware.id,
        "measured_at": measured.astimezone(UTC).replace(tzinfo=None),
        "record": record.model_dump_json(by_alias=True),
    }
    return [values[column] if column in values else getattr(record, column) for column in _COLUMNS]


def costs(connection: duckdb.DuckDBPyConnection) -> list[CostRow]:
    """Every measurement, by method, size and machine, the latest of equal ones first."""
    rows = connection.execute(
        "SELECT name, hardware_id, record FROM costs ORDER BY method_id, height_px * width_px, size, hardware_id, "
        "measured_at DESC, name"
    ).fetchall()
    return [_cost_row(*row) for row in rows]


def costs_of(connection: duckdb.DuckDBPyConnection, method_id: str, code_sha256: str) -> list[CostRow]:
    """The measurements of one method with one state of its code, in the order of ``costs``."""
    return [
        row
        for row in costs(connection)
        if (row.record.method.id, row.record.method.code_sha256) == (method_id, code_sha256)
    ]


def _cost_row(name: str, hardware_id: str, record: str) -> CostRow:
    return CostRow(name=name, hardware_id=hardware_id, record=CostRecord.model_validate_json(record))
