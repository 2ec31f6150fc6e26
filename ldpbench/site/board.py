"""The pages of a board: one for whole pictures of all scenes, one for every region and every group of scenes."""

from collections.abc import Iterator, Sequence

from ldpbench.records import Protocol
from ldpbench.results.views import Board, SampleScores
from ldpbench.site.board_table import board_table
from ldpbench.site.facts import ScenePictures
from ldpbench.site.lookup import Lookup, completeness
from ldpbench.site.names import gallery_page, method_page, safe_name, view_page
from ldpbench.site.pages import BoardPage, GalleryPage, Link, OtherProtocol, SceneCard, Tab, Table
from ldpbench.site.plots import board_plots
from ldpbench.site.words import (
    differences,
    licence_notes,
    metric_facts,
    protocol_facts,
    protocol_title,
    region_meaning,
    region_title,
)

_SCENES_ON_A_BOARD = 12


def board_pages_of(protocol: Protocol, lookup: Lookup) -> Iterator[BoardPage]:
    """Every view of the board of one protocol; the first is the one that other pages link to."""
    views = [*lookup.regions[protocol.hash].values(), *lookup.groups(protocol.hash)]
    paths = {board.view: view_path(board, lookup) for board in views}
    scenes = scene_cards(protocol.dataset_id, protocol.split, lookup)
    scene_links = lookup.scene_links(protocol.dataset_id, protocol.split)
    for board in views:
        scores = lookup.scores(board)
        table = shown_board(board, lookup, scores)
        plots = board_plots(board, scores, page=paths[board.view], title=table.caption, scene_links=scene_links)
        yield BoardPage(
            path=paths[board.view],
            title=table.caption,
            data=plots.files if plots else (),
            plots=plots.section if plots else None,
            dataset=lookup.dataset_link(protocol.dataset_id),
            protocol=protocol.id,
            why=lookup.why(protocol),
            badge=completeness(board),
            tabs=_tabs(board, views, paths, lookup) if len(views) > 1 else (),
            meaning=_meaning(board),
            table=table,
            notes=licence_notes(board.metrics),
            facts=protocol_facts(protocol),
            metrics=metric_facts(board.metrics),
            others=tuple(_others(board, lookup)),
            scenes=scenes[:_SCENES_ON_A_BOARD],
            gallery=_gallery_link(protocol, len(scenes)) if len(scenes) > _SCENES_ON_A_BOARD else None,
        )


def shown_board(board: Board, lookup: Lookup, scores: Sequence[SampleScores] | None = None) -> Table:
    """The table of a board under the title of its page; ``scores`` add the strips."""
    view = "" if (board.region, board.group) == ("all", "all") else f", {view_title(board).lower()}"
    title = f"{lookup.board_title(board.protocol)}{view}"
    # Papers print numbers of the set's own protocol; beside another they would invite a comparison.
    is_main = lookup.protocols_of(board.protocol.dataset_id)[0].hash == board.protocol_hash
    published = lookup.facts.published if is_main else ()
    return board_table(board, title, records=lookup.facts.methods, scores=scores, published=published)


def view_path(board: Board, lookup: Lookup) -> str:
    """The page of a board in its region, on its group of scenes."""
    page = lookup.pages[board.protocol_hash]
    if board.view == lookup.main_board(board.protocol_hash).view:
        return page
    return view_page(page, board.region, board.group)


def view_title(board: Board) -> str:
    """A region or a group in a word or two."""
    return board.group.capitalize() if board.group != "all" else region_title(board.region)


def _tabs(
    current: Board, views: list[Board], paths: dict[tuple[str, str, str], str], lookup: Lookup
) -> tuple[Tab, ...]:
    has_groups = bool(lookup.groups(current.protocol_hash))

    def text(board: Board) -> str:
        return "All scenes" if has_groups and (board.region, board.group) == ("all", "all") else view_title(board)

    return tuple(Tab(link=Link(text=text(board), href=paths[board.view]), current=board is current) for board in views)


def _meaning(board: Board) -> str | None:
    if board.group != "all":
        return f"Only the {board.n_images} scenes of the group {board.group}."
    return None if board.region == "all" else region_meaning(board.region)


def _others(board: Board, lookup: Lookup) -> Iterator[OtherProtocol]:
    """Why the other protocols of the set stand apart, and under which of them a method is found that is not here."""
    seen = {row.method_id for row in board.rows}
    for other in lookup.protocols_of(board.protocol.dataset_id):
        if other.hash == board.protocol_hash:
            continue
        missed = [row for row in lookup.main_board(other.hash).rows if row.method_id not in seen]
        if other.task != board.protocol.task:
            missed = []
        seen.update(row.method_id for row in missed)
        yield OtherProtocol(
            anchor=f"apart-{safe_name(other.id)}-{other.hash[:8]}",
            link=Link(text=f"{protocol_title(other)}, {other.split}", href=lookup.pages[other.hash]),
            differences=differences(board.protocol, other),
            only_there=tuple(Link(text=row.method_title, href=method_page(row.method_id)) for row in missed),
        )


def _gallery_link(protocol: Protocol, n_scenes: int) -> Link:
    return Link(text=f"All {n_scenes} scenes", href=gallery_page(protocol.dataset_id, protocol.split))


def gallery_page_of(dataset_id: str, split: str, lookup: Lookup) -> GalleryPage:
    """All scenes of a split as small pictures."""
    return GalleryPage(
        path=gallery_page(dataset_id, split),
        title=f"{lookup.dataset_title(dataset_id)} {split}: scenes",
        dataset=lookup.dataset_link(dataset_id),
        scenes=scene_cards(dataset_id, split, lookup),
    )


def scene_cards(dataset_id: str, split: str, lookup: Lookup) -> tuple[SceneCard, ...]:
    """A link with a small picture for every scene."""
    return tuple(
        SceneCard(
            link=Link(text=sample_id, href=href),
            thumbnail=lookup.pictures.get((dataset_id, split, sample_id), ScenePictures()).thumbnail,
        )
        for sample_id, href in lookup.scene_links(dataset_id, split).items()
    )
