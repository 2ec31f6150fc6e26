"""The maths of a board, from frames to ranked rows, without a database and without a page."""

import math

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.results.board import boards_of
from ldpbench.results.frames import Frames
from tests.factories import make_method, make_protocol, make_record

PROTOCOL = make_protocol(metrics=("psnr/1",))


def frames_of(values, *, identical=None, failed=None, groups=None):
    """``values`` by method id and, where there are groups, by group."""
    identical, failed = identical or {}, failed or {}
    runs, images, seconds, scores = [], [], [], []
    for method, found in values.items():
        by_group = found if isinstance(found, dict) else {"": found}
        total = sum(map(len, by_group.values())) + identical.get(method, 0) + failed.get(method, 0)
        record = make_record(
            f"run-{method}", method=make_method(method), protocols=(PROTOCOL,), n_images=total, failures=0
        )
        runs.append({"protocol": PROTOCOL.hash, "run_id": f"run-{method}", "record": record.model_dump_json()})
        seconds.append({"run_id": f"run-{method}", "median_s": 0.5})
        for name, numbers in by_group.items():
            n_identical, n_failed = (counts.get(method, 0) if name == "" else 0 for counts in (identical, failed))
            n_scored = len(numbers) + n_identical
            images.append(
                {"run_id": f"run-{method}", "name": name, "n_tried": n_scored + n_failed, "n_failed": n_failed}
            )
            scores.append(
                {
                    "protocol": PROTOCOL.hash,
                    "run_id": f"run-{method}",
                    "region": "all",
                    "name": name,
                    "metric": "psnr",
                    "numbers": numbers or None,
                    "n_identical": n_identical,
                    "n_failed": 0,
                    "n_scored": n_scored,
                }
            )
    schema = pa.schema([(name, pa.string()) for name in ("protocol", "run_id", "region", "name")])
    return Frames(
        runs=pa.Table.from_pylist(runs),
        images=pa.Table.from_pylist(images),
        seconds=pa.Table.from_pylist(seconds),
        scores=pa.Table.from_pylist(scores),
        regions=schema.append(pa.field("n_images", pa.int64())).empty_table(),
    )


def ranks(board):
    return {row.method_id: row.rank for row in board.rows}


def test_means_ranks_best_and_second():
    (board,) = boards_of(frames_of({"a": [20.0, 21.0], "b": [30.0, 31.0], "c": [25.0, 25.0]}))
    assert [(row.method_id, row.rank, row.values["psnr"].mean) for row in board.rows] == [
        ("b", 1, 30.5),
        ("c", 2, 25.0),
        ("a", 3, 20.5),
    ]
    assert (board.best["psnr"], board.second["psnr"]) == ("run-b", "run-c")


def test_an_identical_image_makes_the_mean_infinite_and_a_failed_one_leaves_none():
    (board,) = boards_of(frames_of({"a": [20.0], "b": [30.0], "c": [40.0]}, identical={"a": 1}, failed={"c": 1}))
    by_method = {row.method_id: row for row in board.rows}
    assert by_method["a"].values["psnr"].mean == math.inf
    assert by_method["a"].values["psnr"].finite_mean == 20.0
    assert by_method["c"].values["psnr"].mean is None
    assert ranks(board) == {"a": 1, "b": 2, "c": None}
    assert by_method["c"].unranked_reason == "1 of 2 images failed"


def test_groups_have_boards_of_their_own_and_the_whole_is_the_mean_over_images():
    frames = frames_of(
        {"a": {"indoor": [10.0], "outdoor": [20.0, 30.0]}, "b": {"indoor": [15.0], "outdoor": [1.0, 2.0]}}
    )
    by_group = {board.group: board for board in boards_of(frames)}
    assert list(by_group) == ["all", "indoor", "outdoor"]
    assert by_group["all"].rows[0].values["psnr"].mean == pytest.approx(20.0)
    assert ranks(by_group["indoor"]) == {"b": 1, "a": 2}
    assert (by_group["indoor"].n_images, by_group["outdoor"].n_images) == (1, 2)


@settings(deadline=None, max_examples=30)
@given(
    st.dictionaries(st.sampled_from("abcdef"), st.lists(st.integers(0, 60), min_size=3, max_size=3), min_size=1),
    st.integers(-5, 5),
)
def test_a_shift_of_all_values_changes_no_rank(values, shift):
    plain = boards_of(frames_of({method: [float(value) for value in found] for method, found in values.items()}))
    moved = boards_of(
        frames_of({method: [float(value + shift) for value in found] for method, found in values.items()})
    )
    assert ranks(plain[0]) == ranks(moved[0])
    assert plain[0].best == moved[0].best
