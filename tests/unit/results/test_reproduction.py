"""Printed numbers beside measured ones: what counts as reproduced, and why something cannot be compared."""

import math
from dataclasses import replace

import pytest

from ldpbench.methods.loading import baseline_records
from ldpbench.results.board import boards, sample_scores
from ldpbench.results.connection import open_for_reading
from ldpbench.results.ingest import ingest
from ldpbench.results.published import published_tables
from ldpbench.results.reproduction import Claim, claims, reproductions
from tests.factories import failed_row, make_method, make_protocol, make_record, make_row, make_scores, write_folder

METHODS = baseline_records()


def claim(**changes) -> Claim:
    fields = {
        "method_id": "restormer",
        "method_title": "Restormer",
        "dataset": "toy",
        "group": "all",
        "metric": "psnr",
        "value": 26.66,
        "source": "A paper, Table 1",
    }
    return Claim(**fields | changes)


@pytest.fixture
def compared(tmp_path):
    """A function that stores runs of made-up PSNRs and compares one claim with them."""

    def compare(said, runs):
        for record, rows in runs:
            write_folder(tmp_path / "runs", record, rows)
        ingest(tmp_path / "runs", tmp_path / "results.duckdb")
        with open_for_reading(tmp_path / "results.duckdb") as connection:
            found = boards(connection)
            scores = {
                (board.protocol_hash, board.region, board.group): sample_scores(
                    connection, board.protocol_hash, board.region, group=board.group
                )
                for board in found
            }
        (row,) = reproductions([said], found, scores, METHODS)
        return row

    return compare


def run(values, protocol=None, **changes):
    protocol = protocol or make_protocol(bits=16)
    rows = [
        failed_row(f"s{place}")
        if value is None
        else make_row(f"s{place}", make_scores(protocol, {"psnr": value, "ssim": 0.8}))
        for place, value in enumerate(values)
    ]
    record = {"method": make_method("restormer", kind="network"), "protocols": (protocol,), "n_images": len(values)}
    return make_record(changes.pop("run_id", "r1"), **record | changes), rows


def test_a_mean_within_the_printed_digits_and_conventions_is_reproduced(compared):
    found = compared(claim(), [run([26.0, 27.3, 26.68])])
    assert (found.verdict, found.run_id) == ("reproduced", "r1")
    assert found.delta == pytest.approx(0.0, abs=1e-9)
    assert found.interval.low < 0 < found.interval.high


def test_the_interval_is_that_of_the_difference(compared):
    found = compared(claim(value=20.0), [run([26.0, 27.3, 26.68])])
    assert found.verdict == "not reproduced"
    assert 5.99 <= found.interval.low <= found.delta <= found.interval.high <= 7.31


def test_a_printed_number_that_cannot_be_right_is_not_comparable(compared):
    found = compared(claim(fault="it is that of another row"), [run([26.66, 26.66])])
    assert (found.verdict, found.why) == (
        "not comparable",
        "the printed number cannot be right: it is that of another row",
    )
    assert found.measured == pytest.approx(26.66)


@pytest.mark.parametrize(
    ("values", "why"),
    [([26.66, None], "1 of 2 images failed"), ([26.66, math.inf], "an image came out identical")],
)
def test_an_incomplete_or_infinite_mean_is_not_comparable(compared, values, why):
    changes = {"failures": 1, "status": "partial"} if None in values else {}
    found = compared(claim(), [run(values, **changes)])
    assert found.verdict == "not comparable"
    assert why in found.why


def test_a_part_of_the_set_is_not_comparable(compared):
    record, rows = run([26.66, 26.66])
    part = record.dataset.model_copy(update={"complete": False, "n_images_whole": 76})
    found = compared(claim(), [(record.model_copy(update={"dataset": part}), rows)])
    assert (found.verdict, found.why) == ("not comparable", "only 2 of 76 scenes were measured")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"dataset": "moon"}, "nothing was measured on moon"),
        ({"method_id": "ifan"}, "it was not measured"),
        ({"method_id": "nobody"}, "there is no method of that name here"),
        ({"metric": "lpips-alex"}, "lpips-alex was not measured"),
    ],
)
def test_what_was_not_measured_is_said(compared, changes, why):
    found = compared(claim(**changes), [run([26.66, 26.66])])
    assert (found.verdict, found.why) == ("not comparable", why)


def test_the_protocol_is_that_of_the_methods_own_bits(compared):
    """Restormer's dual network was tested on 16-bit files."""
    deep, shallow = make_protocol(bits=16), make_protocol(bits=8, id="toy/8bit")
    runs = [run([20.0, 20.0], shallow, run_id="r1"), run([26.66, 26.66], deep, run_id="r2")]
    assert compared(claim(), runs).run_id == "r2"


def test_an_ensemble_is_no_reproduction(compared):
    found = compared(claim(), [run([26.66, 26.66], make_protocol(bits=16, ensemble="x4"))])
    assert found.verdict == "not comparable"


def test_every_printed_number_of_the_papers_and_the_records_is_a_claim():
    said = claims(published_tables(), METHODS)
    table_1 = [found for found in said if found.source.endswith("Table 1") and "LDP" in found.source]
    ldp = next(
        found for found in table_1 if (found.method_id, found.group, found.metric) == ("restormer", "all", "psnr")
    )
    assert ldp.value == 26.66
    assert any(found.fault for found in table_1)
    own = [found for found in said if found.method_id == "restormer" and "Priors" in found.source]
    assert {found.metric for found in own} == {"psnr", "ssim", "lpips-alex"}
    assert all(math.isfinite(found.value) for found in said)


def test_the_tolerance_grows_with_the_digits_that_were_left_out():
    assert claim().tolerance == pytest.approx(0.045)
    assert replace(claim(), metric="ssim").tolerance == pytest.approx(0.002)
