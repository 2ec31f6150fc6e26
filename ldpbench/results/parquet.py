"""A finished run's rows as Parquet beside its JSON: the same facts in columns, for whoever reads many of them.

The JSON stays the truth. ``run.parquet`` says of which JSON and of which other tables it was made, so that a stale or
altered table is noticed and left aside.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from ldpbench.core.errors import IntegrityError
from ldpbench.core.hashing import sha256_bytes
from ldpbench.records import RunRecord
from ldpbench.results.run_folder import RUN_FILE, read_run, row_files
from ldpbench.results.run_store import Folder
from ldpbench.results.table_checks import table_faults
from ldpbench.results.tables import PARQUET_ENCODED, tables_of

RUN_TABLE = "runs"
TABLE_FILES = {
    "images.parquet": "images",
    "scores.parquet": "image_scores",
    "protocols.parquet": "protocols",
    "run.parquet": RUN_TABLE,
}
"""Table by file, in the order in which they are written: the one with the seal comes last."""
RUN_TABLE_FILE = "run.parquet"

_SEAL = b"ldpbench"


@dataclass(frozen=True)
class Seal:
    """What ``run.parquet`` says about itself and its neighbours."""

    content_sha256: str
    """Of the run folder, as ``content_sha256`` gives it."""
    sizes: dict[str, int]
    """Bytes of ``run.json`` and of every file of rows: enough to notice a run that went on, without reading it."""
    tables: dict[str, str]
    """SHA-256 of the other tables' files."""
    table_sizes: dict[str, int]
    """Bytes of the other tables' files."""


def write_tables(folder: Folder) -> None:
    """Write the tables of a run folder, each in one step.

    Raises:
        IntegrityError: If the run folder is damaged.
        StorageError: If the disk refuses; the run folder stays as good as it was.
    """
    stored = read_run(folder)
    tables = tables_of(stored)
    hashes: dict[str, str] = {}
    sizes: dict[str, int] = {}
    for name, table in TABLE_FILES.items():
        metadata = {}
        if table == RUN_TABLE:
            seal = Seal(stored.content_sha256, _sizes(folder.names()), hashes, sizes)
            metadata = {_SEAL: json.dumps(asdict(seal)).encode()}
        data = _encoded(tables[table].replace_schema_metadata(metadata))
        folder.write(name, data)
        hashes[name], sizes[name] = sha256_bytes(data), len(data)


def read_tables(folder: Folder, record: RunRecord, content_sha256: str) -> dict[str, pa.Table] | None:
    """The images and scores of a run folder from its Parquet files, checked as strictly as rows are.

    Args:
        folder: The run folder.
        record: What its ``run.json`` says.
        content_sha256: Of its JSON as it is now.

    Returns:
        ``images`` and ``image_scores``; None if there is no Parquet.

    Raises:
        IntegrityError: If they are not of this JSON, were altered, or do not fit the record.
    """
    names = folder.names()
    if RUN_TABLE_FILE not in names:
        return None
    seal = read_seal(folder)
    if seal.content_sha256 != content_sha256:
        raise IntegrityError(f"{folder.address}: its Parquet files were made of another state of the run")
    found = {}
    for name, table in TABLE_FILES.items():
        if table not in PARQUET_ENCODED:
            continue
        data = folder.read(name) if name in names else b""
        if sha256_bytes(data) != seal.tables.get(name):
            raise IntegrityError(f"{folder.address}/{name} is not the file that {RUN_TABLE_FILE} speaks of")
        found[table] = _decoded(f"{folder.address}/{name}", data, PARQUET_ENCODED[table])
    faults = table_faults(record, found["images"], found["image_scores"])
    if faults:
        raise IntegrityError(f"{folder.address}: its Parquet files do not fit: {faults[0]}", faults=faults)
    return found


def read_seal(folder: Folder) -> Seal:
    """What ``run.parquet`` says.

    Raises:
        IntegrityError: If it is damaged.
    """
    address = f"{folder.address}/{RUN_TABLE_FILE}"
    try:
        metadata = pq.read_schema(pa.BufferReader(folder.read(RUN_TABLE_FILE))).metadata or {}
        return Seal(**json.loads(metadata[_SEAL]))
    except (pa.ArrowInvalid, OSError, KeyError, ValueError, TypeError) as error:
        raise IntegrityError(f"{address} is damaged: {_first_line(error)}") from error


def is_current_by_size(folder: Folder) -> bool:
    """Whether the Parquet files are all there and the run did not go on since, judged by sizes alone."""
    names = folder.names()
    if any(name not in names for name in (RUN_FILE, *TABLE_FILES)):
        return False
    try:
        seal = read_seal(folder)
    except IntegrityError:
        return False
    return seal.sizes == _sizes(names) and all(names[name] == size for name, size in seal.table_sizes.items())


def _sizes(names: Mapping[str, int]) -> dict[str, int]:
    return {RUN_FILE: names[RUN_FILE]} | row_files(names)


def _encoded(table: pa.Table) -> bytes:
    stream = pa.BufferOutputStream()
    pq.write_table(table, stream, compression="zstd")
    return bytes(stream.getvalue())


def _decoded(address: str, data: bytes, schema: pa.Schema) -> pa.Table:
    texts = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    try:
        table = pq.read_table(pa.BufferReader(data), columns=schema.names, read_dictionary=texts)
        return table.select(schema.names).cast(schema).unify_dictionaries()
    except (pa.ArrowException, OSError, KeyError) as error:
        raise IntegrityError(f"{address} cannot be read: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
