"""Printed numbers beside measured ones: reproduced, not reproduced, or not comparable and why."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ldpbench.core.names import share_of
from ldpbench.metrics.aggregate import SET_METRICS
from ldpbench.records import BaselineRecord
from ldpbench.results.statistics.bootstrap import Interval, interval, resampled_means
from ldpbench.results.views import Board, BoardRow, PublishedTable, SampleScores

Verdict = Literal["reproduced", "not reproduced", "not comparable"]

_PRINTED_DECIMALS = {"psnr": 2, "ssim": 3, "mae": 3, "mse-rel": 3, "lpips-alex": 3, "lpips-squeeze": 3}
"""Digits that the field prints after the point."""
_CONVENTIONS = {"psnr": 0.04, "ssim": 0.0015, "mae": 0.0005, "mse-rel": 0.0005}
"""How far the field's unstated conventions move a mean: files of 8 bits, clipping, population covariance. Measured for
pictures of 25 to 38 dB; docs/metrics.md lists them one by one."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One printed number."""

    method_id: str
    method_title: str
    dataset: str
    group: str
    metric: str
    value: float
    source: str
    fault: str | None = None
    """Why the printed number cannot be right, where that is known."""

    @property
    def tolerance(self) -> float:
        """Half a unit of the last printed digit, and what unstated conventions can do."""
        return 0.5 * 10.0 ** -_PRINTED_DECIMALS.get(self.metric, 3) + _CONVENTIONS.get(self.metric, 0.0)


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """A claim and what was measured here."""

    claim: Claim
    verdict: Verdict
    why: str
    protocol: str | None = None
    """Id of the protocol that it was compared under."""
    protocol_hash: str | None = None
    run_id: str | None = None
    measured: float | None = None
    interval: Interval | None = None
    """Of measured - printed, 95 %, over images: how far another draw of scenes would have moved it."""

    @property
    def delta(self) -> float | None:
        """Measured - printed."""
        return None if self.measured is None else self.measured - self.claim.value


def claims(tables: Iterable[PublishedTable], methods: Mapping[str, BaselineRecord]) -> tuple[Claim, ...]:
    """Every printed number: of papers' comparison tables, then of the methods' own records.

    Args:
        tables: As ``published_tables`` reads them; tables of ablations are left out.
        methods: Records by method id.
    """
    printed = (
        Claim(
            method_id=row.method_id,
            method_title=row.method_as_printed,
            dataset=row.dataset,
            group=row.group,
            metric=metric,
            value=value,
            source=f"{table.paper}, Table {table.table}",
            fault=row.faults.get(metric),
        )
        for table in tables
        if table.kind == "comparison"
        for row in table.rows
        for metric, value in row.values.items()
    )
    reported = (
        Claim(
            method_id=name,
            method_title=record.title,
            dataset=score.dataset,
            group=score.group,
            metric=score.metric,
            value=score.value,
            source=score.source,
        )
        for name, record in methods.items()
        for score in record.reported
    )
    return (*printed, *reported)


def reproductions(
    said: Sequence[Claim],
    boards: Sequence[Board],
    scores: Mapping[tuple[str, str, str], Sequence[SampleScores]],
    methods: Mapping[str, BaselineRecord],
) -> list[Reproduction]:
    """Each claim beside what was measured.

    A claim is compared under the protocol of its dataset that reads as many bits as the method's record says, run in
    the way of the authors' own test; else under the dataset's first protocol, and ``why`` says so.

    Args:
        said: The claims.
        boards: All boards.
        scores: Image by image, by protocol hash, region and group.
        methods: Records by method id.
    """
    return [_compared(claim, boards, scores, methods.get(claim.method_id)) for claim in said]


def _compared(
    claim: Claim,
    boards: Sequence[Board],
    scores: Mapping[tuple[str, str, str], Sequence[SampleScores]],
    record: BaselineRecord | None,
) -> Reproduction:
    candidates = list(_candidates(claim, boards, record))
    if not candidates:
        return Reproduction(claim=claim, verdict="not comparable", why=_nothing_measured(claim, boards, record))
    board, row = candidates[0]
    value = row.values.get(claim.metric)
    measured = None if value is None else value.mean
    found = Reproduction(
        claim=claim,
        verdict="not comparable",
        why="",
        protocol=board.protocol.id,
        protocol_hash=board.protocol_hash,
        run_id=row.run_id,
        measured=measured if measured is not None and math.isfinite(measured) else None,
    )
    reason = _obstacle(claim, board, row, measured)
    if reason is not None or found.measured is None:
        return replace(found, why=str(reason))
    near = abs(found.measured - claim.value) <= claim.tolerance
    images = scores.get((board.protocol_hash, board.region, board.group), ())
    return replace(
        found,
        verdict="reproduced" if near else "not reproduced",
        why=_way(board, record) if near else f"off by more than {claim.tolerance:.4g}; {_way(board, record)}",
        interval=_interval(claim, row, images),
    )


def _candidates(
    claim: Claim, boards: Sequence[Board], record: BaselineRecord | None
) -> Iterator[tuple[Board, BoardRow]]:
    """Where the method was measured plainly on the dataset and the group, the likeliest protocol first."""
    fitting = [
        board
        for board in boards
        if (board.protocol.dataset_id, board.protocol.task) == (claim.dataset, "deblur")
        and (board.region, board.group) == ("all", claim.group)
        and (board.protocol.ensemble, board.protocol.dtype) == ("none", "float32")
    ]
    bits = record.bits if record is not None else None
    own_way = record.inference.default.partition(":")[0] if record is not None else "whole"

    def unlikeliness(board: Board) -> tuple[bool, bool, bool, bool]:
        protocol = board.protocol
        wrong_bits = bits is not None and protocol.bits != bits
        return (
            protocol.resolution != "full",
            not board.complete,
            wrong_bits,
            protocol.inference not in (own_way, "whole"),
        )

    for board in sorted(fitting, key=unlikeliness):
        yield from ((board, row) for row in board.rows if row.method_id == claim.method_id)


def _nothing_measured(claim: Claim, boards: Sequence[Board], record: BaselineRecord | None) -> str:
    if record is None:
        return "there is no method of that name here"
    if not any(board.protocol.dataset_id == claim.dataset for board in boards):
        return f"nothing was measured on {claim.dataset}"
    return "it was not measured"


def _obstacle(claim: Claim, board: Board, row: BoardRow, measured: float | None) -> str | None:
    """Why two numbers cannot be compared, the plainest reason first."""
    if claim.fault:
        return f"the printed number cannot be right: {claim.fault}"
    if row.unranked_reason:
        return row.unranked_reason
    if not board.complete:
        return f"only {share_of(board.n_images, board.n_images_whole)} scenes were measured"
    if measured is None:
        return f"{claim.metric} was not measured"
    return None if math.isfinite(measured) else "an image came out identical, so the mean is infinite"


def _way(board: Board, record: BaselineRecord | None) -> str:
    protocol = board.protocol
    said = f"scored under {protocol.id}"
    if record is not None and record.bits is not None and record.bits != protocol.bits:
        return f"{said}, although its authors read {record.bits} bits"
    return said


def _interval(claim: Claim, row: BoardRow, images: Sequence[SampleScores]) -> Interval | None:
    import numpy as np

    if claim.metric in SET_METRICS:  # a figure of the set, not a mean over images
        return None
    values = [image.values.get(claim.metric) for image in images if image.run_id == row.run_id]
    if len(values) < 2 or any(value is None or not math.isfinite(value) for value in values):
        return None
    return interval(resampled_means(np.array([values], dtype=np.float64) - claim.value)[0])
