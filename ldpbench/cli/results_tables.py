"""Boards as tables in the terminal."""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ldpbench.cli.metrics import number
from ldpbench.cli.reporter import Reporter
from ldpbench.core.names import share_of

if TYPE_CHECKING:
    from ldpbench.results.views import Board, BoardRow

EVERYTHING = "all"


def print_board(reporter: Reporter, board: "Board", *, plain: bool = False) -> None:
    """One board: ranks, means with the digits that their intervals support, the interval of the first, ties."""
    from ldpbench.results.board_costs import costs_caption

    headings = [f"{spec.title} {'↑' if spec.higher_is_better else '↓'}" for spec in board.metrics]
    unsure = [] if plain or not board.metrics else [f"95 % of {board.metrics[0].title}", "tied with"]
    caption = costs_caption(board)
    costs = ["latency", "memory", "params", "MACs"] if caption else []
    reporter.table(
        ("rank", "method", "inputs", "images", *headings, "s/image", *unsure, *costs),
        (_cells(board, row, plain=plain) + (_costs(row) if caption else []) for row in board.rows),
        title=_title(board),
        numbers=len(headings) + 2 + len(unsure) + len(costs),
    )
    if caption:
        reporter.line(f"  latency, memory, params and MACs: {caption}")
    for row in board.rows:
        if row.method_kind == "outputs-only":
            reporter.line(f"  {row.method_id}: outputs only, made by another program")
        if row.unranked_reason:
            reporter.line(f"  {row.method_id} is not ranked: {row.unranked_reason}")


def _title(board: "Board") -> str:
    protocol = board.protocol
    state = "" if board.complete else f", PARTIAL: {share_of(board.n_images, board.n_images_whole)} scenes"
    region = "" if board.region == EVERYTHING else f", {board.region} only"
    group = "" if board.group == EVERYTHING else f", {board.group} scenes only"
    return f"{protocol.dataset_id}/{protocol.split}, {protocol.heading}{region}{group}{state}"


def _cells(board: "Board", row: "BoardRow", *, plain: bool) -> list[str]:
    from ldpbench.results.statistics.digits import bounds, mean_text

    values = [row.values[spec.id] for spec in board.metrics]
    means = [
        number(value.mean, spec.decimals) if plain else mean_text(value.mean, value.interval, spec.decimals)
        for spec, value in zip(board.metrics, values, strict=True)
    ]
    ranks = {other.method_id: other.rank for other in board.rows}
    tied = ", ".join(str(ranks[name]) for name in row.tied_with) or "–"
    unsure = [] if plain or not values else [bounds(values[0].interval, board.metrics[0].decimals, spare=1), tied]
    return [
        "—" if row.rank is None else str(row.rank),
        row.method_id,
        " + ".join(row.inputs),
        str(next((value.n_images for value in values), board.n_images)),
        *means,
        number(row.seconds_median, 2),
        *unsure,
    ]


def _costs(row: "BoardRow") -> list[str]:
    """What a method takes; dashes where it was not measured."""
    if row.cost is None:
        return ["–"] * 4
    record = row.cost.record
    memory = "–" if record.peak_memory_bytes is None else f"{record.peak_memory_bytes / 1e6:.0f} MB"
    macs = "–" if record.macs is None else f"{record.macs / 1e9:.4g} G"
    parameters = f"{record.parameters / 1e6:.3g} M" if record.parameters else "0"
    return [f"{record.median_s:.3g} s", memory, parameters, macs]


def board_document(board: "Board") -> dict[str, Any]:
    """A board for ``--json``, with all digits."""
    return {
        "protocol": board.protocol.id,
        "protocol_hash": board.protocol_hash,
        "heading": board.protocol.heading,
        "region": board.region,
        "group": board.group,
        "complete": board.complete,
        "images": board.n_images,
        "rows": [_row_document(row) for row in board.rows],
    }


def _row_document(row: "BoardRow") -> dict[str, Any]:
    intervals = {name: value.interval for name, value in row.values.items() if value.interval is not None}
    return {
        "rank": row.rank,
        "method": row.method_id,
        "kind": row.method_kind,
        "run_id": row.run_id,
        "unranked_reason": row.unranked_reason,
        "values": {name: value.mean for name, value in row.values.items()},
        "intervals": {name: [found.low, found.high] for name, found in intervals.items()},
        "tied_with": list(row.tied_with),
        "identical": {name: value.n_identical for name, value in row.values.items() if value.n_identical},
        "seconds_median": row.seconds_median,
        "cost": None if row.cost is None else row.cost.record.model_dump(mode="json", exclude={"seconds", "method"}),
    }


def show_across(reporter: Reporter, found: "Sequence[Board]") -> list[dict[str, Any]]:
    """Every method under every protocol of a dataset by its first metric, and what differs between the protocols."""
    datasets: dict[tuple[str, str, str], list[Board]] = defaultdict(list)
    for board in found:
        if board.region == EVERYTHING and board.metrics:
            datasets[board.protocol.dataset_id, board.protocol.split, board.group].append(board)
    return [_side_by_side(reporter, name, boards) for name, boards in datasets.items()]


def _side_by_side(reporter: Reporter, name: tuple[str, str, str], boards: "list[Board]") -> dict[str, Any]:
    dataset, split, group = name
    methods = sorted({row.method_id for board in boards for row in board.rows})
    reporter.table(
        ("method", *(str(place) for place, _ in enumerate(boards, start=1))),
        ([method, *(_value(board, method) for board in boards)] for method in methods),
        title=f"{dataset}/{split}" + ("" if group == EVERYTHING else f", {group} scenes only"),
        numbers=len(boards),
    )
    told = [_differences(boards[0], board) for board in boards]
    for place, (board, differs) in enumerate(zip(boards, told, strict=True), start=1):
        reporter.line(f"{place}: {board.protocol.heading}, {board.metrics[0].title}, {board.protocol_hash[:12]}")
        for found in differs:
            reporter.line(f"   {found['field']}: {found['here']}; under 1: {found['there']}")
    reporter.line()
    return {
        "dataset": dataset,
        "split": split,
        "group": group,
        "boards": [board_document(board) for board in boards],
        "differences": [
            {"protocol_hash": board.protocol_hash, "from": boards[0].protocol_hash, "fields": differs}
            for board, differs in zip(boards, told, strict=True)
        ],
    }


def _differences(first: "Board", other: "Board") -> list[dict[str, str]]:
    from ldpbench.site.words import differences

    return [
        {"field": found.field, "here": found.here, "there": found.there}
        for found in differences(other.protocol, first.protocol)
    ]


def _value(board: "Board", method: str) -> str:
    from ldpbench.results.statistics.digits import mean_text

    spec = board.metrics[0]
    for row in board.rows:
        if row.method_id == method:
            value = row.values[spec.id]
            return mean_text(value.mean, value.interval, spec.decimals)
    return "–"
