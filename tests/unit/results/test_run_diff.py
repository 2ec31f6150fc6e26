"""Two runs side by side: every fact that differs, and the scores of the images that both have."""

import math

import pytest

from ldpbench.core.errors import UsageError
from ldpbench.records import ImageRow
from ldpbench.results.connection import open_for_reading
from ldpbench.results.diff import diff_runs
from ldpbench.results.ingest import ingest
from tests.factories import make_method, make_protocol, make_record, make_scores
from tests.factories import write_folder as write


def rows(protocol, values):
    return [
        ImageRow(sample_id=name, height_px=8, width_px=8, scores=make_scores(protocol, {"psnr": value, "ssim": 0.5}))
        for name, value in values.items()
    ]


@pytest.fixture
def compared(tmp_path):
    """A function that stores two runs and compares them."""

    def compare(first, second):
        for record, images in (first, second):
            write(tmp_path / "runs", record, images)
        ingest(tmp_path / "runs", tmp_path / "results.duckdb")
        with open_for_reading(tmp_path / "results.duckdb") as connection:
            return diff_runs(connection, first[0].run_id, second[0].run_id)

    return compare


def test_equal_runs_differ_in_nothing(compared):
    protocol = make_protocol()
    images = rows(protocol, {"a": 30.0, "b": 31.0})
    found = compared((make_record("r1"), images), (make_record("r2"), images))
    assert found.changes == found.protocol_changes == ()
    assert [(moved.metric, moved.difference, moved.n_equal) for moved in found.moved] == [
        ("psnr", 0.0, 2),
        ("ssim", 0.0, 2),
    ]


def test_packages_hardware_and_code_are_named_one_by_one(compared):
    record = make_record("r1")
    environment = record.environment.model_copy(
        update={"packages": {"numpy": "2.1.0", "torch": "2.5.0", "scipy": "1.0"}, "torch_threads": 2}
    )
    other = make_record("r2", environment=environment, method=make_method(code_sha256="e" * 64))
    images = rows(make_protocol(), {"a": 30.0, "b": 31.0})
    found = compared((record, images), (other, images))
    assert {change.fact: (change.before, change.after) for change in found.changes} == {
        "method.code_sha256": ("c" * 64, "e" * 64),
        "environment.packages.torch": ("2.4.0", "2.5.0"),
        "environment.packages.scipy": (None, "1.0"),
        "environment.torch_threads": (None, 2),
    }


def test_scores_move_over_the_images_that_both_have(compared):
    protocol = make_protocol()
    first = rows(protocol, {"a": 30.0, "b": 31.0, "c": math.inf, "d": 20.0})
    second = rows(protocol, {"a": 30.5, "b": 29.0, "c": 40.0, "e": 20.0})
    found = compared((make_record("r1", n_images=4), first), (make_record("r2", n_images=4), second))
    moved = next(moved for moved in found.moved if moved.metric == "psnr")
    assert (moved.n_images, moved.n_left_out, moved.n_equal) == (2, 3, 0)
    assert (moved.before, moved.after, moved.difference) == (30.5, 29.75, -0.75)
    assert (moved.largest, moved.largest_at) == (-2.0, "b")
    assert moved.interval.low <= -0.75 <= moved.interval.high


def test_another_protocol_of_the_same_name_is_told(compared):
    one, two = make_protocol(), make_protocol(border_px=3)
    found = compared(
        (make_record("r1"), rows(one, {"a": 30.0, "b": 31.0})),
        (make_record("r2", protocols=(two,)), rows(two, {"a": 30.0, "b": 32.0})),
    )
    assert [(change.fact, change.before, change.after) for change in found.protocol_changes] == [
        (f"{one.id}: border_px", 0, 3)
    ]
    assert not any(moved.same_protocol for moved in found.moved)


def test_a_run_that_is_not_there_is_named(compared, tmp_path):
    images = rows(make_protocol(), {"a": 30.0, "b": 31.0})
    compared((make_record("r1"), images), (make_record("r2"), images))
    with open_for_reading(tmp_path / "results.duckdb") as connection, pytest.raises(UsageError, match="r3"):
        diff_runs(connection, "r1", "r3")
