"""All or nothing."""

import contextlib
from collections.abc import Iterator

import duckdb


@contextlib.contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit when the block ends; undo everything it did, tables included, when it does not."""
    connection.begin()
    try:
        yield
    except BaseException:
        with contextlib.suppress(duckdb.Error):  # a failed disk ends the transaction by itself; the cause matters more
            connection.rollback()
        raise
    connection.commit()
