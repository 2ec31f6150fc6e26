"""Which boards somebody asks for, and reading them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ldpbench.cli.results_tables import board_document, print_board
from ldpbench.cli.session import Session

if TYPE_CHECKING:
    from ldpbench.results.views import Board

EVERYTHING = "all"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which boards. None: all of them."""

    datasets: set[str] | None = None
    protocols: set[str] | None = None
    """Ids, with or without their dataset."""
    regions: frozenset[str] | None = frozenset({EVERYTHING})
    groups: frozenset[str] | None = None

    def fits(self, board: "Board") -> bool:
        """Whether a board is among them."""
        protocol = board.protocol
        names = {protocol.id, protocol.id.partition("/")[2]}
        return (
            (self.datasets is None or protocol.dataset_id in self.datasets)
            and (self.protocols is None or bool(names & self.protocols))
            and (self.regions is None or board.region in self.regions)
            and (self.groups is None or board.group in self.groups)
        )


def read_boards(session: Session, wanted: Wanted, *, lake: str | None = None) -> "list[Board]":
    """Boards with intervals and ties, primary protocols first.

    Args:
        session: The command's.
        wanted: Which.
        lake: Where run folders are that are read as they lie; None for the database.
    """
    from ldpbench.results.board import boards, sample_scores
    from ldpbench.results.board_statistics import with_statistics
    from ldpbench.results.connection import open_for_reading
    from ldpbench.results.lake import open_lake

    opened = open_for_reading(session.home.database) if lake is None else open_lake(lake, session.reporter)
    with opened as connection:
        chosen = [board for board in boards(connection) if wanted.fits(board)]
        return [
            with_statistics(board, sample_scores(connection, board.protocol_hash, board.region, group=board.group))
            for board in session.reporter.track(chosen, label="boards", total=len(chosen))
        ]


def show_boards(session: Session, *, datasets: set[str] | None) -> list[Any]:
    """Print the ranked tables over whole pictures; return them for ``--json``."""
    found = read_boards(session, Wanted(datasets=datasets))
    for board in found:
        print_board(session.reporter, board)
    return [board_document(board) for board in found]
