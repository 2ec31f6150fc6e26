"""What queries answer with: plain frozen values that pages and tables print."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from ldpbench.records import MetricSpec, Protocol, RunRecord
from ldpbench.results.costs import CostRow
from ldpbench.results.statistics.bootstrap import Interval

View = tuple[str, str, str]
"""Protocol hash, region and group of scenes."""


@dataclass(frozen=True, kw_only=True)
class Aggregate:
    """One metric of one method over the images of one region.

    ``mean`` is what the board shows and ranks: the mean over images, or the set-level value for metrics that exist only
    there (``mse-rel``). It is +inf when an image came out identical, and None when an image failed or is undefined.
    """

    mean: float | None
    finite_mean: float | None
    """Mean over the images with a finite value, None if there is none."""
    n_images: int
    n_identical: int
    n_failed: int
    """Images that failed or were never tried."""
    n_undefined: int = 0
    """Images for which the metric has no value."""
    interval: Interval | None = None
    """Of the mean, 95 %, from the paired bootstrap over images; see ``with_statistics``."""


@dataclass(frozen=True, kw_only=True)
class BoardRow:
    """One method on one board."""

    rank: int | None
    """1 is best by the board's first metric; equal values share a rank. None for rows that are not ranked."""
    unranked_reason: str | None
    """Why ``rank`` is None, in words: the run is not complete, an image failed, ..."""
    run_id: str
    method_id: str
    method_title: str
    method_kind: str
    inputs: tuple[str, ...]
    parameters: int | None
    values: dict[str, Aggregate]
    """By metric id."""
    seconds_median: float | None
    code_sha256: str = ""
    cost: CostRow | None = None
    """What it takes, at the size and on the machine of the whole board; see ``with_costs``."""
    verified: bool = False
    """Its run was scored again from the pictures that were handed in."""
    tied_with: tuple[str, ...] = ()
    """Methods that the images cannot tell from this one by the board's first metric; see ``with_statistics``."""


@dataclass(frozen=True, kw_only=True)
class Board:
    """All methods measured under one protocol, in one region, on one group of scenes."""

    protocol: Protocol
    protocol_hash: str
    region: str
    group: str = "all"
    """A group of scenes such as ``indoor``; ``all`` for all of them together."""
    complete: bool
    """False for a subset of the dataset."""
    n_images: int
    n_images_whole: int | None
    """None where nobody knows how many the whole split has."""
    metrics: tuple[MetricSpec, ...]
    """The columns, the ranking one first."""
    rows: tuple[BoardRow, ...]
    best: dict[str, str]
    """Metric id -> run id of the best ranked row."""
    second: dict[str, str]
    """Metric id -> run id of the second best ranked row."""
    unknown_metrics: tuple[str, ...] = ()
    """Metrics of the protocol that this ldpbench does not know in that version, such as ``psnr/2``: no columns."""

    @property
    def view(self) -> View:
        """Where its scores are looked up."""
        return self.protocol_hash, self.region, self.group


class SampleScores(NamedTuple):
    """One method's numbers on one image under one protocol and region; there may be hundreds of thousands."""

    run_id: str
    method_id: str
    sample_id: str
    values: dict[str, float | None]
    """By metric id; +inf for an identical image, None where undefined or failed."""
    group: str | None
    seconds: float | None
    failure: str | None


@dataclass(frozen=True, kw_only=True)
class PublishedRow:
    """One row of a paper's table, shown beside the board and never ranked with it."""

    table: str
    dataset: str
    group: str
    """As corrected; ``group_as_printed`` is what the paper's heading says."""
    group_as_printed: str
    method_id: str
    method_as_printed: str
    values: dict[str, float]
    faults: dict[str, str] = field(default_factory=dict)
    """Metric id -> why the printed value cannot be right."""


@dataclass(frozen=True, kw_only=True)
class PublishedTable:
    """One paper's table with its provenance."""

    id: str
    paper: str
    source: str
    """Which version of the paper was read."""
    url: str = ""
    kind: Literal["comparison", "ablation"] = "comparison"
    table: str
    dataset: str
    notes: tuple[str, ...]
    rows: tuple[PublishedRow, ...]


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """A run as the database holds it."""

    record: RunRecord
    folder: str
    """Where its run folder was when it was ingested."""
