"""The facts in the order and under the names that the pages use."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from ldpbench.core.names import share_of
from ldpbench.records import DatasetCard, MapProtocolSpec, Protocol, ProtocolSpec
from ldpbench.results.views import Board, SampleScores, StoredRun, View
from ldpbench.site.facts import Facts, SceneKey, ScenePictures
from ldpbench.site.names import board_pages, safe_name, scene_page
from ldpbench.site.pages import Badge, Link
from ldpbench.site.words import protocol_title


class Lookup:
    """Answers to what every page asks. Orders are total, so that the same facts give the same bytes."""

    def __init__(self, facts: Facts, pictures: Mapping[SceneKey, ScenePictures]) -> None:
        self.facts = facts
        self.pictures = pictures

    @cached_property
    def protocols(self) -> dict[str, Protocol]:
        """Hash -> protocol, in the order of the pages: by dataset; primary protocol and whole sets first."""
        found = {board.protocol_hash: board for board in self.facts.boards}
        return {board.protocol_hash: board.protocol for board in sorted(found.values(), key=self._order)}

    def _order(self, board: Board) -> tuple[str, int, int, bool, bool, str, str]:
        protocol = board.protocol
        card = self.facts.cards.get(protocol.dataset_id)
        names = [f"{protocol.dataset_id}/{spec.id}" for spec in _specs(card)]
        splits = list(card.splits) if card else []
        return (
            protocol.dataset_id,
            names.index(protocol.id) if protocol.id in names else len(names),
            splits.index(protocol.split) if protocol.split in splits else len(splits),
            not board.complete,
            protocol.heading != protocol.title,  # done in another than the plain way
            protocol.id,
            board.protocol_hash,
        )

    @cached_property
    def pages(self) -> dict[str, str]:
        """Protocol hash -> the page of its board."""
        return board_pages(self.protocols.values())

    @cached_property
    def regions(self) -> dict[str, dict[str, Board]]:
        """Protocol hash -> region -> board over all scenes, the whole picture first."""
        found: dict[str, dict[str, Board]] = {key: {} for key in self.protocols}
        for board in sorted(self.facts.boards, key=self._region_order):
            if board.group == "all":
                found[board.protocol_hash][board.region] = board
        return found

    def groups(self, protocol_hash: str) -> list[Board]:
        """The boards of groups of scenes, such as indoor and outdoor, over whole pictures."""
        return [
            board
            for board in self.facts.boards
            if board.protocol_hash == protocol_hash and board.group != "all" and board.region == "all"
        ]

    @staticmethod
    def _region_order(board: Board) -> tuple[bool, int, str]:
        names = board.protocol.regions
        place = names.index(board.region) if board.region in names else len(names)
        return (board.region != "all", place, board.region)

    def main_board(self, protocol_hash: str) -> Board:
        """The board of the whole picture, or of the first region where a protocol has no whole."""
        return next(iter(self.regions[protocol_hash].values()))

    @cached_property
    def _scores(self) -> dict[View, tuple[SampleScores, ...]]:
        found = {}
        for board in self.facts.boards:
            key = board.view
            place = {row.run_id: number for number, row in enumerate(board.rows)}
            rows = self.facts.scores.get(key, ())
            order = [((place.get(row.run_id, len(place)), row.run_id, row.sample_id), row) for row in rows]
            found[key] = tuple(row for _, row in sorted(order, key=lambda pair: pair[0]))
        return found

    @cached_property
    def _scene_scores(self) -> dict[tuple[str, str, str], list[SampleScores]]:
        found: dict[tuple[str, str, str], list[SampleScores]] = {}
        for (protocol_hash, region, group), rows in self._scores.items():
            for row in rows if group == "all" else ():
                found.setdefault((protocol_hash, region, row.sample_id), []).append(row)
        return found

    def scores(self, board: Board) -> Sequence[SampleScores]:
        """Per-image rows of a board, in the order of its methods and then of its scenes."""
        return self._scores[board.view]

    def scene_scores(self, board: Board, sample_id: str) -> Sequence[SampleScores]:
        """A board's rows of one scene, in the order of its methods."""
        return self._scene_scores.get((board.protocol_hash, board.region, sample_id), ())

    def protocols_of(self, dataset_id: str) -> list[Protocol]:
        """The protocols of one dataset that have a board, in order."""
        return [protocol for protocol in self.protocols.values() if protocol.dataset_id == dataset_id]

    @cached_property
    def runs(self) -> tuple[StoredRun, ...]:
        """All runs by dataset, method and start."""
        return tuple(
            sorted(
                self.facts.runs,
                key=lambda run: (
                    run.record.dataset.id,
                    run.record.method.id,
                    run.record.started_at,
                    run.record.run_id,
                ),
            )
        )

    @cached_property
    def method_titles(self) -> dict[str, str]:
        """Method id -> title: that of its record, else of its latest run, for every method that ran."""
        titles = {run.record.method.id: run.record.method.title for run in self.runs}
        titles.update({row.method_id: row.method_title for board in self.facts.boards for row in board.rows})
        titles.update({name: record.title for name, record in self.facts.methods.items() if name in titles})
        return {name: titles[name] for name in sorted(titles)}

    @cached_property
    def known_methods(self) -> frozenset[str]:
        """Every method that has a page: it has a record here or was measured."""
        return frozenset((*self.facts.methods, *self.method_titles))

    @cached_property
    def scene_ids(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """Dataset and split -> scored scenes."""
        return self.facts.scenes()

    def scene_links(self, dataset_id: str, split: str) -> dict[str, str]:
        """Sample id -> its page."""
        ids: Sequence[str] = self.scene_ids.get((dataset_id, split), ())
        return {sample_id: scene_page(dataset_id, split, sample_id) for sample_id in ids}

    def dataset_title(self, dataset_id: str) -> str:
        """The card's title, or the id of a dataset that has no card here."""
        card = self.facts.cards.get(dataset_id)
        return card.title if card else dataset_id

    def dataset_link(self, dataset_id: str) -> Link:
        """A link to the dataset's section."""
        return Link(text=self.dataset_title(dataset_id), href=f"index.html#{dataset_anchor(dataset_id)}")

    def board_title(self, protocol: Protocol) -> str:
        """Dataset, split and protocol in one line."""
        return f"{self.dataset_title(protocol.dataset_id)} {protocol.split}, {protocol_title(protocol)}"

    def why(self, protocol: Protocol) -> str | None:
        """When to read a protocol, as the card says."""
        card = self.facts.cards.get(protocol.dataset_id)
        return next((spec.why for spec in _specs(card) if f"{protocol.dataset_id}/{spec.id}" == protocol.id), None)


def _specs(card: DatasetCard | None) -> tuple[ProtocolSpec | MapProtocolSpec, ...]:
    """A card's protocols, those for maps last."""
    return (*card.protocols, *card.map_protocols) if card else ()


def dataset_anchor(dataset_id: str) -> str:
    """The id of a dataset's section on the index."""
    return f"dataset-{safe_name(dataset_id)}"


def completeness(board: Board) -> Badge:
    """``complete``, or how much of the set was there."""
    if board.complete:
        return Badge(text=f"complete: {board.n_images} scenes", kind="whole")
    return Badge(text=f"partial: {share_of(board.n_images, board.n_images_whole)} scenes", kind="part")
