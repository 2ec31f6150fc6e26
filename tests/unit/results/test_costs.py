import json

import duckdb
import pytest

from ldpbench.core.errors import IntegrityError
from ldpbench.results import costs as room
from ldpbench.results.connection import open_for_reading, open_for_writing
from ldpbench.results.costs import CostIngest, costs, costs_of, ingest_costs, read_cost
from tests.factories import make_method
from tests.made_up_costs import HARDWARE, make_cost, write_cost


@pytest.fixture
def connection(home):
    with open_for_writing(home.database) as opened:
        yield opened


def test_files_become_rows_and_come_back(home, connection):
    small = make_cost("b")
    large = make_cost("b", size="512", height_px=512, width_px=512)
    first = make_cost("a", peak_memory_bytes=None, memory_kind=None, macs=None, macs_missing="no network: reference")
    names = sorted(write_cost(home.costs, record).stem for record in (small, large, first))
    assert ingest_costs(home.costs, connection) == CostIngest(new=tuple(names))
    assert [row.record for row in costs(connection)] == [first, small, large]
    assert {row.hardware_id for row in costs(connection)} == {HARDWARE.id}
    assert ingest_costs(home.costs, connection) == CostIngest(unchanged=tuple(names))


def test_a_reader_sees_them(home):
    write_cost(home.costs, make_cost())
    with open_for_writing(home.database) as opened:
        ingest_costs(home.costs, opened)
    with open_for_reading(home.database) as opened:
        assert [row.record for row in costs(opened)] == [make_cost()]


def test_the_columns_say_what_the_record_says(home, connection):
    record = make_cost(method=make_method("m", weights_sha256="f" * 64), measured_at="2025-01-02T05:04:05+02:00")
    write_cost(home.costs, record)
    ingest_costs(home.costs, connection)
    found = connection.execute("SELECT * EXCLUDE (record, content_sha256) FROM costs")
    row = dict(zip([column[0] for column in found.description], found.fetchone(), strict=True))
    assert str(row.pop("measured_at")) == "2025-01-02 03:04:05", "UTC"
    assert row == {
        "name": record.stem,
        "timing": "timing/1",
        "method_id": "m",
        "method_version": "1",
        "code_sha256": "c" * 64,
        "weights_sha256": "f" * 64,
        "untrained": False,
        "size": "256",
        "height_px": 256,
        "width_px": 256,
        "device": "cpu",
        "dtype": "float32",
        "ensemble": "none",
        "inference": "whole",
        "hardware_id": HARDWARE.id,
        "repeats": 3,
        "median_s": 0.2,
        "p95_s": 0.3,
        "peak_memory_bytes": 1 << 20,
        "memory_kind": "resident-increase",
        "parameters": 1000,
        "macs": 2_000_000,
    }


def test_a_new_measurement_takes_the_place_of_the_old_one(home, connection):
    write_cost(home.costs, make_cost())
    ingest_costs(home.costs, connection)
    name = write_cost(home.costs, make_cost(seconds=(5.0,))).stem
    assert ingest_costs(home.costs, connection) == CostIngest(updated=(name,))
    assert [row.record.median_s for row in costs(connection)] == [5.0]


def test_a_row_outlives_its_file(home, connection):
    file = write_cost(home.costs, make_cost())
    ingest_costs(home.costs, connection)
    file.unlink()
    assert ingest_costs(home.costs, connection) == CostIngest()
    assert len(costs(connection)) == 1


def test_costs_of_one_state_of_the_code(home, connection):
    for record in (make_cost("a"), make_cost(method=make_method("a", code_sha256="e" * 64)), make_cost("b")):
        write_cost(home.costs, record)
    ingest_costs(home.costs, connection)
    assert [row.record for row in costs_of(connection, "a", "c" * 64)] == [make_cost("a")]
    assert costs_of(connection, "nobody", "c" * 64) == []


def test_a_home_without_costs_has_none(home, connection):
    assert ingest_costs(home.costs, connection) == CostIngest()
    assert costs(connection) == []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text[: len(text) // 2], "is not the record of a cost"),
        (lambda text: "", "is not the record of a cost"),
        (lambda text: json.dumps(json.loads(text) | {"repeats": 9}), "repeats says 9"),
        (lambda text: json.dumps(json.loads(text) | {"size": "512"}), "a file is named after its cost"),
        (lambda text: json.dumps(json.loads(text) | {"timing": "timing/0"}), "timing"),
        (lambda text: json.dumps(json.loads(text) | {"measured_at": "yesterday"}), "isoformat string: 'yesterday'"),
        (lambda text: json.dumps(json.loads(text) | {"measured_at": "2025-01-02T03:04:05"}), "offset from UTC"),
        (lambda text: text.encode().replace(b"fake", b"f\xffke"), "is not the record of a cost"),
    ],
)
def test_a_spoilt_file_is_skipped_and_the_others_are_taken(home, connection, spoil, said):
    file, good = write_cost(home.costs, make_cost()), write_cost(home.costs, make_cost("good"))
    spoilt = spoil(file.read_text())
    file.write_bytes(spoilt if isinstance(spoilt, bytes) else spoilt.encode())
    report = ingest_costs(home.costs, connection)
    assert report.new == (good.stem,)
    assert [name for name, _ in report.skipped] == [file.name]
    assert said in report.skipped[0][1]
    with pytest.raises(IntegrityError, match=said) as caught:
        read_cost(file)
    assert "--force" in caught.value.hint


def test_a_failure_halfway_leaves_the_old_rows(home, connection, monkeypatch):
    write_cost(home.costs, make_cost())
    ingest_costs(home.costs, connection)
    write_cost(home.costs, make_cost(seconds=(5.0,)))
    monkeypatch.setattr(room, "_COLUMNS", (*room._COLUMNS[:-1], "hardware"))
    with pytest.raises(duckdb.Error):
        ingest_costs(home.costs, connection)
    assert [row.record for row in costs(connection)] == [make_cost()]
