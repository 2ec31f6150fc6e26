"""The run that stands for each method under each protocol, with its values by region and group of scenes.

DuckDB joins, filters and collects; a board of a million images is a few hundred lists of numbers when it comes here.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from ldpbench.records import Protocol, RunRecord

EVERY = "all"
"""The whole picture among regions, and all scenes among groups."""
NO_GROUP = ""
"""Of scenes that belong to none; also of failed ones that were never read."""

View = tuple[str, str]
"""Region and group."""


@dataclass(frozen=True)
class Tally:
    """One metric over some images: the finite values, and how many images have none."""

    values: list[float]
    n_identical: int = 0
    n_undefined: int = 0
    n_failed: int = 0


@dataclass(frozen=True)
class _Scores:
    """One metric over the images of one region and group that did not fail."""

    values: list[float]
    n_identical: int
    n_failed: int
    n_scored: int
    """Images with a score of this metric, whatever its status."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One method under one protocol."""

    record: RunRecord
    protocol: Protocol
    tried: Mapping[str, int]
    """Images that have a row, by group."""
    failed: Mapping[str, int]
    """Those of them that failed, by group."""
    seconds_median: float | None
    """Median time of the method per image."""
    scores: Mapping[View, Mapping[str, _Scores]]
    """By region and group, and by metric."""
    in_region: Mapping[View, int]
    """Images that did not fail and have the region, by region and group."""

    @property
    def n_failed(self) -> int:
        """Images that the method failed on."""
        return sum(self.failed.values())

    @property
    def n_missing(self) -> int:
        """Images that were never tried."""
        return self.record.dataset.n_images - sum(self.tried.values())

    @property
    def groups(self) -> frozenset[str]:
        """Groups of scenes that occur."""
        return frozenset(self.tried) - {NO_GROUP}

    def tally(self, region: str, group: str, metric: str) -> Tally:
        """One metric over the images of a region and a group.

        An image that failed is counted in every region of its group; one that was never tried, or failed before its
        group was known, in every region of every group.
        """
        groups = [*self.groups, NO_GROUP] if group == EVERY else [group]
        found = [self.scores.get((region, name), {}).get(metric) for name in groups]
        there = [scores for scores in found if scores is not None]
        has_region = sum(self.in_region.get((region, name), 0) for name in groups)
        of_unknown_group = 0 if group == EVERY else self.failed.get(NO_GROUP, 0)
        failed = sum(self.failed.get(name, 0) for name in groups) + of_unknown_group + self.n_missing
        n_identical, n_failed = (sum(getattr(scores, name) for scores in there) for name in ("n_identical", "n_failed"))
        values = there[0].values if len(there) == 1 else [value for scores in there for value in scores.values]
        return Tally(
            values=values,
            n_identical=n_identical,
            # A metric that is not on a row of its region has no value there either.
            n_undefined=has_region - len(values) - n_identical - n_failed,
            n_failed=n_failed + failed,
        )


def load_standings(connection: duckdb.DuckDBPyConnection, protocol: str | None = None) -> list[Standing]:
    """The standing runs of every protocol, or of the one with this hash, the oldest first."""
    rows = connection.execute(
        """
        SELECT latest_run.protocol, run_id, runs.record FROM latest_run JOIN runs USING (run_id)
        WHERE latest_run.protocol = coalesce($1, latest_run.protocol) ORDER BY runs.started_at, run_id
        """,
        [protocol],
    ).fetchall()
    records = {run_id: RunRecord.model_validate_json(document) for _, run_id, document in rows}
    tried, failed = _images(connection)
    seconds = _seconds(connection)
    scores = _scores(connection, protocol)
    in_region = _in_region(connection, protocol, scores, tried, failed)
    return [
        Standing(
            record=records[run_id],
            protocol=next(bound for bound in records[run_id].protocols if bound.hash == found),
            tried=tried.get(run_id, {}),
            failed=failed.get(run_id, {}),
            seconds_median=seconds.get(run_id),
            scores=scores.get((found, run_id), {}),
            in_region=in_region.get((found, run_id), {}),
        )
        for found, run_id, _ in rows
    ]


_Counts = dict[str, dict[str, int]]
_Key = tuple[str, str]
"""Protocol and run id."""


def _images(connection: duckdb.DuckDBPyConnection) -> tuple[_Counts, _Counts]:
    """Images with a row, and those of them that failed, by run id and group."""
    rows = connection.execute(
        """
        SELECT run_id, coalesce(group_name, ''), count(*), count(failure_kind) FROM images
        WHERE run_id IN (SELECT run_id FROM latest_run) GROUP BY ALL
        """
    ).fetchall()
    tried: _Counts = defaultdict(dict)
    failed: _Counts = defaultdict(dict)
    for run_id, group, n_tried, n_failed in rows:
        tried[run_id][group], failed[run_id][group] = n_tried, n_failed
    return tried, failed


def _seconds(connection: duckdb.DuckDBPyConnection) -> dict[str, float | None]:
    rows = connection.execute(
        "SELECT run_id, median(seconds) FROM images WHERE run_id IN (SELECT run_id FROM latest_run) GROUP BY run_id"
    )
    return dict(rows.fetchall())


_ROWS = """
    FROM image_scores AS s
    LEFT JOIN (
        SELECT run_id, sample_id, group_name, failure_kind FROM images
        WHERE group_name IS NOT NULL OR failure_kind IS NOT NULL
    ) AS m ON m.run_id = s.run_id AND m.sample_id = s.sample_id
    WHERE ($1 IS NULL OR protocol = $1) AND m.failure_kind IS NULL
        AND (s.protocol, s.run_id) IN (SELECT protocol, run_id FROM latest_run)
"""
"""Scores of images that did not fail, with their groups. Few images have a group or fail, so the join is small; the
standing runs are asked for by IN, which DuckDB answers twice as fast as by a second join."""


def _scores(connection: duckdb.DuckDBPyConnection, protocol: str | None) -> dict[_Key, dict[View, dict[str, _Scores]]]:
    table = connection.sql(
        f"""
        SELECT protocol, s.run_id AS run_id, region, coalesce(group_name, '') AS name, metric,
            list(value) FILTER (s.status = 'ok') AS numbers, count(*) FILTER (s.status = 'identical') AS n_identical,
            count(*) FILTER (s.status = 'failed') AS n_failed, count(*) AS n_scored
        {_ROWS} GROUP BY ALL
        """,
        params=[protocol],
    ).to_arrow_table()
    numbers = table.column("numbers").combine_chunks()
    others = [table.column(name).to_pylist() for name in table.column_names if name != "numbers"]
    scores: dict[_Key, dict[View, dict[str, _Scores]]] = defaultdict(lambda: defaultdict(dict))
    for place, (found, run_id, region, group, metric, n_identical, n_failed, n_scored) in enumerate(
        zip(*others, strict=True)
    ):
        one = numbers[place]
        values = one.values.to_numpy().tolist() if one.is_valid else []
        scores[found, run_id][region, group][metric] = _Scores(values, n_identical, n_failed, n_scored)
    return scores


def _in_region(
    connection: duckdb.DuckDBPyConnection,
    protocol: str | None,
    scores: Mapping[_Key, Mapping[View, Mapping[str, _Scores]]],
    tried: _Counts,
    failed: _Counts,
) -> dict[_Key, dict[View, int]]:
    """How many images have each region.

    Where every metric has a score of every image that did not fail, that is their number; only for other runs the
    rows are counted.
    """
    counts: dict[_Key, dict[View, int]] = defaultdict(dict)
    doubtful = set()
    for key, views in scores.items():
        for (region, group), metrics in views.items():
            n_sound = tried[key[1]].get(group, 0) - failed[key[1]].get(group, 0)
            if all(found.n_scored == n_sound for found in metrics.values()):
                counts[key][region, group] = n_sound
            else:
                doubtful.add(key)
    if doubtful:
        rows = connection.execute(
            f"""
            SELECT protocol, s.run_id, region, coalesce(group_name, ''), count(DISTINCT s.sample_id)
            {_ROWS} AND s.run_id IN (SELECT unnest($2)) GROUP BY ALL
            """,
            [protocol, sorted({run_id for _, run_id in doubtful})],
        )
        for found, run_id, region, group, count in rows.fetchall():
            counts[found, run_id][region, group] = count
    return counts
