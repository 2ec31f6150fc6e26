import csv
import io
import json
import math

import pytest

from ldpbench.metrics.catalogue import get_spec
from ldpbench.results.board import boards
from ldpbench.results.connection import open_for_reading
from ldpbench.results.export import EXPORTERS, boards_csv, boards_json, boards_markdown, format_mean
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


def test_markdown_is_a_table_that_titles_cannot_break(board):
    lines = boards_markdown([board]).splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert table[0] == "| # | Method | PSNR (dB) ↑ | SSIM ↑ | MAE ↓ | MSE\\_rel ↓ | s/image |"
    unescaped = [line.replace("\\|", "") for line in table]
    assert {line.count("|") for line in unescaped} == {8}
    assert r"Good \| \*best\*" in table[3]
    assert r"Per\"fect" not in table[2]
    assert r"\<b\>" in table[2]
    assert "| **∞** |" in table[2]
    assert "| *30.50* |" in table[3]
    assert table[5].startswith("| – | Bro ken | – |")
    assert "2 of 76 images" in lines[0]
    assert r"Values \| as they are" in lines[0]
    assert lines[-1] == "- Bro ken: 1 of 2 images failed"


def test_a_board_of_ranked_rows_only_has_no_list_of_reasons(tmp_path):
    write_run(tmp_path / "runs", "run-a")
    ingest(tmp_path / "runs", tmp_path / "results.duckdb")
    with open_for_reading(tmp_path / "results.duckdb") as connection:
        (board,) = boards(connection)
    assert "Not ranked" not in boards_markdown([board])
    assert boards_markdown([board]).splitlines()[0].endswith(f"2 images, protocol `{board.protocol_hash[:12]}`")


def test_means_have_the_decimals_of_their_metric():
    assert format_mean(get_spec("psnr"), 30.005001) == "30.01"
    assert format_mean(get_spec("ssim"), 0.5) == "0.5000"
    assert format_mean(get_spec("mse-rel"), 0.0443) == "0.044"
    assert format_mean(get_spec("psnr"), math.inf) == "∞"
    assert format_mean(get_spec("psnr"), None) == "–"


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
    assert boards_markdown(found).count("| # | Method |") == 2


def test_no_boards_are_an_empty_table():
    assert json.loads(boards_json([])) == []
    assert boards_csv([]).startswith("dataset,split,protocol,")
    assert boards_markdown([]) == ""


@pytest.mark.parametrize("export", EXPORTERS.values(), ids=list(EXPORTERS))
def test_every_export_ends_with_one_newline(board, export):
    text = export([board, board])
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
