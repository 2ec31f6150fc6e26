import json

import pytest

from ldpbench.results.connection import open_for_reading
from ldpbench.results.costs import costs
from tests.made_up_costs import make_cost, write_cost
from tests.toy_methods import write_method, write_network


def test_measuring_keeping_and_asking_again(ldpbench, home, tmp_path):
    line = ["cost", "--method", str(write_network(tmp_path)), "--size", "32x48", "--repeats", "2", "--threads", "1"]
    ended = ldpbench(*line)
    assert ended.returncode == 0
    assert "timing/1 on" in ended.stdout
    assert "toy-net (untrained)" in ended.stdout
    assert "cost: 0 of 5 done" in ended.stderr
    assert len(list(home.costs.glob("*.json"))) == 1
    with open_for_reading(home.database) as connection:
        assert [row.record.method.id for row in costs(connection)] == ["toy-net"]
    again = ldpbench(*line, "--json")
    document = json.loads(again.stdout)
    assert document["schema"] == "ldpbench.cost/1"
    assert [row["status"] for row in document["data"]] == ["there already"]
    record = document["data"][0]["record"]
    assert record["repeats"] == 2
    assert record["hardware"]["torch_threads"] == 1
    assert document["data"][0]["hardware_id"].rpartition("-")[0].endswith("1-thread")


def test_what_cannot_be_measured_is_told(ldpbench, tmp_path):
    still = write_method(tmp_path, "still", "return left")
    ended = ldpbench("cost", "-m", str(still), "--size", "256", "--tile", "128", "--json")
    (row,) = json.loads(ended.stdout)["data"]
    assert ended.returncode == 0
    assert (row["status"], row["reason"]) == ("skipped", "it works on whole pictures only")


def test_a_failing_method_is_an_exit_code(ldpbench, tmp_path):
    failing = write_method(tmp_path, "failing", "raise ValueError('no such luck')")
    ended = ldpbench("cost", "-m", str(failing), "--size", "32x32")
    assert ended.returncode == 1
    assert "failing at 32x32: Call failed: ValueError: no such luck" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("line", "said", "code"),
    [
        ([], "nothing was chosen to measure", 2),
        (["-m", "nobody"], "no method is called 'nobody'", 2),
        (["-m", "dp-wiener", "--size", "huge"], "no size is called 'huge'", 2),
        (["-m", "dp-wiener", "--device", "tpu"], "expected cpu or cuda", 2),
        (["-m", "dp-wiener", "--repeats", "0"], "--repeats", 2),
        (["-m", "dp-wiener", "--dtype", "int8"], "--dtype", 2),
        (["-m", "dp-wiener", "--whole", "--tile", "128"], "--whole excludes", 2),
        (["-m", "nafnet", "--weights", "nafnet=none.pth"], "there is no file", 3),
    ],
)
def test_wrong_lines_are_refused_before_anything_is_measured(ldpbench, home, line, said, code):
    ended = ldpbench("cost", *line)
    assert ended.returncode == code
    assert said in ended.stderr
    assert not home.costs.exists()
    assert len(ended.stderr.strip().splitlines()) == 1


def test_help_shows_an_example(ldpbench):
    assert "Example: ldpbench cost" in ldpbench("cost", "--help").stdout


def test_a_spoilt_file_of_another_cost_does_not_stop_it(ldpbench, home, tmp_path):
    write_cost(home.costs, make_cost()).write_text("{")
    still = write_method(tmp_path, "still", "return left")
    ended = ldpbench("cost", "-m", str(still), "--size", "256", "--tile", "128", "-q")
    assert ended.returncode == 0
    assert "skipped fake-256-" in ended.stderr
