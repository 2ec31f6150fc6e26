"""Run folders into the database: read first, lock last.

Every folder is read and checked before the database is opened for writing, so its lock is held for one short
transaction, and a kill at any moment leaves the database as it was.
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
from ldpbench.results.run_folder import content_sha256, read_run
from ldpbench.results.tables import tables_of
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


def ingest(runs_folder: Path, database: Path, progress: Progress = SILENT) -> IngestReport:
    """Bring the database up to date with all run folders; no run is ever removed from it.

    Args:
        runs_folder: The folder of run folders. Files and names that begin with a dot are not runs.
        database: The DuckDB file, made if it is not there.
        progress: Where to say how far it is and what was skipped.

    Returns:
        What changed. A folder that cannot be taken in is skipped with the reason; the others are not held up by it.

    Raises:
        MissingPrerequisiteError: If there is no folder of runs, the database is locked or newer, or the disk refuses.
        IntegrityError: If the database file is damaged or not one of ldpbench.
    """
    if not runs_folder.is_dir():
        raise MissingPrerequisiteError(f"{runs_folder} is not a folder of runs", hint="`ldpbench evaluate` makes it")
    known, current = _known_contents(database)
    folders = sorted(path for path in runs_folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    changed: dict[str, dict[str, pa.Table]] = {}
    unchanged: list[str] = []
    skipped: list[Skipped] = []
    for folder in progress.track(folders, label="reading run folders", total=len(folders)):
        try:
            if known.get(folder.name) == (content_sha256(folder), str(folder.absolute())):
                unchanged.append(folder.name)
            else:
                changed[folder.name] = _read(folder)
        except LdpbenchError as error:
            skipped.append(Skipped(folder=folder.name, reason=error.message))
            progress.warn(f"skipped {folder.name}: {error.message}")
    if changed or not current:
        with open_for_writing(database) as connection:
            known = _contents(connection)
            _replace(connection, changed)
    return IngestReport(
        new=tuple(run_id for run_id in changed if run_id not in known),
        updated=tuple(run_id for run_id in changed if run_id in known),
        unchanged=tuple(unchanged),
        vanished=tuple(sorted(known.keys() - {folder.name for folder in folders})),
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


def _read(folder: Path) -> dict[str, pa.Table]:
    stored = read_run(folder)
    if stored.record.run_id != folder.name:
        raise IntegrityError(
            f"{folder} holds the run {stored.record.run_id!r}, but a run folder is named after its run",
            hint="rename the folder, or delete the copy",
        )
    return tables_of(stored)


def _replace(connection: duckdb.DuckDBPyConnection, changed: dict[str, dict[str, pa.Table]]) -> None:
    """Put the new rows of these runs in the place of their old ones, all or nothing."""
    if not changed:
        return
    with transaction(connection):
        for table in _TABLES:
            connection.execute(f"DELETE FROM {table} WHERE list_contains($1, run_id)", [list(changed)])  # noqa: S608 - names from _TABLES
            _insert(connection, table, [tables[table] for tables in changed.values()])


def _insert(connection: duckdb.DuckDBPyConnection, table: str, parts: Sequence[pa.Table]) -> None:
    rows = pa.concat_tables(parts, promote_options="default")
    if rows.num_rows == 0:  # such as a run that was stopped before its first image
        return
    connection.register("incoming", rows)
    connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming")  # noqa: S608 - names from _TABLES
    connection.unregister("incoming")
