"""The questions that pages and tables ask the database: data frames in, ranked rows out.

Means are taken here and never in SQL, where failed images vanish from a mean and one infinite value swallows it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import duckdb

from ldpbench.core.errors import UsageError
from ldpbench.core.garbage import collection_paused
from ldpbench.core.names import unknown_name
from ldpbench.metrics.aggregate import SET_METRICS, mean, rmse_mean, summarise_counts
from ldpbench.metrics.catalogue import METRICS
from ldpbench.records import MetricSpec, Protocol, RunRecord
from ldpbench.results.board_costs import with_costs
from ldpbench.results.costs import costs
from ldpbench.results.frames import Frames, read_frames
from ldpbench.results.ranking import best_two, competition_ranks
from ldpbench.results.standing import EVERY, Standing, standings_of
from ldpbench.results.views import Aggregate, Board, BoardRow, SampleScores, StoredRun

Aggregates = dict[str, Aggregate]
"""By metric id."""


@collection_paused()
def boards(connection: duckdb.DuckDBPyConnection) -> list[Board]:
    """Every board of a database, with the costs of its methods; see ``boards_of``."""
    measured = costs(connection)
    return [with_costs(board, measured) for board in boards_of(read_frames(connection))]


def boards_of(frames: Frames) -> list[Board]:
    """One board per protocol, region and group of scenes.

    By dataset, pictures before maps, whole sets before subsets, protocols in the order of their card; all scenes
    before their groups. A method is represented by its latest complete run under the protocol, else by its latest
    partial one, unranked.
    """
    by_protocol: dict[str, list[Standing]] = defaultdict(list)
    for standing in standings_of(frames):
        by_protocol[standing.protocol.hash].append(standing)
    ordered = sorted(by_protocol.values(), key=lambda standings: _place(standings[-1]))
    return [
        _board(standings, region, group)
        for standings in ordered
        for region in standings[-1].protocol.regions
        for group in _groups(standings)
    ]


def _groups(standings: Sequence[Standing]) -> list[str]:
    """All scenes, then the groups; a single group would be all scenes again."""
    names = frozenset[str]().union(*(standing.groups for standing in standings))
    return [EVERY, *(sorted(names) if len(names) > 1 else ())]


@collection_paused()
def sample_scores(
    connection: duckdb.DuckDBPyConnection, protocol_hash: str, region: str = EVERY, *, group: str = EVERY
) -> list[SampleScores]:
    """Every image of every standing run under one protocol, region and group, ordered by sample id, then by method id.

    Raises:
        UsageError: If nothing was measured under the protocol, or it has no such region or group.
    """
    _demand_view(connection, protocol_hash, region, group)
    document = connection.execute(
        "SELECT document FROM protocols WHERE protocol = ? LIMIT 1", [protocol_hash]
    ).fetchone()
    assert document is not None, "demanded"
    metrics = _metric_ids(Protocol.model_validate_json(document[0]))
    rows = _sample_rows(connection, protocol_hash, region, group, metrics)
    nothing: dict[str, float | None] = dict.fromkeys(metrics)
    return [
        SampleScores(
            run_id,
            method_id,
            sample_id,
            dict(zip(metrics, numbers, strict=True)) if failure is None else nothing,
            name,
            seconds,
            failure,
        )
        for run_id, method_id, sample_id, seconds, failure, name, *numbers in rows
    ]


def _sample_rows(
    connection: duckdb.DuckDBPyConnection, protocol_hash: str, region: str, group: str, metrics: Sequence[str]
) -> list[tuple[Any, ...]]:
    """Run, method, image, seconds, failure, group, then a value for each metric."""
    # A column for each metric: lists or dictionaries would take DuckDB's binding four times as long.
    columns = "".join(f", max(number) FILTER (metric = ${place}) AS m{place}" for place in range(4, 4 + len(metrics)))
    return connection.execute(
        f"""
        WITH standing AS (SELECT run_id, method_id FROM latest_run WHERE protocol = $1),
        scored AS (
            SELECT run_id, sample_id {columns}
            FROM (
                SELECT run_id, sample_id, metric,
                    CASE status WHEN 'identical' THEN 'infinity'::DOUBLE WHEN 'ok' THEN value END AS number
                FROM image_scores
                WHERE protocol = $1 AND region = $2 AND run_id IN (SELECT run_id FROM standing)
            ) GROUP BY run_id, sample_id
        )
        SELECT i.run_id, method_id, i.sample_id, seconds, failure_message, group_name,
            scored.* EXCLUDE (run_id, sample_id)
        FROM (SELECT * FROM images WHERE run_id IN (SELECT run_id FROM standing)) AS i
        JOIN standing USING (run_id)
        LEFT JOIN scored ON scored.run_id = i.run_id AND scored.sample_id = i.sample_id
        WHERE (failure_message IS NOT NULL OR scored.run_id IS NOT NULL) AND ($3 = 'all' OR group_name = $3)
        ORDER BY i.sample_id, method_id
        """,  # noqa: S608 - the columns are numbers
        [protocol_hash, region, group, *metrics],
    ).fetchall()


def _demand_view(connection: duckdb.DuckDBPyConnection, protocol_hash: str, region: str, group: str) -> None:
    documents = connection.execute(
        "SELECT DISTINCT document FROM protocols JOIN latest_run USING (protocol, run_id) WHERE protocol = ?",
        [protocol_hash],
    ).fetchall()
    regions = {name for (document,) in documents for name in Protocol.model_validate_json(document).regions}
    if region not in regions:
        found = f"its regions are {', '.join(sorted(regions))}" if documents else "no run was measured under it"
        raise UsageError(
            f"protocol {protocol_hash[:12]} has no scores in region {region!r}: {found}",
            hint="take protocol_hash and region from one of the boards",
        )
    known = connection.execute(
        "SELECT DISTINCT group_name FROM images JOIN latest_run USING (run_id) WHERE protocol = ?", [protocol_hash]
    ).fetchall()
    groups = [EVERY, *sorted(name for (name,) in known if name)]
    if group not in groups:
        raise unknown_name(f"group of scenes under protocol {protocol_hash[:12]}", group, groups)


def runs(connection: duckdb.DuckDBPyConnection) -> list[StoredRun]:
    """Every run there is, whatever its status, the latest first."""
    rows = connection.execute("SELECT record, folder FROM runs ORDER BY started_at DESC, run_id").fetchall()
    return [StoredRun(record=RunRecord.model_validate_json(document), folder=folder) for document, folder in rows]


_TASKS = ("deblur", "blurmap", "disparity")


def _place(standing: Standing) -> tuple[str, str, int, bool, bool, int, str]:
    """Where the boards of a protocol come among all boards."""
    dataset, protocol = standing.record.dataset, standing.protocol
    position = standing.record.protocols.index(protocol)
    in_another_way = protocol.heading != protocol.title
    task = _TASKS.index(protocol.task)
    return dataset.id, dataset.split, task, not dataset.complete, in_another_way, position, protocol.hash


def _metric_ids(protocol: Protocol) -> list[str]:
    return [ref.partition("/")[0] for ref in protocol.metrics]


def _columns(protocol: Protocol) -> tuple[MetricSpec, ...]:
    """The known metrics of a protocol in the order of the catalogue, then what exists only for a set of images.

    A metric in a version other than ours has no column: nothing is known of its meaning.
    """
    known = [metric.spec for metric in METRICS.values() if metric.spec.ref in protocol.metrics]
    sources = {spec.id for spec in known}
    of_sets = [metric for metric in SET_METRICS.values() if metric.source in sources]
    # The mean of a metric over images is that metric's own column already.
    return (*known, *(metric.spec for metric in of_sets if metric.compute is not rmse_mean))


def _board(standings: Sequence[Standing], region: str, group: str) -> Board:
    """The board of one protocol, whose standings come oldest first, in one of its regions, on one group of scenes."""
    newest = standings[-1]
    columns = _columns(newest.protocol)
    values = {
        standing.record.run_id: {spec.id: _aggregate(standing, region, group, spec.id) for spec in columns}
        for standing in standings
    }
    reasons = {
        standing.record.run_id: next(_obstacles(standing, region, columns, values[standing.record.run_id]), None)
        for standing in standings
    }
    ranked = {run_id: values[run_id] for run_id, reason in reasons.items() if reason is None}
    ranks = _ranks(columns, ranked)
    rows = [
        _row(standing, ranks.get(standing.record.run_id), reasons[standing.record.run_id], values)
        for standing in standings
    ]
    rows.sort(key=lambda row: (row.rank is None, row.rank or 0, row.method_id))
    dataset = newest.record.dataset
    leaders = {spec.id: _leaders(spec, rows) for spec in columns}
    return Board(
        protocol=newest.protocol,
        protocol_hash=newest.protocol.hash,
        region=region,
        group=group,
        complete=dataset.complete,
        n_images=dataset.n_images if group == EVERY else max(standing.tried.get(group, 0) for standing in standings),
        n_images_whole=dataset.n_images_whole if group == EVERY else None,
        metrics=columns,
        rows=tuple(rows),
        best={metric: best for metric, (best, _) in leaders.items() if best},
        second={metric: second for metric, (_, second) in leaders.items() if second},
        unknown_metrics=tuple(ref for ref in newest.protocol.metrics if ref not in {spec.ref for spec in columns}),
    )


def _aggregate(standing: Standing, region: str, group: str, metric: str) -> Aggregate:
    """One metric over the images of a region and a group."""
    of_set = SET_METRICS.get(metric)
    source, compute = (of_set.source, of_set.compute) if of_set else (metric, mean)
    tally = standing.tally(region, group, source)
    summary = summarise_counts(
        tally.values,
        n_identical=tally.n_identical,
        n_undefined=tally.n_undefined,
        n_failed=tally.n_failed,
        compute=compute,
    )
    return Aggregate(
        mean=summary.mean,
        finite_mean=summary.finite_mean,
        n_images=summary.n_images,
        n_identical=summary.n_identical,
        n_failed=summary.n_failed,
        n_undefined=summary.n_undefined,
    )


def _obstacles(standing: Standing, region: str, columns: Sequence[MetricSpec], values: Aggregates) -> Iterator[str]:
    """Why a row cannot be ranked, the plainest reason first; nothing if it can."""
    n_images = standing.record.dataset.n_images
    if standing.n_failed:
        yield f"{standing.n_failed} of {n_images} images failed"
    if standing.n_missing:
        yield f"{standing.n_missing} of {n_images} images were not tried"
    if standing.record.status != "complete":
        yield f"the run is {standing.record.status}"
    if region not in standing.protocol.regions:
        yield f"the run was not scored in the region {region!r}"
    if not columns:
        yield "none of the protocol's metrics is known to this version of ldpbench"
        return
    first = values[columns[0].id]
    if first.n_images == 0:
        yield f"no image has the region {region!r}"
    if first.mean is None:
        yield f"{columns[0].title} has no value for {first.n_undefined} of {first.n_images} images"


def _ranks(columns: Sequence[MetricSpec], ranked: Mapping[str, Aggregates]) -> dict[str, int]:
    """Ranks by the first column, by run id."""
    if not columns:
        return {}
    means = {run_id: values[columns[0].id].mean for run_id, values in ranked.items()}
    return competition_ranks(_defined(means.items()), higher_is_better=columns[0].higher_is_better)


def _leaders(spec: MetricSpec, rows: Sequence[BoardRow]) -> tuple[str | None, str | None]:
    """Run ids of the best and the second best ranked row; of equal ones the one higher up on the board comes first."""
    means = _defined((row.run_id, row.values[spec.id].mean) for row in rows if row.rank is not None)
    return best_two(means, higher_is_better=spec.higher_is_better)


def _defined(means: Iterable[tuple[str, float | None]]) -> dict[str, float]:
    return {run_id: value for run_id, value in means if value is not None}


def _row(standing: Standing, rank: int | None, reason: str | None, values: Mapping[str, Aggregates]) -> BoardRow:
    method = standing.record.method
    return BoardRow(
        rank=rank,
        unranked_reason=reason,
        run_id=standing.record.run_id,
        method_id=method.id,
        method_title=method.title,
        method_kind=method.kind,
        inputs=method.inputs,
        parameters=method.parameters,
        values=values[standing.record.run_id],
        seconds_median=standing.seconds_median,
        code_sha256=method.code_sha256,
        verified=standing.record.verified_by is not None,
    )
