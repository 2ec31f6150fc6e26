"""The run that stands for each method under each protocol, with its values by region and group of scenes."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from ldpbench.records import Protocol, RunRecord
from ldpbench.results.frames import NO_GROUP, Frames, rows_of

EVERY = "all"
"""The whole picture among regions, and all scenes among groups."""

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


def standings_of(frames: Frames) -> list[Standing]:
    """One ``Standing`` for every standing run under every protocol, the oldest first."""
    tried, failed = _images(frames)
    seconds = dict(rows_of(frames.seconds, "run_id", "median_s"))
    scores = _scores(frames)
    in_region = _in_region(frames, scores, tried, failed)
    rows = list(rows_of(frames.runs, "protocol", "run_id", "record"))
    records = {run_id: RunRecord.model_validate_json(document) for _, run_id, document in rows}
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


def _images(frames: Frames) -> tuple[_Counts, _Counts]:
    """Images with a row, and those of them that failed, by run id and group."""
    tried: _Counts = defaultdict(dict)
    failed: _Counts = defaultdict(dict)
    for run_id, group, n_tried, n_failed in rows_of(frames.images, "run_id", "name", "n_tried", "n_failed"):
        tried[run_id][group], failed[run_id][group] = n_tried, n_failed
    return tried, failed


def _scores(frames: Frames) -> dict[_Key, dict[View, dict[str, _Scores]]]:
    numbers = frames.scores.column("numbers").combine_chunks()
    others = ("protocol", "run_id", "region", "name", "metric", "n_identical", "n_failed", "n_scored")
    scores: dict[_Key, dict[View, dict[str, _Scores]]] = defaultdict(lambda: defaultdict(dict))
    for place, (found, run_id, region, group, metric, *counts) in enumerate(rows_of(frames.scores, *others)):
        one = numbers[place]
        values = one.values.to_numpy(zero_copy_only=False).tolist() if one.is_valid else []
        scores[found, run_id][region, group][metric] = _Scores(values, *counts)
    return scores


def _in_region(
    frames: Frames, scores: Mapping[_Key, Mapping[View, Mapping[str, _Scores]]], tried: _Counts, failed: _Counts
) -> dict[_Key, dict[View, int]]:
    """How many images that did not fail have each region."""
    counts: dict[_Key, dict[View, int]] = defaultdict(dict)
    for key, views in scores.items():
        for region, group in views:
            counts[key][region, group] = tried[key[1]].get(group, 0) - failed[key[1]].get(group, 0)
    for found, run_id, region, group, n_images in rows_of(
        frames.regions, "protocol", "run_id", "region", "name", "n_images"
    ):
        counts[found, run_id][region, group] = n_images
    return counts
