"""Run folders into the database: read first, lock last.

Every folder is read and checked before the database is opened for writing, so its lock is held for one short
transaction, and a kill at any moment leaves the database as it was. Rows come from the Parquet files of a run where
they are of its present state, else from its JSON.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from ldpbench.core.errors import IntegrityError, LdpbenchError, MissingPrerequisiteError
from ldpbench.core.progress import SILENT, Progress
from ldpbench.results.connection import connected, open_for_writing
from ldpbench.results.migrations import pending
from ldpbench.results.parquet import read_tables
from ldpbench.results.run_folder import content_sha256, read_record, read_run
from ldpbench.results.run_store import Folder, Place, RunStore
from ldpbench.results.tables import record_tables, tables_of
from ldpbench.results.transaction import transaction

_TABLES = ("runs", "protocols", "images", "image_scores")


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A folder that could not be taken in; what the database knew of it stays."""

    folder: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class IngestReport:
    """What one ingest did, by run id."""

    new: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    """Runs that the database keeps although their folder is gone."""
    skipped: tuple[Skipped, ...] = ()


def ingest(runs: Place, database: Path, progress: Progress = SILENT) -> IngestReport:
    """Bring the database up to date with all run folders; no run is ever removed from it.

    Args:
        runs: Where the run folders are: a folder, or an address. Files and names that begin with a dot are not runs.
        database: The DuckDB file, made if it is not there.
        progress: Where to say how far it is and what was skipped.

    Returns:
        What changed. A folder that cannot be taken in is skipped with the reason; the others are not held up by it.

    Raises:
        UsageError: If the address has a scheme that nobody knows.
        MissingPrerequisiteError: If there is no folder of runs, the database is locked or newer, or the disk refuses.
        IntegrityError: If the database file is damaged or not one of ldpbench.
    """
    store = RunStore(runs)
    if not store.root.exists():
        raise MissingPrerequisiteError(f"{store.address} is not a folder of runs", hint="`ldpbench evaluate` makes it")
    known, current = _known_contents(database)
    run_ids = store.run_ids()
    changed: dict[str, dict[str, pa.Table]] = {}
    unchanged: list[str] = []
    skipped: list[Skipped] = []
    for run_id in progress.track(run_ids, label="reading run folders", total=len(run_ids)):
        folder = store.folder(run_id)
        try:
            sha256 = content_sha256(folder)
            if known.get(run_id) == (sha256, folder.address):
                unchanged.append(run_id)
            else:
                changed[run_id] = tables_in(folder, run_id, sha256, progress)
        except LdpbenchError as error:
            skipped.append(Skipped(folder=run_id, reason=error.message))
            progress.warn(f"skipped {run_id}: {error.message}")
    if changed or not current:
        with open_for_writing(database) as connection:
            known = _contents(connection)
            replace_runs(connection, changed)
    return IngestReport(
        new=tuple(run_id for run_id in changed if run_id not in known),
        updated=tuple(run_id for run_id in changed if run_id in known),
        unchanged=tuple(unchanged),
        vanished=tuple(sorted(known.keys() - set(run_ids))),
        skipped=tuple(skipped),
    )


def _known_contents(database: Path) -> tuple[dict[str, tuple[str | None, str]], bool]:
    """What the database knows of each run, and whether it is there with the newest schema."""
    if not database.exists():
        return {}, False
    with connected(database, read_only=True) as connection:
        if pending(connection, database):
            return {}, False
        return _contents(connection), True


def _contents(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[str | None, str]]:
    """Hash and place of every run's folder, by run id."""
    rows = connection.execute("SELECT run_id, content_sha256, folder FROM runs").fetchall()
    return {run_id: (sha256, folder) for run_id, sha256, folder in rows}


def tables_in(folder: Folder, run_id: str, sha256: str, progress: Progress) -> dict[str, pa.Table]:
    """The rows of a run folder by table of the database.

    Args:
        folder: Where.
        run_id: What its record must say.
        sha256: Its ``content_sha256`` as it is now.
        progress: Where to say that Parquet files were left aside.

    Raises:
        MissingPrerequisiteError: If there is no ``run.json``, or a file cannot be read.
        IntegrityError: If its JSON is damaged.
    """
    record = read_record(folder)
    if record.run_id != run_id:
        raise IntegrityError(
            f"{folder.address} holds the run {record.run_id!r}, but a run folder is named after its run",
            hint="rename the folder, or delete the copy",
        )
    try:
        found = read_tables(folder, record, sha256)
    except IntegrityError as error:
        progress.warn(f"{error.message}; its rows are read from JSON instead")
        found = None
    return tables_of(read_run(folder)) if found is None else found | record_tables(record, folder.address, sha256)


def replace_runs(connection: duckdb.DuckDBPyConnection, changed: dict[str, dict[str, pa.Table]]) -> None:
    """Put the new rows of these runs, by run id and table, in the place of their old ones, all or nothing.

    Tables are taken out of ``changed`` as they go in, so that their memory is free when the database is written.
    """
    if not changed:
        return
    with transaction(connection):
        for table in _TABLES:
            connection.execute(
                f"DELETE FROM {table} WHERE run_id IN (SELECT unnest($1))",  # noqa: S608 - names from _TABLES
                [list(changed)],
            )
            _insert(connection, table, [tables.pop(table) for tables in changed.values()])


def _insert(connection: duckdb.DuckDBPyConnection, table: str, parts: Sequence[pa.Table]) -> None:
    rows = pa.concat_tables(parts, promote_options="default")
    if rows.num_rows == 0:  # such as a run that was stopped before its first image
        return
    connection.register("incoming", rows)
    connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming")  # noqa: S608 - names from _TABLES
    connection.unregister("incoming")
