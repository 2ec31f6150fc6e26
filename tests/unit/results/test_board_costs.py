"""Costs stand on boards only beside costs of the same size and machine, and only of the code that was measured."""

import pytest

from ldpbench.results.board import boards
from ldpbench.results.board_costs import costs_caption
from ldpbench.results.connection import open_for_reading, open_for_writing
from ldpbench.results.costs import ingest_costs
from ldpbench.results.ingest import ingest
from ldpbench.site.board_table import board_table
from tests.factories import make_method, make_protocol, make_record, rows_from_psnr, write_folder
from tests.made_up_costs import make_cost, write_cost


@pytest.fixture
def board_with(tmp_path):
    """A function that measures two methods, ``fake`` and ``other``, with some costs, and gives their board."""

    def make(*costs):
        protocol = make_protocol()
        for name, values in (("fake", [30.0, 31.0]), ("other", [29.0, 28.0])):
            record = make_record(f"run-{name}", method=make_method(name), protocols=(protocol,))
            write_folder(tmp_path / "runs", record, rows_from_psnr(values, (protocol,)))
        for cost in costs:
            write_cost(tmp_path / "costs", cost)
        ingest(tmp_path / "runs", tmp_path / "results.duckdb")
        with open_for_writing(tmp_path / "results.duckdb") as connection:
            ingest_costs(tmp_path / "costs", connection)
        with open_for_reading(tmp_path / "results.duckdb") as connection:
            return boards(connection)[0]

    return make


def test_without_costs_there_are_no_columns(board_with):
    board = board_with()
    assert costs_caption(board) is None
    assert "Latency" not in [column.title for column in board_table(board, "A board").columns]


def test_a_cost_stands_on_the_row_of_its_method(board_with):
    board = board_with(make_cost("fake"))
    costs = {row.method_id: row.cost for row in board.rows}
    assert costs["other"] is None
    assert costs["fake"].record.median_s == pytest.approx(0.2)
    table = board_table(board, "A board")
    place = [column.title for column in table.columns].index("Latency")
    assert [row[place].text for row in table.groups[0].rows] == ["0.2", "—"]
    assert "timing/1" in costs_caption(board)


def test_the_cost_of_other_code_is_left_out(board_with):
    changed = make_cost("fake", method=make_method("fake", code_sha256="9" * 64))
    assert costs_caption(board_with(changed)) is None


def test_machines_are_never_mixed(board_with):
    here, there = make_cost("fake").hardware, make_cost("fake").hardware.model_copy(update={"cpu": "Another processor"})
    board = board_with(
        make_cost("fake", hardware=here), make_cost("fake", hardware=there), make_cost("other", hardware=there)
    )
    assert {row.cost.hardware_id for row in board.rows} == {there.id}
