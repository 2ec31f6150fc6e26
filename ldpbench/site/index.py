"""The first page: every dataset with its boards, and beneath them what others printed."""

from collections.abc import Sequence
from dataclasses import replace

from ldpbench.records import DatasetCard
from ldpbench.results.views import Board, PublishedTable
from ldpbench.site.board_table import board_table, top_of
from ldpbench.site.lookup import Lookup, completeness, dataset_anchor
from ldpbench.site.names import gallery_page, safe_name, scene_page
from ldpbench.site.pages import (
    Badge,
    BoardLink,
    BoardView,
    Comparison,
    DatasetSection,
    Fact,
    IndexPage,
    Link,
    PaperView,
    PublishedView,
    Table,
)
from ldpbench.site.tables import methods_table, published_table
from ldpbench.site.words import licence_notes, protocol_title, region_title

_ROWS = 10
"""Of a board; all of them are on its own page."""
_REDISTRIBUTION = {
    "yes": "the pictures may be passed on",
    "no": "the pictures may not be passed on, and these pages show them: keep the pages to yourself",
    "unknown": "nobody said whether the pictures may be passed on, and these pages show them: ask before you publish",
}


def web_address(text: str | None) -> str | None:
    """``text`` where it is a web address that a page may link to."""
    return text if text and text.startswith(("https://", "http://")) and not any(map(str.isspace, text)) else None


def index_page(lookup: Lookup) -> IndexPage:
    """The index."""
    measured = list(dict.fromkeys(protocol.dataset_id for protocol in lookup.protocols.values()))
    printed = sorted({table.dataset for table in lookup.facts.published} - set(measured))
    return IndexPage(
        path="index.html",
        title="ldpbench",
        featured=_featured(lookup),
        sections=tuple(_section(dataset_id, lookup) for dataset_id in [*measured, *printed]),
        methods=methods_table(lookup.facts.methods, lookup.method_titles),
        n_runs=len(lookup.runs),
    )


def _section(dataset_id: str, lookup: Lookup) -> DatasetSection:
    card = lookup.facts.cards.get(dataset_id)
    boards = [lookup.main_board(protocol.hash) for protocol in lookup.protocols_of(dataset_id)]
    return DatasetSection(
        anchor=dataset_anchor(dataset_id),
        title=lookup.dataset_title(dataset_id),
        summary=card.summary if card else "Published numbers only: no card says how to prepare this dataset here.",
        facts=dataset_facts(card) if card else (),
        badge=completeness(boards[0]) if boards else Badge(text="published numbers only", kind="none"),
        board=_board_view(boards[0], lookup) if boards else None,
        others=tuple(_board_link(board, lookup) for board in boards[1:]),
        galleries=tuple(
            Link(text=f"{len(ids)} {split} scenes", href=gallery_page(dataset_id, split))
            for (dataset, split), ids in lookup.scene_ids.items()
            if dataset == dataset_id
        ),
        papers=_paper_views([table for table in lookup.facts.published if table.dataset == dataset_id], lookup),
    )


def dataset_facts(card: DatasetCard) -> tuple[Fact, ...]:
    """What a reader has to know of a dataset before its numbers."""
    light = "display encoded" if card.encoding == "srgb" else "linear light"
    return (
        Fact(term="Licence", text=f"{card.licence}; {_REDISTRIBUTION[card.redistribution]}"),
        Fact(
            term="Pictures",
            text=f"{card.width_px} × {card.height_px} px, {'grey' if card.channels == 1 else 'RGB'}, "
            f"{card.bits}-bit, {light}; "
            + ", ".join(
                f"{'unknown number of' if count is None else count} {name}" for name, count in card.splits.items()
            ),
        ),
        *([Fact(term="Home", text=card.homepage, url=web_address(card.homepage))] if card.homepage else []),
    )


def _board_link(board: Board, lookup: Lookup) -> BoardLink:
    protocol = board.protocol
    return BoardLink(
        link=Link(text=f"{protocol_title(protocol)}, {protocol.split}", href=lookup.pages[protocol.hash]),
        why=lookup.why(protocol),
        badge=completeness(board),
        n_methods=len(board.rows),
    )


def _board_view(board: Board, lookup: Lookup) -> BoardView:
    protocol = board.protocol
    title = f"{protocol_title(protocol)}, {protocol.split}"
    if board.region != "all":
        title += f", {region_title(board.region).lower()}"
    return BoardView(
        title=title,
        why=lookup.why(protocol),
        href=lookup.pages[protocol.hash],
        badge=completeness(board),
        table=_top(board, f"Methods on {lookup.board_title(protocol)}"),
        n_methods=len(board.rows),
        notes=licence_notes(board.metrics),
    )


def _top(board: Board, caption: str) -> Table:
    """The first rows of a board. Only metrics that its protocol names: what follows from them is on its own page."""
    asked = tuple(spec for spec in board.metrics if spec.ref in board.protocol.metrics)
    return top_of(board_table(replace(board, metrics=asked), caption), _ROWS)


def _paper_views(tables: Sequence[PublishedTable], lookup: Lookup) -> tuple[PaperView, ...]:
    """The published tables of one dataset, paper by paper. What a paper's tables all say is said once."""
    papers: dict[tuple[str, str, str], list[PublishedTable]] = {}
    for table in tables:
        papers.setdefault((table.paper, table.url, table.source), []).append(table)
    views = []
    for (paper, url, source), of_paper in papers.items():
        shared = [note for note in of_paper[0].notes if all(note in table.notes for table in of_paper)]
        shown = [(table.kind, _published_view(table, shared, lookup)) for table in of_paper]
        views.append(
            PaperView(
                paper=paper,
                url=web_address(url),
                source=source,
                notes=tuple(shared),
                comparisons=tuple(view for kind, view in shown if kind == "comparison"),
                ablations=tuple(view for kind, view in shown if kind == "ablation"),
            )
        )
    return tuple(views)


def _published_view(table: PublishedTable, shared: Sequence[str], lookup: Lookup) -> PublishedView:
    cells = published_table(table, lookup.facts.metrics, lookup.known_methods)
    return PublishedView(
        title=f"Table {table.table}",
        notes=tuple(note for note in table.notes if note not in shared),
        table=replace(cells, anchor=f"published-{safe_name(table.id)}-{safe_name(table.dataset)}"),
    )


def _featured(lookup: Lookup) -> Comparison | None:
    """Blurry and best output of the first scene that has both: the page opens with what this is about."""
    for protocol in lookup.protocols.values():
        if protocol.task != "deblur":
            continue
        board = lookup.main_board(protocol.hash)
        ranked = [row for row in board.rows if row.rank is not None and row.method_kind != "reference"]
        for sample_id in lookup.scene_ids.get((protocol.dataset_id, protocol.split), ()):
            found = lookup.pictures.get((protocol.dataset_id, protocol.split, sample_id))
            pictures = found.pictures if found else ()
            before = next((picture for picture in pictures if picture.kind == "blurry"), None)
            outputs = {picture.run_id: picture for picture in pictures}
            after = next((outputs[row.run_id] for row in ranked if row.run_id in outputs), None)
            if before and after:
                where = f"{lookup.dataset_title(protocol.dataset_id)} {protocol.split}: {sample_id}"
                return Comparison(
                    before=before,
                    after=after,
                    scene=Link(text=where, href=scene_page(protocol.dataset_id, protocol.split, sample_id)),
                    caption=f"Blurry, and after {after.label}.",
                )
    return None
