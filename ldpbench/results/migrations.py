"""The schema of the results database, as numbered steps.

A step is a function that returns SQL. Once released it is never edited: its hash is stored with the database and
compared at every opening. There are no foreign keys and no indexes, because DuckDB then refuses to drop columns and
rename tables later on; ``ingest`` checks the references instead.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError
from ldpbench.core.hashing import sha256_bytes
from ldpbench.results.transaction import transaction

REBUILD = "move the file away: `ldpbench ingest` makes a new one from the run folders"


def m0001_initial() -> str:
    """Runs, their protocols, their images and one row per score. Times are UTC; the records come along as JSON."""
    return """
CREATE TABLE runs (
    run_id VARCHAR NOT NULL,
    cell VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    started_at TIMESTAMP NOT NULL,
    finished_at TIMESTAMP,
    method_id VARCHAR NOT NULL,
    method_version VARCHAR NOT NULL,
    method_title VARCHAR NOT NULL,
    method_kind VARCHAR NOT NULL,
    method_inputs VARCHAR[] NOT NULL,
    code_sha256 VARCHAR NOT NULL,
    weights_sha256 VARCHAR,
    parameters BIGINT,
    dataset_id VARCHAR NOT NULL,
    dataset_version VARCHAR NOT NULL,
    split VARCHAR NOT NULL,
    dataset_fingerprint VARCHAR NOT NULL,
    dataset_complete BOOLEAN NOT NULL,
    n_images BIGINT NOT NULL,
    n_images_whole BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    wall_s DOUBLE,
    command VARCHAR[] NOT NULL,
    ldpbench_version VARCHAR NOT NULL,
    git_revision VARCHAR,
    git_dirty BOOLEAN,
    python VARCHAR NOT NULL,
    platform VARCHAR NOT NULL,
    cpu VARCHAR NOT NULL,
    cpu_count BIGINT NOT NULL,
    ram_bytes BIGINT,
    gpu VARCHAR,
    packages JSON NOT NULL,
    config JSON NOT NULL,
    protocols JSON NOT NULL,
    record JSON NOT NULL,
    folder VARCHAR NOT NULL
);
CREATE TABLE protocols (
    run_id VARCHAR NOT NULL,
    protocol VARCHAR NOT NULL,
    id VARCHAR NOT NULL,
    title VARCHAR NOT NULL,
    dataset_id VARCHAR NOT NULL,
    dataset_fingerprint VARCHAR NOT NULL,
    split VARCHAR NOT NULL,
    document JSON NOT NULL
);
CREATE TABLE images (
    run_id VARCHAR NOT NULL,
    sample_id VARCHAR NOT NULL,
    seconds DOUBLE,
    height_px BIGINT NOT NULL,
    width_px BIGINT NOT NULL,
    clipped_fraction DOUBLE,
    failure_kind VARCHAR,
    failure_message VARCHAR
);
CREATE TABLE image_scores (
    run_id VARCHAR NOT NULL,
    sample_id VARCHAR NOT NULL,
    protocol VARCHAR NOT NULL,
    region VARCHAR NOT NULL,
    metric VARCHAR NOT NULL,
    value DOUBLE,
    status VARCHAR NOT NULL
);
"""


def m0002_content_hash() -> str:
    """The hash of a run folder, so that ingest can leave alone what has not changed. NULL: not known, read again."""
    return "ALTER TABLE runs ADD COLUMN content_sha256 VARCHAR;"


def m0003_latest_run() -> str:
    """Which run stands for a method under a protocol: the latest complete one, else the latest partial one."""
    return """
CREATE VIEW latest_run AS
SELECT protocol, method_id, run_id, status
FROM (
    SELECT protocols.protocol, runs.method_id, runs.run_id, runs.status,
        row_number() OVER (
            PARTITION BY protocols.protocol, runs.method_id
            ORDER BY runs.status = 'complete' DESC, runs.started_at DESC, runs.run_id DESC
        ) AS place
    FROM runs JOIN protocols ON protocols.run_id = runs.run_id
    WHERE runs.status IN ('complete', 'partial')
)
WHERE place = 1;
"""


def m0004_unknown_whole() -> str:
    """Some sets never stated how many images they have."""
    return "ALTER TABLE runs ALTER COLUMN n_images_whole DROP NOT NULL;"


def m0005_evaluation() -> str:
    """Tasks beside deblurring, groups of scenes, several workers, and what tiles and short floats cost."""
    return """
ALTER TABLE runs ADD COLUMN task VARCHAR;
UPDATE runs SET task = 'deblur';
ALTER TABLE runs ADD COLUMN gpu_driver VARCHAR;
ALTER TABLE runs ADD COLUMN rescored_from VARCHAR;
ALTER TABLE images ADD COLUMN group_name VARCHAR;
ALTER TABLE images ADD COLUMN worker VARCHAR;
ALTER TABLE images ADD COLUMN certificates JSON;
"""


def m0006_costs() -> str:
    """Time, memory and multiply-adds of methods, one row per method, size and machine."""
    return """
CREATE TABLE costs (
    name VARCHAR NOT NULL,
    content_sha256 VARCHAR NOT NULL,
    timing VARCHAR NOT NULL,
    method_id VARCHAR NOT NULL,
    method_version VARCHAR NOT NULL,
    code_sha256 VARCHAR NOT NULL,
    weights_sha256 VARCHAR,
    untrained BOOLEAN NOT NULL,
    size VARCHAR NOT NULL,
    height_px BIGINT NOT NULL,
    width_px BIGINT NOT NULL,
    device VARCHAR NOT NULL,
    dtype VARCHAR NOT NULL,
    ensemble VARCHAR NOT NULL,
    inference VARCHAR NOT NULL,
    hardware_id VARCHAR NOT NULL,
    repeats BIGINT NOT NULL,
    median_s DOUBLE NOT NULL,
    p95_s DOUBLE NOT NULL,
    peak_memory_bytes BIGINT,
    memory_kind VARCHAR,
    parameters BIGINT NOT NULL,
    macs BIGINT,
    measured_at TIMESTAMP NOT NULL,
    record JSON NOT NULL
);
"""


@dataclass(frozen=True)
class Migration:
    """One numbered step."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Hash of the SQL, stored with the database."""
        return sha256_bytes(self.sql.encode())


def _numbered(*steps: Callable[[], str]) -> tuple[Migration, ...]:
    return tuple(Migration(number, step.__name__, step()) for number, step in enumerate(steps, start=1))


MIGRATIONS = _numbered(
    m0001_initial, m0002_content_hash, m0003_latest_run, m0004_unknown_whole, m0005_evaluation, m0006_costs
)

_JOURNAL = """
CREATE TABLE schema_migrations (
    number INTEGER NOT NULL, name VARCHAR NOT NULL, applied_at TIMESTAMP NOT NULL, sha256 VARCHAR NOT NULL
)
"""


def pending(
    connection: duckdb.DuckDBPyConnection, path: Path, migrations: Sequence[Migration] = MIGRATIONS
) -> Sequence[Migration]:
    """The steps that the database at ``path`` has not seen yet.

    Raises:
        MissingPrerequisiteError: If a newer ldpbench has migrated it further.
        IntegrityError: If it is somebody else's database, or a step was applied in another form.
    """
    tables = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if not tables:
        return migrations
    if "schema_migrations" not in tables:
        raise IntegrityError(
            f"{path} is a DuckDB database, but not one of ldpbench: it has no schema_migrations", hint=REBUILD
        )
    applied = connection.execute("SELECT number, name, sha256 FROM schema_migrations ORDER BY number").fetchall()
    if applied and applied[-1][0] > len(migrations):
        raise MissingPrerequisiteError(
            f"{path} has schema {applied[-1][0]}, written by a newer ldpbench; this one knows schema {len(migrations)}",
            hint="update ldpbench",
        )
    known = [(step.number, step.name, step.sha256) for step in migrations[: len(applied)]]
    for found, expected in zip(applied, known, strict=True):
        if found != expected:
            raise IntegrityError(
                f"{path}: expected migration {expected[1]} with hash {expected[2][:12]}, "
                f"found {found[1]} with hash {found[2][:12]}",
                hint=REBUILD,
            )
    return migrations[len(applied) :]


def migrate(connection: duckdb.DuckDBPyConnection, path: Path, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring the database up to date, each step and its record in one transaction.

    Raises:
        MissingPrerequisiteError: If a newer ldpbench has migrated it further.
        IntegrityError: If it is somebody else's database, or a step was applied in another form.
    """
    for step in pending(connection, path, migrations):
        with transaction(connection):
            if step.number == 1:
                connection.execute(_JOURNAL)
            connection.execute(step.sql)
            connection.execute(
                "INSERT INTO schema_migrations VALUES (?, ?, ?, ?)",
                [step.number, step.name, datetime.now(UTC).replace(tzinfo=None), step.sha256],
            )
