import csv
import io
import json
import math

import pytest

from ldpbench.results.board import boards
from ldpbench.results.connection import open_for_reading
from ldpbench.results.export import EXACT, boards_csv, boards_json
from ldpbench.results.ingest import ingest
from tests.factories import (
    make_dataset,
    make_method,
    make_protocol,
    make_record,
    make_row,
    make_scores,
    write_folder,
    write_run,
)


@pytest.fixture
def board(tmp_path):
    """Perfect, good, weak, and one that failed on an image; titles with everything that breaks tables."""
    protocol = make_protocol(metrics=("mae/1", "psnr/1", "psnr/9", "ssim/1"), title="Values | as they are")
    titles = {"perfect": 'Per"fect, <b>', "good": "Good | *best*", "weak": "Weak", "broken": "Bro\nken"}
    for name, psnr in {
        "perfect": [math.inf, 30.0],
        "good": [30.0, 31.0],
        "weak": [20, 21],
        "broken": [40, None],
    }.items():
        method = make_method(name, title=titles[name], parameters=7 if name == "good" else None)
        dataset = make_dataset(2, complete=False, n_images_whole=76)
        write_run(tmp_path / "runs", f"run-{name}", psnr=psnr, method=method, protocols=[protocol], dataset=dataset)
    ingest(tmp_path / "runs", tmp_path / "results.duckdb")
    with open_for_reading(tmp_path / "results.duckdb") as connection:
        (found,) = boards(connection)
    return found


def test_json_has_every_digit_and_no_infinity(board):
    (document,) = json.loads(boards_json([board]), parse_constant=pytest.fail)
    assert [row["method_id"] for row in document["rows"]] == ["perfect", "good", "weak", "broken"]
    perfect, good, _, broken = (row["values"]["psnr"] for row in document["rows"])
    assert (perfect["mean"], perfect["status"], perfect["finite_mean"], perfect["n_identical"]) == (
        None,
        "identical",
        30.0,
        1,
    )
    assert (good["mean"], good["status"]) == (30.5, "ok")
    assert (broken["mean"], broken["status"], broken["n_failed"]) == (None, "undefined", 1)
    assert good["mean"] == board.rows[1].values["psnr"].mean
    assert document["unknown_metrics"] == ["psnr/9"]
    assert document["protocol"]["id"] == "toy/native"
    assert document["best"]["psnr"] == "run-perfect"
    assert (document["complete"], document["n_images"], document["n_images_whole"]) == (False, 2, 76)


def test_csv_reads_back_as_the_board(board):
    lines = list(csv.DictReader(io.StringIO(boards_csv([board]))))
    assert [line["rank"] for line in lines] == ["1", "2", "3", ""]
    assert [line["title"] for line in lines] == [row.method_title for row in board.rows]
    for line, row in zip(lines, board.rows, strict=True):
        for spec in board.metrics:
            mean = row.values[spec.id].mean
            assert line[spec.id] == "" if mean is None else float(line[spec.id]) == mean
    assert lines[0]["psnr"] == "inf"
    assert lines[3]["unranked_reason"] == "1 of 2 images failed"
    assert {line["protocol_hash"] for line in lines} == {board.protocol_hash}
    assert lines[1]["parameters"] == "7"


def test_several_boards_share_one_header_in_csv(tmp_path):
    protocols = [
        make_protocol(id="toy/one", metrics=("psnr/1",)),
        make_protocol(id="toy/two", metrics=("mae/1", "rmse/1")),
    ]
    for number, protocol in enumerate(protocols):
        scores = make_scores(protocol, {ref.partition("/")[0]: 0.25 for ref in protocol.metrics})
        record = make_record(f"run-{number}", n_images=1, protocols=[protocol])
        write_folder(tmp_path / "runs", record, [make_row("a", scores)])
    ingest(tmp_path / "runs", tmp_path / "results.duckdb")
    with open_for_reading(tmp_path / "results.duckdb") as connection:
        found = boards(connection)
    lines = list(csv.DictReader(io.StringIO(boards_csv(found))))
    by_protocol = {line["protocol"]: line for line in lines}
    assert (by_protocol["toy/one"]["psnr"], by_protocol["toy/one"]["rmse"]) == ("0.25", "")
    assert (by_protocol["toy/two"]["psnr"], by_protocol["toy/two"]["rmse"]) == ("", "0.25")
    assert [document["protocol"]["id"] for document in json.loads(boards_json(found))] == [
        line["protocol"] for line in lines
    ]


def test_no_boards_are_an_empty_table():
    assert json.loads(boards_json([])) == []
    assert boards_csv([]).startswith("dataset,split,protocol,")


@pytest.mark.parametrize("export", EXACT.values(), ids=list(EXACT))
def test_every_export_ends_with_one_newline(board, export):
    text = export([board, board])
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
