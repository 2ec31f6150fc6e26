"""The page of a method: its card, what it reaches everywhere, and where it does worst."""

from collections.abc import Iterator, Sequence

from ldpbench.records import BaselineRecord, Protocol
from ldpbench.records.run import OUTPUTS_ONLY
from ldpbench.results.views import Board, BoardRow, StoredRun
from ldpbench.site.ablations import ablation_tables
from ldpbench.site.board import scene_cards
from ldpbench.site.index import web_address
from ldpbench.site.lookup import Lookup
from ldpbench.site.method_scenes import WORST, scenes_of, scenes_table, worst_tables
from ldpbench.site.names import method_page
from ldpbench.site.pages import Fact, Link, MethodPage, SceneCard, SceneSection
from ldpbench.site.tables import inputs_text, reported_table, results_table, runs_table


def method_page_of(method_id: str, lookup: Lookup) -> MethodPage:
    """The page of one method."""
    record = lookup.facts.methods.get(method_id)
    runs = [run for run in lookup.runs if run.record.method.id == method_id]
    results: list[tuple[Board, BoardRow, str, str]] = []
    for protocol in lookup.protocols.values():
        board = lookup.main_board(protocol.hash)
        title = lookup.board_title(protocol)
        results += [
            (board, row, lookup.pages[protocol.hash], title) for row in board.rows if row.method_id == method_id
        ]
    return MethodPage(
        path=method_page(method_id),
        title=record.title if record else lookup.method_titles[method_id],
        summary=record.summary if record else None,
        facts=(*(_method_facts(record) if record else (Fact(term="Id", text=method_id),)), *_run_facts(runs)),
        known_issues=record.known_issues if record else (),
        results=results_table(results) if results else None,
        reported=reported_table(record, lookup.facts.metrics) if record else None,
        runs=runs_table(runs),
        ablations=tuple(ablation_tables(method_id, lookup.facts.published, lookup.facts.ablations)),
        scenes=tuple(_scene_sections(method_id, lookup)),
    )


def _scene_sections(method_id: str, lookup: Lookup) -> Iterator[SceneSection]:
    """One section for each dataset and task that the method has scores of, under the first protocol."""
    seen = set()
    for protocol in lookup.protocols.values():
        board = lookup.main_board(protocol.hash)
        place = (protocol.dataset_id, protocol.task)
        if place in seen or not board.metrics:
            continue
        scenes = scenes_of(method_id, board, lookup.scores(board))
        if not scenes:
            continue
        seen.add(place)
        pages = lookup.scene_links(protocol.dataset_id, protocol.split)
        title = lookup.board_title(protocol)
        worst = worst_tables(scenes, board, pages)
        names = [scene.score.sample_id for scene in scenes[:WORST]]
        yield SceneSection(
            board=Link(text=title, href=lookup.pages[protocol.hash]),
            cards=tuple(card for card in _cards(protocol, names, lookup)),
            worst=worst,
            table=scenes_table(scenes, board, pages, f"{title}: scene by scene"),
        )


def _cards(protocol: Protocol, names: Sequence[str], lookup: Lookup) -> Iterator[SceneCard]:
    cards = {card.link.text: card for card in scene_cards(protocol.dataset_id, protocol.split, lookup)}
    return (cards[name] for name in names if name in cards and cards[name].thumbnail is not None)


def _run_facts(runs: Sequence[StoredRun]) -> Iterator[Fact]:
    """What the latest run of the method was made with."""
    if not runs:
        return
    method = max(runs, key=lambda run: (run.record.started_at, run.record.run_id)).record.method
    if method.kind == OUTPUTS_ONLY:
        yield Fact(term="Known by", text="its pictures only; checksum over them", code=method.code_sha256)
        return
    yield Fact(term="Code of the last run", text="SHA-256", code=method.code_sha256)
    if method.untrained:
        yield Fact(term="Weights of the last run", text="made up: run for its time alone, without scores")
    elif method.weights_sha256:
        files = ", ".join(method.weights_files)
        yield Fact(term="Weights of the last run", text=f"{files}, SHA-256", code=method.weights_sha256)


def _network_facts(record: BaselineRecord) -> list[Fact]:
    """How a network is fed, and what it costs."""
    low, high = record.value_range
    depth = "any bit depth" if record.bits is None else f"{record.bits}-bit files"
    facts = [
        Fact(term="Fed with", text=f"{record.channel_order.upper()} in [{low:g}, {high:g}] of {depth}"),
        Fact(term="Sizes", text=f"multiples of {record.size.multiple_of} px, at least {record.size.minimum_px} px"),
        Fact(term="Adds to its answer", text=record.residual),
        Fact(term="Tested by its authors", text=record.inference.default),
    ]
    if record.macs_256 is not None:
        facts.append(Fact(term="Multiply-adds", text=f"{record.macs_256 / 1e9:.2f} G at 256 × 256 px"))
    return facts


def _method_facts(record: BaselineRecord) -> tuple[Fact, ...]:
    paper = record.paper
    facts = [
        Fact(term="Id", text=f"{record.id}, version {record.version}"),
        Fact(term="Kind", text=record.kind),
        Fact(term="Inputs", text=f"{inputs_text(record.inputs)}: {', '.join(record.inputs)}"),
        Fact(term="Licence of the code", text=record.licence_code),
    ]
    if record.licence_weights:
        facts.append(Fact(term="Licence of the weights", text=record.licence_weights))
    if record.parameters is not None:
        facts.append(Fact(term="Parameters", text=f"{record.parameters:,}"))
    facts += _network_facts(record) if record.kind == "network" and record.code else []
    if paper:
        text = f"{paper.title}. {paper.venue} {paper.year}."
        facts.append(Fact(term="Paper", text=text, url=web_address(paper.url)))
    facts += [
        Fact(
            term="Weights",
            text=f"{weights.name}, {weights.licence}",
            code=weights.checksum,
            url=web_address(weights.page),
        )
        for weights in record.weights
    ]
    return tuple(facts)
