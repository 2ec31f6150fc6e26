"""The questions that pages and tables ask the database.

Means are taken here and never in SQL, where failed images vanish from a mean and one infinite value swallows it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import duckdb

from ldpbench.core.errors import UsageError
from ldpbench.metrics.aggregate import SET_METRICS, mean, rmse_mean, summarise
from ldpbench.metrics.catalogue import METRICS
from ldpbench.records import MetricSpec, Protocol, RunRecord
from ldpbench.results.ranking import best_two, competition_ranks
from ldpbench.results.standing import FAILED, Standing, as_number, load_standings
from ldpbench.results.views import Aggregate, Board, BoardRow, SampleScores, StoredRun

Aggregates = dict[str, Aggregate]
"""By metric id."""


def boards(connection: duckdb.DuckDBPyConnection) -> list[Board]:
    """One board per protocol and region: by dataset, whole sets before subsets, protocols in the order of their card.

    A method is represented by its latest complete run under the protocol, else by its latest partial one, unranked.
    """
    by_protocol: dict[str, list[Standing]] = defaultdict(list)
    for standing in load_standings(connection):
        by_protocol[standing.protocol.hash].append(standing)
    ordered = sorted(by_protocol.values(), key=lambda standings: _place(standings[-1]))
    return [_board(standings, region) for standings in ordered for region in standings[-1].protocol.regions]


def sample_scores(connection: duckdb.DuckDBPyConnection, protocol_hash: str, region: str = "all") -> list[SampleScores]:
    """Every image of every standing run under one protocol and region, ordered by sample id, then by method id.

    Raises:
        UsageError: If nothing was measured under the protocol, or it has no such region.
    """
    standings = load_standings(connection, protocol_hash)
    regions = {name for standing in standings for name in standing.protocol.regions}
    if region not in regions:
        found = f"its regions are {', '.join(sorted(regions))}" if standings else "no run was measured under it"
        raise UsageError(
            f"protocol {protocol_hash[:12]} has no scores in region {region!r}: {found}",
            hint="take protocol_hash and region from one of the boards",
        )
    rows = [
        SampleScores(
            run_id=standing.record.run_id,
            method_id=standing.record.method.id,
            sample_id=image.sample_id,
            values={
                metric: as_number(standing.scored(region, image, metric)) for metric in _metric_ids(standing.protocol)
            },
            seconds=image.seconds,
            failure=image.failure,
        )
        for standing in standings
        for image in standing.images_of(region)
    ]
    return sorted(rows, key=lambda row: (row.sample_id, row.method_id))


def runs(connection: duckdb.DuckDBPyConnection) -> list[StoredRun]:
    """Every run there is, whatever its status, the latest first."""
    rows = connection.execute("SELECT record, folder FROM runs ORDER BY started_at DESC, run_id").fetchall()
    return [StoredRun(record=RunRecord.model_validate_json(document), folder=folder) for document, folder in rows]


def _place(standing: Standing) -> tuple[str, str, bool, int, str]:
    """Where the boards of a protocol come among all boards."""
    dataset = standing.record.dataset
    position = standing.record.protocols.index(standing.protocol)
    return dataset.id, dataset.split, not dataset.complete, position, standing.protocol.hash


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


def _board(standings: Sequence[Standing], region: str) -> Board:
    """The board of one protocol, whose standings come oldest first, in one of its regions."""
    newest = standings[-1]
    columns = _columns(newest.protocol)
    values = {
        standing.record.run_id: {spec.id: _aggregate(standing, region, spec.id) for spec in columns}
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
    leaders = {spec.id: _leaders(spec, rows) for spec in columns}
    return Board(
        protocol=newest.protocol,
        protocol_hash=newest.protocol.hash,
        region=region,
        complete=newest.record.dataset.complete,
        n_images=newest.record.dataset.n_images,
        n_images_whole=newest.record.dataset.n_images_whole,
        metrics=columns,
        rows=tuple(rows),
        best={metric: best for metric, (best, _) in leaders.items() if best},
        second={metric: second for metric, (_, second) in leaders.items() if second},
        unknown_metrics=tuple(ref for ref in newest.protocol.metrics if ref not in {spec.ref for spec in columns}),
    )


def _aggregate(standing: Standing, region: str, metric: str) -> Aggregate:
    """One metric over the images of a region; images that failed or were never tried are counted in every region."""
    of_set = SET_METRICS.get(metric)
    source, compute = (of_set.source, of_set.compute) if of_set else (metric, mean)
    scored = [standing.scored(region, image, source) for image in standing.images_of(region)]
    summary = summarise([*scored, *[FAILED] * standing.n_missing], compute)
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
    )
