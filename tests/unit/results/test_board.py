import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.core.errors import UsageError
from ldpbench.results.board import boards, runs, sample_scores
from ldpbench.results.connection import open_for_reading
from ldpbench.results.ingest import ingest
from ldpbench.results.ranking import best_two, competition_ranks
from tests.factories import (
    failed_row,
    make_dataset,
    make_method,
    make_protocol,
    make_record,
    make_row,
    make_scores,
    sample_ids,
    write_folder,
    write_run,
)

INF = float("inf")


@pytest.fixture
def home(tmp_path):
    return tmp_path


def write_method(home, method_id, psnr, **changes):
    return write_run(
        home / "runs", changes.pop("run_id", f"run-{method_id}"), psnr=psnr, method=make_method(method_id), **changes
    )


def write_values(home, method_id, values, *, protocol=None, region="all", **changes):
    """A run whose images have these numbers by metric id; a None instead of numbers fails the image."""
    protocol = protocol or make_protocol()
    rows = [
        failed_row(sample_id) if of_image is None else make_row(sample_id, make_scores(protocol, of_image, region))
        for sample_id, of_image in zip(sample_ids(len(values)), values, strict=True)
    ]
    record = make_record(
        f"run-{method_id}", method=make_method(method_id), n_images=len(values), protocols=[protocol], **changes
    )
    return write_folder(home / "runs", record, rows)


def ask(home, question, *arguments):
    ingest(home / "runs", home / "results.duckdb")
    with open_for_reading(home / "results.duckdb") as connection:
        return question(connection, *arguments)


def only_board(home):
    (board,) = ask(home, boards)
    return board


def ranks(board):
    return {row.method_id: row.rank for row in board.rows}


def test_an_empty_database_has_no_boards(home):
    (home / "runs").mkdir()
    assert ask(home, boards) == []
    assert ask(home, runs) == []


def test_means_agree_with_the_published_aggregate_of_six_images(home):
    """PSNR, RMSE and the figures over them as another program computed them, from tests/golden."""
    golden = json.loads((Path(__file__).parents[2] / "golden" / "results_aggregate.json").read_text())
    protocol = make_protocol(metrics=("mae/1", "mse/1", "psnr/1", "rmse/1", "ssim/1"))
    write_values(home, "fake", golden["images"], protocol=protocol)
    board = only_board(home)
    (row,) = board.rows
    assert [spec.id for spec in board.metrics] == golden["columns"]
    for metric, expected in golden["expected"].items():
        assert row.values[metric].mean == pytest.approx(expected, rel=1e-9)
        assert row.values[metric].finite_mean == row.values[metric].mean
    assert row.values["psnr"].n_images == 6


def test_rows_are_ranked_by_the_first_column_and_best_goes_by_each_metric(home):
    write_values(home, "sharp", [{"psnr": 30.0, "ssim": 0.90, "mae": 0.020}])
    write_values(home, "smooth", [{"psnr": 31.0, "ssim": 0.80, "mae": 0.030}])
    write_values(home, "weak", [{"psnr": 20.0, "ssim": 0.85, "mae": 0.010}])
    board = only_board(home)
    assert [spec.id for spec in board.metrics] == ["psnr", "ssim", "mae", "mse-rel"]
    assert [(row.method_id, row.rank) for row in board.rows] == [("smooth", 1), ("sharp", 2), ("weak", 3)]
    assert board.best == {"psnr": "run-smooth", "ssim": "run-sharp", "mae": "run-weak", "mse-rel": "run-smooth"}
    assert board.second == {"psnr": "run-sharp", "ssim": "run-weak", "mae": "run-sharp", "mse-rel": "run-sharp"}


def test_a_metric_that_is_better_when_lower_ranks_upwards(home):
    protocol = make_protocol(metrics=("mae/1",))
    for method, mae in {"a": 0.03, "b": 0.01, "c": 0.02}.items():
        write_values(home, method, [{"mae": mae}], protocol=protocol)
    assert ranks(only_board(home)) == {"b": 1, "c": 2, "a": 3}


def test_equal_methods_share_a_rank_and_the_next_is_left_out(home):
    for method, psnr in {"a": 30.0, "b": 32.0, "c": 30.0, "d": 29.0}.items():
        write_method(home, method, [psnr, psnr])
    board = only_board(home)
    assert [(row.method_id, row.rank) for row in board.rows] == [("b", 1), ("a", 2), ("c", 2), ("d", 4)]
    assert board.second["psnr"] == "run-a"


def test_identical_images_sort_first_and_stay_visible(home):
    write_method(home, "perfect", [INF, INF])
    write_method(home, "lucky", [INF, 20.0])
    write_method(home, "good", [60.0, 60.0])
    board = only_board(home)
    assert ranks(board) == {"lucky": 1, "perfect": 1, "good": 3}
    lucky = next(row for row in board.rows if row.method_id == "lucky").values["psnr"]
    assert (lucky.mean, lucky.finite_mean, lucky.n_images, lucky.n_identical) == (INF, 20.0, 2, 1)
    perfect = next(row for row in board.rows if row.method_id == "perfect").values
    assert (perfect["psnr"].finite_mean, perfect["mse-rel"].mean) == (None, 0.0)


def test_a_method_with_a_failed_image_is_shown_and_not_ranked(home):
    write_method(home, "whole", [20.0, 20.0, 20.0])
    write_method(home, "broken", [40.0, None, 42.0])
    board = only_board(home)
    assert ranks(board) == {"whole": 1, "broken": None}
    row = board.rows[1]
    assert row.unranked_reason == "1 of 3 images failed"
    psnr = row.values["psnr"]
    assert (psnr.mean, psnr.finite_mean, psnr.n_images, psnr.n_failed) == (None, 41.0, 3, 1)
    assert row.values["mse-rel"].mean is None
    assert board.best["psnr"] == "run-whole"
    assert "psnr" not in board.second


def test_a_run_with_images_missing_is_not_ranked(home):
    write_values(home, "stopped", [{"psnr": 30.0}, {"psnr": 32.0}], dataset=make_dataset(5), status="partial")
    (row,) = only_board(home).rows
    assert (row.rank, row.unranked_reason) == (None, "3 of 5 images were not tried")
    assert (row.values["psnr"].mean, row.values["psnr"].finite_mean) == (None, 31.0)
    assert (row.values["psnr"].n_images, row.values["psnr"].n_failed) == (5, 3)


def test_a_partial_run_without_a_failure_is_not_ranked_either(home):
    write_method(home, "odd", [30.0], status="partial")
    (row,) = only_board(home).rows
    assert (row.rank, row.unranked_reason) == (None, "the run is partial")


def test_an_undefined_first_metric_is_not_ranked_an_undefined_other_one_is(home):
    write_values(home, "a", [{"psnr": 30.0, "ssim": None}, {"psnr": 30.0, "ssim": 0.5}])
    write_values(home, "b", [{"psnr": None, "ssim": 0.5}, {"psnr": 30.0, "ssim": 0.5}])
    write_values(home, "c", [{"ssim": 0.4}, {"psnr": 30.0, "ssim": 0.4}])
    board = only_board(home)
    assert ranks(board) == {"a": 1, "b": None, "c": None}
    reasons = {row.method_id: row.unranked_reason for row in board.rows}
    assert reasons["b"] == reasons["c"] == "PSNR has no value for 1 of 2 images"
    ssim = board.rows[0].values["ssim"]
    assert (ssim.mean, ssim.finite_mean, ssim.n_undefined) == (None, 0.5, 1)
    assert "ssim" not in board.best


def test_a_complete_run_beats_a_later_partial_one_and_a_later_complete_one_replaces_it(home):
    write_method(home, "a", [30.0, 30.0], run_id="old", started_at="2025-01-01T00:00:00Z")
    write_method(home, "a", [50.0, None], run_id="partial", started_at="2025-01-02T00:00:00Z")
    assert [row.run_id for row in only_board(home).rows] == ["old"]
    write_method(home, "a", [20.0, 20.0], run_id="new", started_at="2025-01-03T00:00:00Z")
    assert [row.run_id for row in only_board(home).rows] == ["new"]
    assert [stored.record.run_id for stored in ask(home, runs)] == ["new", "partial", "old"]


def test_runs_that_are_running_or_failed_are_listed_and_on_no_board(home):
    write_method(home, "a", [30.0], status="running")
    write_method(home, "b", [30.0], status="failed")
    assert ask(home, boards) == []
    found = ask(home, runs)
    assert {stored.record.status for stored in found} == {"running", "failed"}
    assert {stored.folder for stored in found} == {str(home / "runs" / "run-a"), str(home / "runs" / "run-b")}


def test_only_rows_of_one_protocol_hash_are_ranked_together(home):
    plain, cropped = make_protocol(), make_protocol(id="toy/crop", border_px=8)
    write_method(home, "a", [30.0], protocols=[plain, cropped])
    write_method(home, "b", [31.0], protocols=[cropped])
    first, second = ask(home, boards)
    assert (first.protocol_hash, ranks(first)) == (plain.hash, {"a": 1})
    assert (second.protocol_hash, ranks(second)) == (cropped.hash, {"b": 1, "a": 2})


def test_boards_come_by_dataset_whole_sets_first_and_in_the_order_of_the_card(home):
    late, early = make_protocol(id="toy/a-second", border_px=1), make_protocol(id="toy/z-first")
    write_method(home, "a", [30.0], protocols=[early, late])
    part = make_protocol(dataset_fingerprint="f" * 64)
    write_method(home, "b", [30.0], protocols=[part], dataset=make_dataset(1, complete=False, n_images_whole=9))
    other = make_protocol(dataset_id="another")
    write_method(home, "c", [30.0], protocols=[other], dataset=make_dataset(1, id="another"))
    found = ask(home, boards)
    assert [board.protocol_hash for board in found] == [other.hash, early.hash, late.hash, part.hash]
    assert [(board.complete, board.n_images, board.n_images_whole) for board in found[2:]] == [
        (True, 1, 1),
        (False, 1, 9),
    ]


def test_a_region_counts_the_images_that_have_it(home):
    protocol = make_protocol(metrics=("psnr/1",), regions=("all", "near"))
    rows = [
        make_row("a", [*make_scores(protocol, {"psnr": 30.0}), *make_scores(protocol, {"psnr": 20.0}, "near")]),
        make_row("b", make_scores(protocol, {"psnr": 40.0})),
    ]
    write_folder(home / "runs", make_record("run-a", protocols=[protocol]), rows)
    whole, near = ask(home, boards)
    assert [board.region for board in (whole, near)] == ["all", "near"]
    assert (whole.rows[0].values["psnr"].mean, whole.rows[0].values["psnr"].n_images) == (35.0, 2)
    assert (near.rows[0].values["psnr"].mean, near.rows[0].values["psnr"].n_images) == (20.0, 1)
    assert [scores.sample_id for scores in ask(home, sample_scores, protocol.hash, "near")] == ["a"]


def test_a_failed_image_may_have_any_region_so_it_counts_in_all(home):
    protocol = make_protocol(regions=("all", "near"))
    write_method(home, "a", [30.0, None], protocols=[protocol])
    assert [board.rows[0].values["psnr"].n_failed for board in ask(home, boards)] == [1, 1]


def test_a_run_older_than_a_region_stands_apart(home):
    old, new = make_protocol(), make_protocol(regions=("all", "near"), title="New title")
    assert old.hash == new.hash
    write_method(home, "a", [50.0], protocols=[old], started_at="2025-01-01T00:00:00Z")
    write_method(home, "b", [30.0], protocols=[new], started_at="2025-01-02T00:00:00Z")
    whole, near = ask(home, boards)
    assert whole.protocol.title == "New title"
    assert ranks(whole) == {"a": 1, "b": 2}
    assert ranks(near) == {"b": 1, "a": None}
    assert near.rows[1].unranked_reason == "the run was not scored in the region 'near'"


def test_a_region_that_no_image_has_is_not_ranked(home):
    protocol = make_protocol(regions=("all", "near"))
    write_values(home, "a", [{"psnr": 30.0}], protocol=protocol)
    _, near = ask(home, boards)
    assert near.rows[0].unranked_reason == "no image has the region 'near'"


def test_a_metric_in_an_unknown_version_has_no_column(home):
    protocol = make_protocol(metrics=("psnr/7", "shininess/1", "ssim/1"))
    write_values(home, "a", [{"psnr": 3.0, "shininess": 1.0, "ssim": 0.5}], protocol=protocol)
    board = only_board(home)
    assert [spec.id for spec in board.metrics] == ["ssim"]
    assert board.unknown_metrics == ("psnr/7", "shininess/1")
    assert board.rows[0].rank == 1


def test_a_board_without_any_known_metric_ranks_nobody(home):
    protocol = make_protocol(metrics=("shininess/1",))
    write_values(home, "a", [{"shininess": 1.0}], protocol=protocol)
    board = only_board(home)
    assert (board.metrics, board.best, ranks(board)) == ((), {}, {"a": None})
    assert "none of the protocol's metrics" in board.rows[0].unranked_reason


def test_set_metrics_appear_where_their_source_was_measured(home):
    values = [{"psnr": 20.0, "rmse": 0.1}, {"psnr": 40.0, "rmse": 0.01}]
    write_values(home, "a", values, protocol=make_protocol(metrics=("psnr/1", "rmse/1")))
    board = only_board(home)
    # Both readings of MSE_rel: 10^(-mean PSNR / 20), and the mean of the images' RMSE, which is RMSE's own column.
    assert [spec.id for spec in board.metrics] == ["psnr", "rmse", "mse-rel"]
    assert board.rows[0].values["mse-rel"].mean == pytest.approx(10 ** (-30 / 20))
    assert board.rows[0].values["rmse"].mean == pytest.approx(0.055)


def test_a_row_says_what_the_record_says(home):
    method = make_method("net", title="Net", kind="network", inputs=("center",), parameters=123)
    write_run(home / "runs", "run-net", psnr=[30.0, 31.0], method=method)
    (row,) = only_board(home).rows
    assert (row.method_title, row.method_kind, row.inputs, row.parameters) == ("Net", "network", ("center",), 123)
    assert row.seconds_median == 0.5


def test_the_median_time_leaves_failed_images_out(home):
    protocol = make_protocol(metrics=("psnr/1",))
    rows = [make_row(f"s{n}", make_scores(protocol, {"psnr": 30.0}), seconds=s) for n, s in enumerate([1.0, 9.0, 2.0])]
    rows.append(failed_row("s9"))
    record = make_record("run-a", n_images=4, protocols=[protocol], status="partial", failures=1)
    write_folder(home / "runs", record, rows)
    assert only_board(home).rows[0].seconds_median == 2.0


def test_sample_scores_hold_every_image_of_every_method(home):
    protocol = make_protocol()
    write_method(home, "b", [INF, None])
    write_values(home, "a", [{"psnr": 30.0, "ssim": None, "mae": 0.1}, {"psnr": 31.0, "ssim": 0.5, "mae": 0.2}])
    found = ask(home, sample_scores, protocol.hash)
    assert [(scores.sample_id, scores.method_id) for scores in found] == [
        ("scene-01", "a"),
        ("scene-01", "b"),
        ("scene-02", "a"),
        ("scene-02", "b"),
    ]
    assert found[0].values == {"psnr": 30.0, "ssim": None, "mae": 0.1}
    assert (found[1].values["psnr"], found[1].failure) == (INF, None)
    assert found[3].values == {"psnr": None, "ssim": None, "mae": None}
    assert (found[3].failure, found[3].seconds) == ("the method returned nan", None)


def test_sample_scores_of_nothing_are_refused(home):
    protocol = make_protocol()
    write_method(home, "a", [30.0])
    with pytest.raises(UsageError, match="no run was measured"):
        ask(home, sample_scores, "0" * 64)
    with pytest.raises(UsageError, match="its regions are all"):
        ask(home, sample_scores, protocol.hash, "near")


values = st.dictionaries(st.text("abcdef", min_size=1), st.floats(allow_nan=False), min_size=1)


@given(values=values, higher=st.booleans())
@settings(max_examples=50, deadline=None)
def test_a_rank_is_one_more_than_the_number_of_better_ones(values, higher):
    for name, rank in competition_ranks(values, higher_is_better=higher).items():
        better = sum(value > values[name] if higher else value < values[name] for value in values.values())
        assert rank == better + 1


@given(values=values, higher=st.booleans())
@settings(max_examples=50, deadline=None)
def test_best_two_are_in_order_and_nothing_lies_between(values, higher):
    first, second = best_two(values, higher_is_better=higher)
    found = competition_ranks(values, higher_is_better=higher)
    assert found[first] == 1
    if len(values) == 1:
        assert second is None
    else:
        assert second != first
        assert found[second] <= 2


def test_best_two_of_nothing():
    assert best_two({}, higher_is_better=True) == (None, None)
    assert best_two({"b": 1.0, "a": 1.0, "c": 1.0}, higher_is_better=True) == ("b", "a")


@given(
    psnr=st.lists(st.one_of(st.floats(5, 80), st.just(INF)), min_size=1, max_size=5),
    order=st.randoms(use_true_random=False),
)
@settings(max_examples=3, deadline=None)
def test_the_order_of_images_does_not_change_a_mean(tmp_path_factory, psnr, order):
    means = []
    for _ in range(2):
        home = tmp_path_factory.mktemp("home")
        write_values(home, "a", [{"psnr": value} for value in psnr], protocol=make_protocol(metrics=("psnr/1",)))
        means.append(only_board(home).rows[0].values["psnr"].mean)
        order.shuffle(psnr)
    expected = math.fsum(psnr) / len(psnr) if INF not in psnr else INF
    assert means == [pytest.approx(expected, rel=1e-12)] * 2
