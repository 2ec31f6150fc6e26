"""The results of run folders without a database file: DuckDB over their Parquet, in memory.

The tables and views are those of the database, so every question that it answers is answered here too. Runs whose
Parquet is not of their present state, such as one that is still going on, are read from their JSON.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import duckdb

from ldpbench.core.errors import IntegrityError, LdpbenchError, MissingPrerequisiteError
from ldpbench.core.progress import SILENT, Progress
from ldpbench.results.ingest import replace_runs, tables_in
from ldpbench.results.migrations import migrate
from ldpbench.results.parquet import TABLE_FILES, is_current_by_size
from ldpbench.results.run_folder import content_sha256
from ldpbench.results.run_store import Folder, Place, RemoteFolder, RunStore

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
_FOLDER = "regexp_replace(filename, '/[^/]*$', '')"
"""The address of the run folder, which may have moved since its Parquet was written."""


@contextlib.contextmanager
def open_lake(runs: Place, progress: Progress = SILENT) -> Iterator[duckdb.DuckDBPyConnection]:
    """All runs of one place, as the database would have them after an ingest.

    Whether Parquet is of a run's present state is judged by the sizes of its files, so that no row has to be read; an
    ingest looks at every byte.

    Args:
        runs: A folder, or an address.
        progress: Where to say how far it is and what was skipped.

    Raises:
        UsageError: If the address has a scheme that nobody knows.
        MissingPrerequisiteError: If nothing is there, or it cannot be read.
        IntegrityError: If Parquet is damaged; that may come to light only when it is asked.
    """
    store = RunStore(runs)
    if not store.root.exists():
        raise MissingPrerequisiteError(f"{store.address} is not a folder of runs", hint="`ldpbench evaluate` makes it")
    with contextlib.closing(duckdb.connect(":memory:", config=_CONFIG)) as connection:
        if isinstance(store.root, RemoteFolder):
            connection.register_filesystem(store.root.system)
        migrate(connection, Path(":memory:"))
        try:
            _lay_over(connection, _fill(connection, store, progress))
            yield connection
        except duckdb.Error as error:
            raise IntegrityError(
                f"{store.address}: the Parquet of its runs cannot be used: {str(error).splitlines()[0]}",
                hint="`ldpbench ingest` reads the rows themselves where Parquet is damaged",
            ) from error


def _fill(connection: duckdb.DuckDBPyConnection, store: RunStore, progress: Progress) -> list[Folder]:
    """The folders to read from Parquet; the others are read into the tables, or skipped with a remark."""
    current, others = [], {}
    run_ids = store.run_ids()
    for run_id in progress.track(run_ids, label="looking at run folders", total=len(run_ids)):
        folder = store.folder(run_id)
        try:
            if is_current_by_size(folder):
                current.append(folder)
            else:
                others[run_id] = tables_in(folder, run_id, content_sha256(folder), SILENT)
        except LdpbenchError as error:
            progress.warn(f"skipped {run_id}: {error.message}")
    replace_runs(connection, others)
    return current


def _lay_over(connection: duckdb.DuckDBPyConnection, folders: list[Folder]) -> None:
    """Put a view of table and Parquet in the place of every table of rows."""
    if not folders:
        return
    for name, table in TABLE_FILES.items():
        columns = connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index", [table]
        ).fetchall()
        chosen = ", ".join(f'CAST("{column}" AS {type_}) AS "{column}"' for column, type_ in columns)
        files = ", ".join(_quoted(f"{folder.address}/{name}") for folder in folders)
        moved = f"REPLACE ({_FOLDER} AS folder)" if table == "runs" else ""
        connection.execute(f"ALTER TABLE {table} RENAME TO read_{table}")
        connection.execute(  # a view cannot bind parameters; names come from migrations, addresses are quoted
            f"CREATE VIEW {table} AS SELECT {chosen} FROM (SELECT * FROM read_{table} UNION ALL BY NAME "  # noqa: S608
            f"SELECT * EXCLUDE (filename) {moved} FROM read_parquet([{files}], union_by_name=true, filename=true))"
        )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
