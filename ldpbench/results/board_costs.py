"""What the methods of a board cost, all measured at one size on one machine."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ldpbench.results.costs import CostRow
from ldpbench.results.views import Board

PLAIN_SIZE = "256"
"""Of two sizes at which equally many methods were measured, the set's own comes first, and then this one."""


def with_costs(board: Board, measured: Sequence[CostRow]) -> Board:
    """The same board with the costs of its methods, where they were measured.

    Costs of different sizes or machines are never set side by side: the size and the machine at which most methods of
    the board were measured are taken. A cost belongs to a row whose code it was measured of.

    Args:
        board: As ``boards`` makes it.
        measured: All costs there are.
    """
    codes = {(row.method_id, row.code_sha256): row.run_id for row in board.rows}
    fitting = [cost for cost in measured if _is_plain(cost) and _owner(cost) in codes]
    if not fitting:
        return board
    counts = Counter((cost.record.size, cost.hardware_id) for cost in fitting)

    def merit(place: tuple[str, str]) -> tuple[int, bool, bool, str]:
        return counts[place], place[0] == board.protocol.dataset_id, place[0] == PLAIN_SIZE, place[1]

    size, hardware = max(counts, key=merit)
    chosen = {
        codes[_owner(cost)]: cost
        for cost in sorted(fitting, key=lambda cost: cost.record.measured_at)
        if (cost.record.size, cost.hardware_id) == (size, hardware)
    }
    return replace(board, rows=tuple(replace(row, cost=chosen.get(row.run_id)) for row in board.rows))


def costs_caption(board: Board) -> str | None:
    """Size, machine and rule of the costs on a board; None where it has none."""
    for row in board.rows:
        if row.cost is not None:
            record = row.cost.record
            return f"{record.width_px}x{record.height_px} px, {row.cost.hardware_id}, {record.timing}"
    return None


def _is_plain(cost: CostRow) -> bool:
    return (cost.record.dtype, cost.record.ensemble) == ("float32", "none")


def _owner(cost: CostRow) -> tuple[str, str]:
    return cost.record.method.id, cost.record.method.code_sha256
