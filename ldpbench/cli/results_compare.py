"""``results compare``: which methods differ, and which the images cannot tell apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ldpbench.cli.session import Answer, Session, command
from ldpbench.core.errors import MissingPrerequisiteError, UsageError
from ldpbench.core.names import unknown_name
from ldpbench.records import MetricSpec

if TYPE_CHECKING:
    from ldpbench.results.statistics.bootstrap import Interval
    from ldpbench.results.statistics.comparison import Comparison
    from ldpbench.results.statistics.pairing import Paired
    from ldpbench.results.views import Board

EVERYTHING = "all"
_HASH_DIGITS = 8
"""From so many on, a protocol's hash may be shortened."""


@dataclass(frozen=True)
class _Found:
    """What is compared, and how it came out."""

    board: "Board"
    metric: MetricSpec
    paired: "Paired"
    comparison: "Comparison"


def register(group: typer.Typer) -> None:
    """Add the command."""
    example = "ldpbench results compare --dataset sample --metric ssim"
    command(group, "compare", schema="results.compare", example=example)(_compare)


def _compare(
    session: Session,
    dataset: Annotated[
        str | None, typer.Option("--dataset", "-d", help="A dataset's id; needed if several have results.")
    ] = None,
    protocol: Annotated[
        str | None, typer.Option("--protocol", help="A protocol's id or hash; left out: the first of the dataset's.")
    ] = None,
    metric: Annotated[
        str | None, typer.Option("--metric", help="A metric's id; left out: the one that ranks the board.")
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option("--method", "-m", help="Only these, by id; may be given several times. Left out: all."),
    ] = None,
    region: Annotated[str, typer.Option("--region", help="all, in-focus, near, far, ...")] = EVERYTHING,
    group: Annotated[str, typer.Option("--group", help="Only the images of one group, such as indoor.")] = EVERYTHING,
    resamples: Annotated[int, typer.Option("--resamples", min=1, help="How many times the images are drawn.")] = 10_000,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the draws.")] = 0,
) -> Answer:
    """Compare methods image by image: paired bootstrap intervals, and p adjusted by Holm over all pairs."""
    from ldpbench.results.board import boards, sample_scores
    from ldpbench.results.connection import open_for_reading
    from ldpbench.results.statistics.comparison import compare
    from ldpbench.results.statistics.pairing import paired

    with open_for_reading(session.home.database) as connection:
        board = _chosen_board(boards(connection), dataset, protocol, region, group)
        scores = sample_scores(connection, board.protocol_hash, region, group=group)
    spec = _chosen_metric(board, metric)
    together = paired(scores, spec.id, method or ())
    if not together.images:
        lacking = ", ".join(f"{name} {count}" for name, count in together.lacking.items())
        raise UsageError(
            f"no image has a number from all of these methods; without one: {lacking}",
            hint="name those that have images in common with --method",
        )
    comparison = compare(together.values, higher_is_better=spec.higher_is_better, resamples=resamples, seed=seed)
    found = _Found(board, spec, together, comparison)
    _show(session, found)
    return Answer(_document(found))


def _chosen_board(
    found: "Sequence[Board]", dataset: str | None, protocol: str | None, region: str, group: str
) -> "Board":
    """The board that the options mean.

    Raises:
        MissingPrerequisiteError: If there is no result at all.
        UsageError: If they mean none or several.
    """
    if not found:
        raise MissingPrerequisiteError("there is no result to compare yet", hint="run `ldpbench evaluate --all`")
    datasets = list(dict.fromkeys(board.protocol.dataset_id for board in found))
    if dataset is not None and dataset not in datasets:
        raise unknown_name("dataset with results", dataset, datasets)
    rest = [board for board in found if dataset in (None, board.protocol.dataset_id)]
    if protocol is not None:
        rest = _of_protocol(rest, protocol)
    elif dataset is None and len(datasets) > 1:
        raise UsageError(f"several datasets have results: {', '.join(datasets)}", hint="choose one with --dataset")
    else:
        rest = [board for board in rest if board.protocol_hash == rest[0].protocol_hash]
    regions = {board.region for board in rest}
    if region not in regions:
        raise unknown_name("region of this protocol", region, regions)
    groups = {board.group: board for board in rest if board.region == region}
    if group not in groups:
        raise unknown_name("group of scenes under this protocol", group, groups)
    return groups[group]


def _of_protocol(found: "Sequence[Board]", protocol: str) -> "list[Board]":
    """The boards of the one protocol that is called so.

    Raises:
        UsageError: If none or several are.
    """
    named = [
        board
        for board in found
        if protocol in (board.protocol.id, board.protocol.id.partition("/")[2])
        or (len(protocol) >= _HASH_DIGITS and board.protocol_hash.startswith(protocol))
    ]
    titles = {board.protocol_hash: f"{board.protocol_hash[:12]} ({board.protocol.heading})" for board in named}
    if not titles:
        raise unknown_name("protocol with results", protocol, {board.protocol.id for board in found})
    if len(titles) > 1:
        raise UsageError(f"several protocols are called {protocol!r}: {', '.join(titles.values())}", hint="give a hash")
    return named


def _chosen_metric(board: "Board", metric: str | None) -> MetricSpec:
    """The metric by its id, or the one that ranks the board.

    Raises:
        UsageError: If the images of the protocol have no such metric.
    """
    from ldpbench.metrics.catalogue import METRICS, get_metric

    measured = {spec.id: spec for spec in board.metrics if spec.id in METRICS}
    if metric is None and measured:
        return next(iter(measured.values()))
    if metric is None or get_metric(metric).spec.id not in measured:
        known = ", ".join(measured) or "none that this version knows"
        raise UsageError(f"protocol {board.protocol.id!r} does not measure {metric!r}", hint=f"it measures: {known}")
    return measured[metric]


def _show(session: Session, found: _Found) -> None:
    board, comparison, paired = found.board, found.comparison, found.paired
    parts = [part for part in (board.region, board.group) if part != EVERYTHING]
    where = "".join(f", {part} only" for part in parts)
    _show_methods(
        session, found, f"{board.protocol.dataset_id}/{board.protocol.split}, {board.protocol.heading}{where}"
    )
    if comparison.pairs:
        _show_pairs(session, found)
    n_all = len(paired.images) + len(paired.left_out)
    session.reporter.line(f"{len(paired.images)} of {n_all} images are paired.")
    if paired.lacking:
        lacking = ", ".join(f"{name} has none for {count}" for name, count in paired.lacking.items())
        session.reporter.line(f"Left out, because a method has no number for them: {len(paired.left_out)} ({lacking}).")


def _show_methods(session: Session, found: _Found, title: str) -> None:
    from ldpbench.results.statistics.digits import NOTHING, bounds, mean_text

    metric, ties = found.metric, found.comparison.ties
    session.reporter.table(
        ("method", "tied with", _heading(metric), f"{found.comparison.level:.0%} interval"),
        (
            (
                method.name,
                ", ".join(ties[method.name]) or NOTHING,
                mean_text(method.mean, method.interval, metric.decimals),
                bounds(method.interval, metric.decimals),
            )
            for method in found.comparison.methods
        ),
        title=title,
        numbers=2,
    )


def _show_pairs(session: Session, found: _Found) -> None:
    from ldpbench.results.statistics.digits import bounds, difference_text, p_text

    # A digit to spare, for the ends of a difference have to show on which side of 0 they are.
    decimals, comparison = found.metric.decimals, found.comparison
    session.reporter.table(
        (
            "first",
            "second",
            "",
            "difference",
            f"{comparison.level:.0%} interval",
            "p",
            "p (Holm)",
            "won",
            "lost",
            "drawn",
        ),
        (
            (
                pair.first,
                pair.second,
                "tied" if pair.tied else "",
                difference_text(pair.difference, pair.interval, decimals, spare=1),
                bounds(pair.interval, decimals, spare=1),
                p_text(pair.p),
                p_text(pair.p_adjusted),
                str(pair.wins),
                str(pair.losses),
                str(pair.draws),
            )
            for pair in comparison.pairs
        ),
        title=f"Pairs: {found.metric.title} of the first minus that of the second",
        numbers=7,
    )


def _heading(metric: MetricSpec) -> str:
    unit = "" if metric.unit == "1" else f" ({metric.unit})"
    return f"{metric.title}{unit} {'↑' if metric.higher_is_better else '↓'}"


def _document(found: _Found) -> dict[str, Any]:
    board, comparison, paired = found.board, found.comparison, found.paired
    ties = comparison.ties
    return {
        "dataset": board.protocol.dataset_id,
        "split": board.protocol.split,
        "protocol": board.protocol.id,
        "protocol_hash": board.protocol_hash,
        "region": board.region,
        "group": board.group,
        "metric": found.metric.ref,
        "higher_is_better": found.metric.higher_is_better,
        "images": list(paired.images),
        "left_out": list(paired.left_out),
        "lacking": paired.lacking,
        "level": comparison.level,
        "resamples": comparison.resamples,
        "seed": comparison.seed,
        "methods": [
            {
                "method": method.name,
                "mean": method.mean,
                "interval": _ends(method.interval),
                "identical": sum(value == float("inf") for value in paired.values[method.name]),
                "tied_with": list(ties[method.name]),
            }
            for method in comparison.methods
        ],
        "groups": [list(names) for names in comparison.groups],
        "pairs": [
            {
                "first": pair.first,
                "second": pair.second,
                "difference": pair.difference,
                "interval": _ends(pair.interval),
                "p": pair.p,
                "p_adjusted": pair.p_adjusted,
                "wins": pair.wins,
                "losses": pair.losses,
                "draws": pair.draws,
                "tied": pair.tied,
            }
            for pair in comparison.pairs
        ],
    }


def _ends(interval: "Interval | None") -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]
