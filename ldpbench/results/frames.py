"""What boards are made from, as data frames. DuckDB joins, filters and collects here; nothing is decided.

A board of a million images is a few hundred lists of numbers when it leaves this module.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

NO_GROUP = ""
"""Of scenes that belong to none; also of failed ones that were never read."""


@dataclass(frozen=True, kw_only=True)
class Frames:
    """The standing run of every method under every protocol, and what was measured in it.

    A method's standing run is its latest complete one under the protocol, else its latest partial one.
    """

    runs: pa.Table
    """``protocol`` (hash), ``run_id``, ``record`` (JSON); the oldest first."""
    images: pa.Table
    """``run_id``, ``name`` of the group, ``n_tried``, ``n_failed``."""
    seconds: pa.Table
    """``run_id``, ``median_s`` per image."""
    scores: pa.Table
    """``protocol``, ``run_id``, ``region``, ``name`` of the group, ``metric``; ``numbers`` (list of the finite values),
    ``n_identical``, ``n_failed`` and ``n_scored`` (images with any score of it). Images that failed are left out."""
    regions: pa.Table
    """``protocol``, ``run_id``, ``region``, ``name``, ``n_images`` that have the region; only of runs in which a metric
    has no score for some image. In all others every image that did not fail has every region that occurs."""


def read_frames(connection: duckdb.DuckDBPyConnection) -> Frames:
    """Ask the database."""
    images = connection.sql(
        """
        SELECT run_id, coalesce(group_name, '') AS name, count(*) AS n_tried, count(failure_kind) AS n_failed
        FROM images WHERE run_id IN (SELECT run_id FROM latest_run) GROUP BY ALL
        """
    ).to_arrow_table()
    scores = connection.sql(
        f"""
        SELECT protocol, s.run_id AS run_id, region, coalesce(group_name, '') AS name, metric,
            list(value) FILTER (s.status = 'ok') AS numbers, count(*) FILTER (s.status = 'identical') AS n_identical,
            count(*) FILTER (s.status = 'failed') AS n_failed, count(*) AS n_scored
        {_SOUND_ROWS} GROUP BY ALL
        """
    ).to_arrow_table()
    return Frames(
        runs=connection.sql(
            """
            SELECT latest_run.protocol, run_id, runs.record FROM latest_run JOIN runs USING (run_id)
            ORDER BY runs.started_at, run_id
            """
        ).to_arrow_table(),
        images=images,
        seconds=connection.sql(
            """
            SELECT run_id, median(seconds) AS median_s FROM images
            WHERE run_id IN (SELECT run_id FROM latest_run) GROUP BY run_id
            """
        ).to_arrow_table(),
        scores=scores,
        regions=connection.sql(
            f"""
            SELECT protocol, s.run_id AS run_id, region, coalesce(group_name, '') AS name,
                count(DISTINCT s.sample_id) AS n_images
            {_SOUND_ROWS} AND s.run_id IN (SELECT unnest($1::VARCHAR[])) GROUP BY ALL
            """,
            params=[_incomplete_runs(images, scores)],
        ).to_arrow_table(),
    )


_SOUND_ROWS = """
    FROM image_scores AS s
    LEFT JOIN (
        SELECT run_id, sample_id, group_name, failure_kind FROM images
        WHERE group_name IS NOT NULL OR failure_kind IS NOT NULL
    ) AS m ON m.run_id = s.run_id AND m.sample_id = s.sample_id
    WHERE m.failure_kind IS NULL AND (s.protocol, s.run_id) IN (SELECT protocol, run_id FROM latest_run)
"""
"""Scores of images that did not fail, with their groups. Few images have a group or fail, so the join is small; the
standing runs are asked for by IN, which DuckDB answers twice as fast as by a second join."""


def _incomplete_runs(images: pa.Table, scores: pa.Table) -> list[str]:
    """Runs in which a metric lacks a score of an image that did not fail."""
    sound = {
        (run_id, name): n_tried - n_failed
        for run_id, name, n_tried, n_failed in rows_of(images, "run_id", "name", "n_tried", "n_failed")
    }
    return sorted(
        {
            run_id
            for run_id, name, n_scored in rows_of(scores, "run_id", "name", "n_scored")
            if n_scored != sound.get((run_id, name), 0)
        }
    )


def rows_of(frame: pa.Table, *names: str) -> Iterator[tuple[Any, ...]]:
    """The rows of some columns as tuples."""
    return zip(*(frame.column(name).to_pylist() for name in names), strict=True)
