"""The run that stands for each method under each protocol, with everything it measured."""

import math
from collections import defaultdict
from dataclasses import dataclass
from statistics import median

import duckdb

from ldpbench.metrics.aggregate import Scored
from ldpbench.records import Protocol, RunRecord

FAILED: Scored = (None, "failed")
UNDEFINED: Scored = (None, "undefined")
ScoresOfImages = dict[str, dict[str, Scored]]
"""By sample id and metric id."""


@dataclass(frozen=True)
class ImageFacts:
    """What is known of one image apart from its scores."""

    sample_id: str
    seconds: float | None
    failure: str | None


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One method under one protocol."""

    record: RunRecord
    protocol: Protocol
    images: tuple[ImageFacts, ...]
    """In order of their ids."""
    scores: dict[str, ScoresOfImages]
    """By region. An image without the region is not in it; neither is one that failed."""

    @property
    def n_failed(self) -> int:
        """Images that the method failed on."""
        return sum(image.failure is not None for image in self.images)

    @property
    def n_missing(self) -> int:
        """Images that were never tried."""
        return self.record.dataset.n_images - len(self.images)

    @property
    def seconds_median(self) -> float | None:
        """Median time of the method per image."""
        seconds = [image.seconds for image in self.images if image.seconds is not None]
        return median(seconds) if seconds else None

    def images_of(self, region: str) -> list[ImageFacts]:
        """The images that have this region, and those that failed, because they may have it."""
        scored = self.scores.get(region, {})
        return [image for image in self.images if image.failure is not None or image.sample_id in scored]

    def scored(self, region: str, image: ImageFacts, metric: str) -> Scored:
        """Value and status of one of ``images_of(region)``."""
        if image.failure is not None:
            return FAILED
        return self.scores[region][image.sample_id].get(metric, UNDEFINED)


def as_number(scored: Scored) -> float | None:
    """The value of one image as pages show it: +inf if identical, None if there is none."""
    value, status = scored
    return math.inf if status == "identical" else value


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
    images = _images(connection)
    scores = _scores(connection, protocol)
    return [
        Standing(
            record=records[run_id],
            protocol=next(bound for bound in records[run_id].protocols if bound.hash == found),
            images=tuple(images.get(run_id, ())),
            scores=scores.get((found, run_id), {}),
        )
        for found, run_id, _ in rows
    ]


def _images(connection: duckdb.DuckDBPyConnection) -> dict[str, list[ImageFacts]]:
    """Images by run id."""
    rows = connection.execute(
        """
        SELECT run_id, sample_id, seconds, failure_message FROM images
        WHERE run_id IN (SELECT run_id FROM latest_run) ORDER BY sample_id
        """
    )
    images: dict[str, list[ImageFacts]] = defaultdict(list)
    for run_id, *facts in rows.fetchall():
        images[run_id].append(ImageFacts(*facts))
    return images


def _scores(
    connection: duckdb.DuckDBPyConnection, protocol: str | None
) -> dict[tuple[str, str], dict[str, ScoresOfImages]]:
    """Scores by protocol and run id, then as in ``Standing``."""
    rows = connection.execute(
        """
        SELECT protocol, run_id, region, sample_id, metric, value, image_scores.status FROM image_scores
        JOIN latest_run USING (protocol, run_id)
        WHERE protocol = coalesce($1, protocol)
        """,
        [protocol],
    )
    scores: dict[tuple[str, str], dict[str, ScoresOfImages]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(dict))
    )
    for found, run_id, region, sample_id, metric, value, status in rows.fetchall():
        scores[found, run_id][region][sample_id][metric] = (value, status)
    return scores
