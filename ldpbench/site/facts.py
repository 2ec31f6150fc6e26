"""Everything the pages are made from, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ldpbench.records import BaselineRecord, DatasetCard, MetricSpec
from ldpbench.results.views import Board, PublishedTable, SampleScores, StoredRun, View
from ldpbench.site.ablations import Ablation
from ldpbench.site.pages import Crop, Picture

SceneKey = tuple[str, str, str]
"""Dataset id, split, sample id."""


@dataclass(frozen=True, kw_only=True)
class ScenePictures:
    """The pictures of one scene that could be had."""

    pictures: tuple[Picture, ...] = ()
    thumbnail: Picture | None = None
    crops: tuple[Crop, ...] = ()
    """Parts that are worth a close look."""
    is_linear: bool = False
    notes: tuple[str, ...] = ()
    """What is missing and why, one sentence each."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The input of ``compose``."""

    boards: tuple[Board, ...] = ()
    scores: Mapping[View, tuple[SampleScores, ...]] = field(default_factory=dict)
    """By protocol hash, region and group."""
    runs: tuple[StoredRun, ...] = ()
    cards: Mapping[str, DatasetCard] = field(default_factory=dict)
    methods: Mapping[str, BaselineRecord] = field(default_factory=dict)
    published: tuple[PublishedTable, ...] = ()
    ablations: tuple[Ablation, ...] = ()
    """Sweeps that were run here."""
    metrics: Mapping[str, MetricSpec] = field(default_factory=dict)
    """By id: what published columns are called."""

    def standing_runs(self) -> tuple[StoredRun, ...]:
        """The runs behind the rows of the boards; the others were superseded or are on no board."""
        standing = {row.run_id for board in self.boards for row in board.rows}
        return tuple(run for run in self.runs if run.record.run_id in standing)

    def scenes(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """Dataset id and split -> the ids of the scenes that anybody was scored on, sorted."""
        found: dict[tuple[str, str], set[str]] = {}
        for board in self.boards:
            ids = found.setdefault((board.protocol.dataset_id, board.protocol.split), set())
            ids.update(row.sample_id for row in self.scores.get(board.view, ()))
        return {key: tuple(sorted(found[key])) for key in sorted(found)}
