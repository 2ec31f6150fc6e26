"""``results compare`` on run folders whose numbers are known."""

import json

import numpy as np
import pytest

from ldpbench.results.ingest import ingest
from tests.factories import (
    make_method,
    make_protocol,
    make_record,
    make_row,
    make_scores,
    sample_ids,
    write_folder,
    write_run,
)

BASE = np.random.default_rng(0).normal(27, 2, 30)


def psnrs(shift, seed):
    return (BASE + shift + np.random.default_rng(seed).normal(0, 0.3, len(BASE))).tolist()


@pytest.fixture
def measured(home):
    """Three methods on thirty images: two that are tied, one that is far behind."""
    numbers = {"best": psnrs(2.0, 1), "close": psnrs(1.98, 2), "far": psnrs(0.0, 3)}
    for method, values in numbers.items():
        write_run(home.runs, f"run-{method}", psnr=values, method=make_method(method))
    ingest(home.runs, home.database)
    return numbers


def answer(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["data"]


def test_ties_and_differences_are_told(measured, ldpbench):
    data = answer(ldpbench("results", "compare", "--json"))
    assert (data["protocol"], data["metric"], len(data["images"]), data["left_out"]) == ("toy/native", "psnr/1", 30, [])
    ties = {method["method"]: method["tied_with"] for method in data["methods"]}
    assert ties == {"best": ["close"], "close": ["best"], "far": []}
    for method in data["methods"]:
        low, high = method["interval"]
        assert method["mean"] == pytest.approx(np.mean(measured[method["method"]]))
        assert low < method["mean"] < high
    (pair,) = [pair for pair in data["pairs"] if {pair["first"], pair["second"]} == {"best", "far"}]
    assert pair["difference"] == pytest.approx(np.mean(measured["best"]) - np.mean(measured["far"]))
    assert (pair["wins"], pair["losses"], pair["draws"], pair["tied"]) == (30, 0, 0, False)
    assert pair["p"] <= pair["p_adjusted"] < 0.05
    assert data["groups"][1:] == [["far"]]


def test_the_tables_say_the_same(measured, ldpbench):
    done = ldpbench("results", "compare", "--dataset", "toy")
    assert done.returncode == 0, done.stderr
    assert "30 of 30 images are paired." in done.stdout
    lines = done.stdout.splitlines()
    (far,) = [line for line in lines if line.strip().startswith("far")]
    assert "—" in far
    assert f"{np.mean(measured['far']):.1f} [" in " ".join(far.split())
    assert sum("tied" in line.split() for line in lines) == 2  # a heading and one pair


def test_lower_is_better_metrics_put_the_least_first(measured, ldpbench):
    data = answer(ldpbench("results", "compare", "--metric", "mae", "--json"))
    means = [method["mean"] for method in data["methods"]]
    assert means == sorted(means)
    assert not data["higher_is_better"]


def test_the_seed_and_the_number_of_resamples_decide_the_ends(measured, ldpbench):
    def ends(*options):
        return [method["interval"] for method in answer(ldpbench("results", "compare", "--json", *options))["methods"]]

    assert ends("--resamples", "50") == ends("--resamples", "50")
    assert ends("--resamples", "50") != ends("--resamples", "50", "--seed", "1")
    assert ends("--resamples", "50") != ends("--resamples", "51")


def test_only_images_that_all_chosen_methods_have_are_paired(home, measured, ldpbench):
    write_run(home.runs, "run-gap", psnr=[None, None, *psnrs(1.0, 4)[2:]], method=make_method("gap"))
    ingest(home.runs, home.database)
    data = answer(ldpbench("results", "compare", "--json"))
    assert (len(data["images"]), data["left_out"], data["lacking"]) == (28, ["scene-01", "scene-02"], {"gap": 2})
    done = ldpbench("results", "compare")
    assert "28 of 30 images are paired." in done.stdout
    assert "gap has none for 2" in done.stdout
    chosen = answer(ldpbench("results", "compare", "-m", "best", "-m", "far", "--json"))
    assert len(chosen["images"]) == 30
    assert [method["method"] for method in chosen["methods"]] == ["best", "far"]


def test_an_identical_picture_is_counted_and_has_no_interval(home, measured, ldpbench):
    write_run(home.runs, "run-once", psnr=[float("inf"), *psnrs(-5.0, 4)[1:]], method=make_method("once"))
    ingest(home.runs, home.database)
    data = answer(ldpbench("results", "compare", "--json"))
    once = next(method for method in data["methods"] if method["method"] == "once")
    assert (once["mean"], once["interval"], once["identical"], once["tied_with"]) == (None, None, 1, [])
    assert "∞ (identical)" in ldpbench("results", "compare").stdout


def test_one_method_has_an_interval_and_no_pairs(measured, ldpbench):
    data = answer(ldpbench("results", "compare", "-m", "far", "--json"))
    assert len(data["methods"]) == 1
    assert data["pairs"] == []
    assert "Pairs" not in ldpbench("results", "compare", "-m", "far").stdout


def test_groups_and_regions_are_compared_on_their_own(home, ldpbench):
    protocol = make_protocol(regions=("all", "near"))
    for method, shift in (("a", 0.0), ("b", 1.0)):
        rows = [
            make_row(
                sample,
                [
                    score
                    for region in protocol.regions
                    for score in make_scores(protocol, {"psnr": value + (region == "near")}, region)
                ],
                group="indoor" if place < 12 else "outdoor",
            )
            for place, (sample, value) in enumerate(zip(sample_ids(30), psnrs(shift, 5), strict=True))
        ]
        record = make_record(f"run-{method}", method=make_method(method), n_images=30, protocols=[protocol])
        write_folder(home.runs, record, rows)
    ingest(home.runs, home.database)
    whole = answer(ldpbench("results", "compare", "--json"))
    indoor = answer(ldpbench("results", "compare", "--group", "indoor", "--json"))
    near = answer(ldpbench("results", "compare", "--region", "near", "--json"))
    assert [len(data["images"]) for data in (whole, indoor, near)] == [30, 12, 30]
    assert indoor["methods"][0]["mean"] == pytest.approx(np.mean(psnrs(1.0, 5)[:12]))
    assert near["methods"][0]["mean"] == pytest.approx(whole["methods"][0]["mean"] + 1)
    done = ldpbench("results", "compare", "--group", "indor")
    assert done.returncode == 2
    assert "did you mean 'indoor'" in done.stderr


def test_a_protocol_is_chosen_by_id_short_id_or_hash(home, measured, ldpbench):
    other = make_protocol(id="toy/white", domain="white")
    write_run(home.runs, "run-other", psnr=psnrs(0.5, 9), protocols=(other,), method=make_method("best"))
    ingest(home.runs, home.database)
    for name in ("toy/white", "white", other.hash, other.hash[:8]):
        assert answer(ldpbench("results", "compare", "--protocol", name, "--json"))["protocol_hash"] == other.hash
    again = make_protocol(id="toy/white", domain="white", border_px=2)
    write_run(home.runs, "run-again", psnr=psnrs(0.5, 9), protocols=(again,), method=make_method("best"))
    ingest(home.runs, home.database)
    done = ldpbench("results", "compare", "--protocol", "white")
    assert done.returncode == 2
    assert other.hash[:12] in done.stderr
    assert again.hash[:12] in done.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--dataset", "nothing"), "no dataset with results is called 'nothing'"),
        (("--protocol", "nothing"), "no protocol with results is called 'nothing'"),
        (("--metric", "mse-rel"), "is a figure over a set of images"),
        (("--metric", "rmse"), "does not measure 'rmse'"),
        (("--metric", "psnrr"), "no metric is called 'psnrr'"),
        (("--method", "bset"), "did you mean 'best'"),
        (("--region", "moon"), "no region of this protocol is called 'moon'"),
        (("--resamples", "0"), "--resamples"),
        (("--seed", "-1"), "--seed"),
    ],
)
def test_wrong_options_are_one_line(measured, ldpbench, options, says):
    done = ldpbench("results", "compare", *options)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_methods_without_a_common_image_are_named(home, ldpbench):
    for method, psnr in (("early", [30.0, None]), ("late", [None, 30.0])):
        write_run(home.runs, f"run-{method}", psnr=psnr, method=make_method(method))
    ingest(home.runs, home.database)
    done = ldpbench("results", "compare")
    assert done.returncode == 2
    assert "no image has a number from all of these methods" in done.stderr
    assert "early 1, late 1" in done.stderr


def test_without_results_the_way_to_them_is_named(home, ldpbench):
    home.runs.mkdir(parents=True)
    ingest(home.runs, home.database)
    done = ldpbench("results", "compare")
    assert done.returncode == 3
    assert "ldpbench evaluate --all" in done.stderr
