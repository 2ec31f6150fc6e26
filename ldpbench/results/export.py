"""Boards with every digit, for programs: JSON and CSV. As people see them: ``site/exports``."""

import csv
import io
import json
import math
from collections.abc import Callable, Sequence
from typing import Any

from ldpbench.results.views import Aggregate, Board, BoardRow

_CSV_BEFORE = (
    "dataset", "split", "protocol", "protocol_hash", "region", "group", "rank", "method", "title", "kind", "inputs",
)  # fmt: skip
_CSV_AFTER = ("low", "high", "tied_with", "parameters", "seconds_median", "n_images", "unranked_reason", "run_id")
"""The columns on either side of the metrics. ``low`` and ``high`` are the 95 % interval of the metric that ranks."""


def board_document(board: Board) -> dict[str, Any]:
    """A board as a JSON document. Infinity does not exist there: such a mean is null with ``status`` ``identical``."""
    return {
        "protocol": board.protocol.model_dump(mode="json"),
        "protocol_hash": board.protocol_hash,
        "region": board.region,
        "group": board.group,
        "complete": board.complete,
        "n_images": board.n_images,
        "n_images_whole": board.n_images_whole,
        "metrics": [spec.model_dump(mode="json") for spec in board.metrics],
        "unknown_metrics": list(board.unknown_metrics),
        "rows": [_row_document(row) for row in board.rows],
        "best": board.best,
        "second": board.second,
    }


def boards_json(boards: Sequence[Board]) -> str:
    """A JSON array with the ``board_document`` of every board."""
    return json.dumps([board_document(board) for board in boards], indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def boards_csv(boards: Sequence[Board]) -> str:
    """One line per board and method, a column for every metric of any board.

    Means have every digit: ``inf`` where an image is identical, empty where undefined or not a metric of the board.
    """
    metrics = dict.fromkeys(spec.id for board in boards for spec in board.metrics)
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [*_CSV_BEFORE, *metrics, *_CSV_AFTER], lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row_facts(board, row) for board in boards for row in board.rows)
    return stream.getvalue()


EXACT: dict[str, Callable[[Sequence[Board]], str]] = {"csv": boards_csv, "json": boards_json}
"""By the name that the command line uses."""


def _row_document(row: BoardRow) -> dict[str, Any]:
    return {
        "rank": row.rank,
        "unranked_reason": row.unranked_reason,
        "run_id": row.run_id,
        "method_id": row.method_id,
        "method_title": row.method_title,
        "method_kind": row.method_kind,
        "inputs": list(row.inputs),
        "parameters": row.parameters,
        "seconds_median": row.seconds_median,
        "tied_with": list(row.tied_with),
        "values": {metric: _aggregate_document(aggregate) for metric, aggregate in row.values.items()},
    }


def _aggregate_document(aggregate: Aggregate) -> dict[str, Any]:
    mean = aggregate.mean
    finite = mean is not None and math.isfinite(mean)
    return {
        "mean": mean if finite else None,
        "status": "ok" if finite else "undefined" if mean is None else "identical",
        "finite_mean": aggregate.finite_mean,
        "interval": None if aggregate.interval is None else [aggregate.interval.low, aggregate.interval.high],
        "n_images": aggregate.n_images,
        "n_identical": aggregate.n_identical,
        "n_failed": aggregate.n_failed,
        "n_undefined": aggregate.n_undefined,
    }


def _row_facts(board: Board, row: BoardRow) -> dict[str, Any]:
    interval = row.values[board.metrics[0].id].interval if board.metrics else None
    return {
        "dataset": board.protocol.dataset_id,
        "split": board.protocol.split,
        "protocol": board.protocol.id,
        "protocol_hash": board.protocol_hash,
        "region": board.region,
        "group": board.group,
        "rank": row.rank,
        "method": row.method_id,
        "title": row.method_title,
        "kind": row.method_kind,
        "inputs": " ".join(row.inputs),
        "parameters": row.parameters,
        **{spec.id: row.values[spec.id].mean for spec in board.metrics},
        "low": None if interval is None else interval.low,
        "high": None if interval is None else interval.high,
        "tied_with": " ".join(row.tied_with),
        "seconds_median": row.seconds_median,
        "n_images": board.n_images,
        "unranked_reason": row.unranked_reason,
        "run_id": row.run_id,
    }
