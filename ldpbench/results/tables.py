"""A run folder as rows of the database's tables."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from ldpbench.core.errors import IntegrityError
from ldpbench.core.hashing import canonical_json
from ldpbench.records import RunRecord
from ldpbench.results.run_folder import RUN_FILE, StoredFolder

_TEXT = pa.dictionary(pa.int32(), pa.string())
"""Few different texts in many rows."""
_IMAGES = pa.schema(
    {
        "run_id": _TEXT,
        "sample_id": pa.string(),
        "seconds": pa.float64(),
        "height_px": pa.int64(),
        "width_px": pa.int64(),
        "clipped_fraction": pa.float64(),
        "failure_kind": pa.string(),
        "failure_message": pa.string(),
        "group_name": _TEXT,
        "worker": _TEXT,
        "certificates": pa.string(),
    }
)
_SCORES = pa.schema(
    {
        "run_id": _TEXT,
        "sample_id": pa.string(),
        "protocol": _TEXT,
        "region": _TEXT,
        "metric": _TEXT,
        "value": pa.float64(),
        "status": _TEXT,
    }
)
PARQUET_ENCODED = {"images": _IMAGES, "image_scores": _SCORES}
"""Tables that grow with the number of images: worth reading from Parquet."""


def tables_of(stored: StoredFolder) -> dict[str, pa.Table]:
    """The rows of one run folder by table name, columns named as in the database.

    Raises:
        IntegrityError: If a time of the record is not ISO 8601.
    """
    return {
        **record_tables(stored.record, stored.address, stored.content_sha256),
        "images": _table(_IMAGES, _image_rows(stored)),
        "image_scores": _table(_SCORES, _score_rows(stored)),
    }


def record_tables(record: RunRecord, address: str, content_sha256: str) -> dict[str, pa.Table]:
    """The rows of ``runs`` and ``protocols``, which follow from the record alone.

    Raises:
        IntegrityError: If a time of the record is not ISO 8601.
    """
    return {
        "runs": pa.Table.from_pylist([_run_row(record, address, content_sha256)]),
        "protocols": pa.Table.from_pylist(_protocol_rows(record)),
    }


def _table(schema: pa.Schema, rows: list[tuple[Any, ...]]) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    return pa.table(dict(zip(schema.names, columns, strict=True)), schema=schema)


def _run_row(record: RunRecord, address: str, content_sha256: str) -> dict[str, Any]:
    method, dataset, environment = record.method, record.dataset, record.environment
    return {
        "run_id": record.run_id,
        "cell": record.cell,
        "status": record.status,
        "started_at": _utc(record, address, "started_at"),
        "finished_at": _utc(record, address, "finished_at"),
        "method_id": method.id,
        "method_version": method.version,
        "method_title": method.title,
        "method_kind": method.kind,
        "method_inputs": list(method.inputs),
        "code_sha256": method.code_sha256,
        "weights_sha256": method.weights_sha256,
        "parameters": method.parameters,
        "dataset_id": dataset.id,
        "dataset_version": dataset.version,
        "split": dataset.split,
        "dataset_fingerprint": dataset.fingerprint,
        "dataset_complete": dataset.complete,
        "n_images": dataset.n_images,
        "n_images_whole": dataset.n_images_whole,
        "failures": record.failures,
        "wall_s": record.wall_s,
        "command": list(record.command),
        "ldpbench_version": environment.ldpbench_version,
        "git_revision": environment.git_revision,
        "git_dirty": environment.git_dirty,
        "python": environment.python,
        "platform": environment.platform,
        "cpu": environment.cpu,
        "cpu_count": environment.cpu_count,
        "ram_bytes": environment.ram_bytes,
        "gpu": environment.gpu,
        "packages": canonical_json(environment.packages),
        "config": canonical_json(record.config),
        "protocols": canonical_json([protocol.hash for protocol in record.protocols]),
        "record": record.model_dump_json(by_alias=True),
        "folder": address,
        "task": next((protocol.task for protocol in record.protocols), "deblur"),
        "gpu_driver": environment.gpu_driver,
        "rescored_from": record.rescored_from,
        "content_sha256": content_sha256,
    }


def _utc(record: RunRecord, address: str, field: str) -> datetime | None:
    """A time of the record as naive UTC, the form in which the database keeps it."""
    text: str | None = getattr(record, field)
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise IntegrityError(
            f"{address}/{RUN_FILE}: {field}: expected an ISO 8601 time, found {text!r}", hint="correct the file"
        ) from error
    return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time


def _protocol_rows(record: RunRecord) -> list[dict[str, Any]]:
    return [
        {
            "run_id": record.run_id,
            "protocol": protocol.hash,
            "id": protocol.id,
            "title": protocol.title,
            "dataset_id": protocol.dataset_id,
            "dataset_fingerprint": protocol.dataset_fingerprint,
            "split": protocol.split,
            "document": protocol.model_dump_json(),
        }
        for protocol in record.protocols
    ]


def _image_rows(stored: StoredFolder) -> list[tuple[Any, ...]]:
    return [
        (
            stored.record.run_id,
            row.sample_id,
            row.seconds,
            row.height_px,
            row.width_px,
            row.clipped_fraction,
            row.failure.kind if row.failure else None,
            row.failure.message if row.failure else None,
            row.group,
            row.worker,
            canonical_json([found.model_dump(mode="json") for found in row.certificates]) if row.certificates else None,
        )
        for row in stored.rows
    ]


def _score_rows(stored: StoredFolder) -> list[tuple[Any, ...]]:
    return [
        (stored.record.run_id, row.sample_id, score.protocol, score.region, score.metric, score.value, score.status)
        for row in stored.rows
        for score in row.scores
    ]
