"""Two runs side by side: what was different about them, and by how much their numbers moved."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from ldpbench.core.names import unknown_name
from ldpbench.records import RunRecord
from ldpbench.results.statistics.bootstrap import Interval, interval, resampled_means

_NOT_TOLD = ("run_id", "cell", "started_at", "finished_at", "protocols")
"""Different in any two runs, or told apart elsewhere."""

Place = tuple[str, str, str]
"""Protocol, region and metric."""


@dataclass(frozen=True)
class Change:
    """One fact that is not the same in both runs.

    Args:
        fact: Its place in the record: ``environment.packages.torch``.
        before: In the first run; None where it has no such fact.
        after: In the second.
    """

    fact: str
    before: Any
    after: Any


@dataclass(frozen=True, kw_only=True)
class Moved:
    """One metric under one protocol, over the images that have a finite value in both runs."""

    protocol: str
    """Its id."""
    same_protocol: bool
    """False if only the id is the same: then the difference may come from the protocol alone."""
    region: str
    metric: str
    n_images: int
    n_left_out: int
    """Images that have a value in one of the runs only, or one that is not finite."""
    before: float
    after: float
    """Means over those images."""
    interval: Interval | None
    """Of the difference after - before, paired over images; None for fewer than two images."""
    n_equal: int
    """Images with the same value to the last bit."""
    largest: float
    """The largest difference of one image, with its sign."""
    largest_at: str
    """That image's id."""

    @property
    def difference(self) -> float:
        """Mean of the second run less that of the first."""
        return self.after - self.before


@dataclass(frozen=True, kw_only=True)
class RunDiff:
    """What ``results diff`` says."""

    before: RunRecord
    after: RunRecord
    changes: tuple[Change, ...]
    protocol_changes: tuple[Change, ...]
    """Fields of protocols of one id: ``sample/srgb: inference``."""
    moved: tuple[Moved, ...]


def diff_runs(connection: duckdb.DuckDBPyConnection, before: str, after: str) -> RunDiff:
    """Compare two runs of the database.

    Args:
        connection: The database.
        before: A run id.
        after: Another one.

    Raises:
        UsageError: If there is no such run.
    """
    first, second = (_record(connection, run_id) for run_id in (before, after))
    return RunDiff(
        before=first,
        after=second,
        changes=tuple(_changes(_facts(first), _facts(second))),
        protocol_changes=tuple(_protocol_changes(first, second)),
        moved=tuple(_moved(connection, first, second)),
    )


def _record(connection: duckdb.DuckDBPyConnection, run_id: str) -> RunRecord:
    found = connection.execute("SELECT record FROM runs WHERE run_id = ?", [run_id]).fetchone()
    if found is None:
        known = [name for (name,) in connection.execute("SELECT run_id FROM runs ORDER BY run_id").fetchall()]
        raise unknown_name("run", run_id, known)
    return RunRecord.model_validate_json(found[0])


def _facts(record: RunRecord) -> dict[str, Any]:
    document = record.model_dump(mode="json", exclude=set(_NOT_TOLD))
    return dict(_flat(document, ""))


def _flat(document: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Leaves of nested mappings by dotted names; lists are leaves."""
    if not isinstance(document, Mapping):
        yield place, document
        return
    for key, value in document.items():
        yield from _flat(value, f"{place}.{key}" if place else str(key))


def _changes(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> Iterator[Change]:
    for fact in [*before, *(name for name in after if name not in before)]:
        if before.get(fact) != after.get(fact):
            yield Change(f"{prefix}{fact}", before.get(fact), after.get(fact))


def _protocol_changes(before: RunRecord, after: RunRecord) -> Iterator[Change]:
    theirs = {protocol.id: protocol for protocol in after.protocols}
    for protocol in before.protocols:
        other = theirs.get(protocol.id)
        if other is not None and other.hash != protocol.hash:
            facts = [dict(_flat(found.model_dump(mode="json"), "")) for found in (protocol, other)]
            yield from _changes(facts[0], facts[1], f"{protocol.id}: ")


def _moved(connection: duckdb.DuckDBPyConnection, before: RunRecord, after: RunRecord) -> Iterator[Moved]:
    hashes = [{protocol.hash: protocol.id for protocol in record.protocols} for record in (before, after)]
    first, second = (
        _scores(connection, record.run_id, known) for record, known in zip((before, after), hashes, strict=True)
    )
    shared = set(hashes[0]) & set(hashes[1])
    same = {hashes[0][found] for found in shared}
    for place in first:
        if place in second and (found := _compared(place, first[place], second[place], place[0] in same)):
            yield found


def _scores(
    connection: duckdb.DuckDBPyConnection, run_id: str, ids: Mapping[str, str]
) -> dict[Place, dict[str, float]]:
    """Values by image for each protocol id, region and metric; identical pictures are +inf."""
    rows = connection.execute(
        """
        SELECT protocol, region, metric, sample_id, CASE status WHEN 'identical' THEN 'infinity'::DOUBLE ELSE value END
        FROM image_scores WHERE run_id = ? ORDER BY protocol, region, metric, sample_id
        """,
        [run_id],
    ).fetchall()
    scores: dict[Place, dict[str, float]] = defaultdict(dict)
    for protocol, region, metric, sample_id, value in rows:
        scores[ids[protocol], region, metric][sample_id] = math.nan if value is None else value
    return scores


def _compared(
    place: Place, before: Mapping[str, float], after: Mapping[str, float], same_protocol: bool
) -> Moved | None:
    images = sorted(before.keys() & after.keys())
    paired = [name for name in images if math.isfinite(before[name]) and math.isfinite(after[name])]
    if not paired:
        return None
    pairs = [(before[name], after[name]) for name in paired]
    differences = [then - now for now, then in pairs]
    largest = max(range(len(paired)), key=lambda index: abs(differences[index]))
    return Moved(
        protocol=place[0],
        same_protocol=same_protocol,
        region=place[1],
        metric=place[2],
        n_images=len(paired),
        n_left_out=len(before.keys() | after.keys()) - len(paired),
        before=_mean([now for now, _ in pairs]),
        after=_mean([then for _, then in pairs]),
        interval=_interval(differences),
        n_equal=sum(now == then for now, then in pairs),
        largest=differences[largest],
        largest_at=paired[largest],
    )


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _interval(differences: Sequence[float]) -> Interval | None:
    import numpy as np

    return None if len(differences) < 2 else interval(resampled_means(np.array([differences]))[0])
