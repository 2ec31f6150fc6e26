"""What the plots of a board are drawn from."""

import json
import math
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from html_checks import Reader
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from site_fakes import MAE, METRICS, PSNR, SSIM, make_board

from ldpbench.core.errors import MissingPrerequisiteError
from ldpbench.core.resources import shipped_root
from ldpbench.metrics.aggregate import SET_METRICS
from ldpbench.results.costs import CostRow
from ldpbench.results.statistics.bootstrap import Interval
from ldpbench.results.statistics.comparison import compare
from ldpbench.results.views import Aggregate, Board, SampleScores
from ldpbench.site import plotting_library
from ldpbench.site.pages import Choice, PlotsSection
from ldpbench.site.plots import MOST_PAIRS, BoardPlots, board_plots, n_references, paired_differences
from ldpbench.site.plotting_library import inline_style_hashes
from ldpbench.site.plotting_library import plotting_library as library_script
from tests.factories import make_protocol
from tests.made_up_costs import make_cost

INF = math.inf
LINKS = {"scene-01": "scene/toy--test--scene-01.html"}


def plots_of(board: Board, scores: tuple[SampleScores, ...], page: str = "board/toy--native.html") -> BoardPlots:
    found = board_plots(board, scores, page=page, title="Toy test, as it is", scene_links=LINKS)
    assert found is not None
    return found


def three_methods() -> tuple[Board, tuple[SampleScores, ...]]:
    """``good`` is slow, ``fair`` is quick and its MACs unknown, ``poor`` was not measured, ``broken`` is unranked."""
    values = {"good": [30.0, 32.0], "fair": [29.0, 30.0], "poor": [20.0, 21.0], "broken": [10.0, None]}
    board, scores = make_board(make_protocol(), values)
    costs = {
        "good": make_cost("good", seconds=(2.0,), macs=3_000_000_000, peak_memory_bytes=5_000_000),
        "fair": make_cost("fair", seconds=(0.1,), macs=None, macs_missing="an operator of its own"),
    }
    parameters = {"good": 7_234_567, "fair": 0, "poor": None}
    rows = tuple(
        replace(
            row,
            cost=CostRow(name=row.method_id, hardware_id="a-machine", record=costs[row.method_id])
            if row.method_id in costs
            else None,
            parameters=parameters.get(row.method_id),
            inputs=("left", "right") if row.method_id == "good" else ("blurry",),
        )
        for row in board.rows
    )
    return replace(board, rows=rows), scores


def overview_of(plots: BoardPlots) -> Any:
    return plots.files[0].value


# Which methods, which costs


def test_only_ranked_methods_are_drawn_and_the_others_are_named() -> None:
    plots = plots_of(*three_methods())
    assert [method["id"] for method in overview_of(plots)["methods"]] == ["good", "fair", "poor"]
    assert plots.section.unranked == ("BROKEN (made up)",)
    assert plots.section.n_methods == 3
    assert [(method["href"], method["views"]) for method in overview_of(plots)["methods"]] == [
        ("method/good.html", "dual"),
        ("method/fair.html", "single"),
        ("method/poor.html", "single"),
    ]


def test_costs_come_in_the_units_of_their_axes() -> None:
    plots = plots_of(*three_methods())
    assert [choice.value for choice in plots.section.costs] == ["latency", "parameters", "macs", "memory", "time"]
    good, fair, poor = (method["costs"] for method in overview_of(plots)["methods"])
    assert good == {"latency": 2.0, "parameters": 7.235, "macs": 3.0, "memory": 5.0, "time": 0.0123}
    assert fair == {"latency": 0.1, "parameters": 0.0, "macs": None, "memory": pytest.approx(1.049), "time": 0.0123}
    assert poor == {"latency": None, "parameters": None, "macs": None, "memory": None, "time": 0.0123}
    latency, parameters, *_ = overview_of(plots)["costs"]
    assert latency["note"] == "median of timed calls; 256x256 px, a-machine, timing/1"
    assert "a-machine" not in parameters["note"]


def test_costs_that_nobody_has_are_no_choice() -> None:
    board, scores = make_board(make_protocol(), {"a": [30.0, 31.0], "b": [28.0, 29.0]})
    plots = plots_of(board, scores)
    assert [choice.value for choice in plots.section.costs] == ["parameters", "time"]
    bare = replace(board, rows=tuple(replace(row, parameters=None, seconds_median=None) for row in board.rows))
    assert plots_of(bare, scores).section.costs == ()


def test_the_front_is_by_the_metric_and_the_cost() -> None:
    fronts = overview_of(plots_of(*three_methods()))["fronts"]
    assert fronts["psnr"] == {"latency": [1, 0], "parameters": [1, 0], "macs": [0], "memory": [1, 0], "time": [0]}
    assert fronts["mae"]["latency"] == [1, 0]  # lower is better
    board, scores = three_methods()
    upside_down = replace(board, metrics=(replace_direction(PSNR),))
    assert overview_of(plots_of(upside_down, scores))["fronts"]["psnr"]["latency"] == [1]


def replace_direction(spec: Any) -> Any:
    return spec.model_copy(update={"higher_is_better": not spec.higher_is_better})


@pytest.mark.parametrize("values", [{"alone": [30.0, 31.0]}, {"alone": [30.0], "broken": [None]}])
def test_one_ranked_method_is_no_comparison(values: dict[str, list[float | None]]) -> None:
    board, scores = make_board(make_protocol(), values)
    assert board_plots(board, scores, page="board/x.html", title="t", scene_links={}) is None


def test_a_board_without_known_metrics_has_no_plots() -> None:
    board, scores = make_board(make_protocol(), {"a": [30.0], "b": [29.0]})
    assert board_plots(replace(board, metrics=()), scores, page="board/x.html", title="t", scene_links={}) is None


# Values


def test_values_have_two_digits_more_than_the_table_and_infinities_have_a_name() -> None:
    board, scores = make_board(make_protocol(), {"a": [30.123456789, INF], "b": [28.0, 29.0]})
    plots = plots_of(board, scores)
    psnr = next(file for file in plots.files if file.path.endswith("metric-psnr.js"))
    assert psnr.value["images"] == [[30.1235, "inf"], [28.0, 29.0]]
    assert [method["means"]["psnr"] for method in overview_of(plots)["methods"]] == [None, [28.5]]
    assert plots.section.reference == "b", "nothing has a finite difference to the infinite one"


def test_the_ends_of_intervals_come_with_the_means() -> None:
    board, scores = three_methods()
    first = board.rows[0]
    values = {**first.values, "psnr": replace(first.values["psnr"], interval=Interval(29.99999, 32.0))}
    board = replace(board, rows=(replace(first, values=values), *board.rows[1:]))
    assert overview_of(plots_of(board, scores))["methods"][0]["means"]["psnr"] == [31.0, 30.0, 32.0]


def test_scenes_are_sorted_and_lead_to_their_pages_where_they_have_one() -> None:
    board, scores = three_methods()
    assert overview_of(plots_of(board, tuple(reversed(scores))))["scenes"] == [
        {"title": "scene-01", "href": "scene/toy--test--scene-01.html"},
        {"title": "scene-02", "href": None},
    ]


def test_a_metric_of_the_whole_set_has_no_values_by_scene() -> None:
    board, scores = three_methods()
    of_set = SET_METRICS["mse-rel"].spec
    known = Aggregate(mean=0.05, finite_mean=0.05, n_images=2, n_identical=0, n_failed=0)
    rows = tuple(replace(row, values={**row.values, "mse-rel": known}) for row in board.rows)
    plots = plots_of(replace(board, metrics=(*METRICS, of_set), rows=rows), scores)
    files = {metric["id"]: metric["file"] for metric in overview_of(plots)["metrics"]}
    assert files["mse-rel"] is None
    assert [file.path for file in plots.files[1:]] == [files["psnr"], files["ssim"], files["mae"]]


def test_files_are_named_after_the_page_and_differ_between_views() -> None:
    board, scores = three_methods()
    whole, near = plots_of(board, scores), plots_of(board, scores, "board/toy--native--region-near.html")
    assert whole.section.data == "data/plots/toy--native/methods.js"
    paths = [file.path for file in (*whole.files, *near.files)]
    assert len(set(paths)) == len(paths) == 8


def test_no_scene_scores_leave_the_plot_of_costs() -> None:
    board, _ = three_methods()
    plots = plots_of(board, ())
    assert len(plots.files) == 1
    assert {metric["file"] for metric in overview_of(plots)["metrics"]} == {None}


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 4).flatmap(
        lambda n: st.lists(
            st.lists(st.one_of(st.none(), st.just(INF), st.floats(5, 60)), min_size=n, max_size=n),
            min_size=2,
            max_size=5,
        )
    )
)
def test_whatever_the_scores_the_files_are_json_and_fit_together(table: list[list[float | None]]) -> None:
    board, scores = make_board(make_protocol(), {f"m-{n}": row for n, row in enumerate(table)}, metrics=(PSNR, MAE))
    found = board_plots(board, scores, page="board/toy.html", title="t", scene_links={})
    ranked = sum(None not in row for row in table)
    assert (found is None) == (ranked < 2)
    if found is None:
        return
    for file in found.files:
        assert json.loads(json.dumps(file.value, allow_nan=False)) == file.value
    for file in found.files[1:]:
        assert [len(row) for row in file.value["images"]] == [len(table[0])] * ranked
        assert [len(row) for row in file.value["pairs"]] == list(range(ranked - 1, -1, -1))
    assert found.section.reference in {choice.value for choice in found.section.references}


# Paired differences


def noisy_table(n_methods: int, n_images: int) -> Any:
    random = np.random.default_rng(3)
    return 27 + random.normal(0, 3, n_images) + random.normal(0, 0.5, (n_methods, n_images))


def test_differences_are_those_of_the_comparison() -> None:
    table = noisy_table(5, 30)
    table[3, 4] = table[4, 4] = INF
    table[2, 7] = math.nan
    names = [f"m-{place}" for place in range(5)]
    values = {
        name: [None if math.isnan(v) else v for v in row] for name, row in zip(names, table.tolist(), strict=True)
    }
    pairs = {(pair.first, pair.second): pair for pair in compare(values, higher_is_better=True).pairs}
    found = paired_differences(table)
    for first in range(5):
        for second in range(first + 1, 5):
            pair, sign = pairs.get((names[second], names[first])), 1.0
            if pair is None:
                pair, sign = pairs[names[first], names[second]], -1.0
            mine = found[first][second - first - 1]
            if pair.difference is None or not math.isfinite(pair.difference):
                assert mine is None
                continue
            assert mine is not None
            assert pair.interval is not None
            ends = sorted(sign * end for end in (pair.interval.low, pair.interval.high))
            assert mine == pytest.approx((sign * pair.difference, *ends), abs=1e-9)


def test_intervals_are_as_wide_as_the_normal_approximation_says() -> None:
    table = noisy_table(2, 2000)
    ((pair,), _) = paired_differences(table)
    assert pair is not None
    difference = table[1] - table[0]
    half = 1.96 * difference.std(ddof=1) / math.sqrt(2000)
    assert pair == pytest.approx((difference.mean(), difference.mean() - half, difference.mean() + half), rel=0.05)


def test_one_image_has_a_difference_and_no_interval() -> None:
    assert paired_differences(np.array([[30.0], [28.0]])) == [[(-2.0,)], []]


@pytest.mark.parametrize(("n_methods", "expected"), [(1, 1), (2, 2), (40, 40), (41, 19), (100, 8), (5000, 1)])
def test_references_are_few_where_methods_are_many(n_methods: int, expected: int) -> None:
    assert n_references(n_methods) == expected
    if n_methods < MOST_PAIRS:
        assert expected * (n_methods - 1) - expected * (expected - 1) // 2 <= MOST_PAIRS


def test_a_hundred_methods_on_five_hundred_scenes_stay_small() -> None:
    table = noisy_table(100, 500)
    values = {f"m-{place:03d}": row for place, row in enumerate(table.tolist())}
    board, scores = make_board(make_protocol(), values, metrics=(PSNR, SSIM))
    plots = plots_of(board, scores)
    sizes = [len(json.dumps(file.value, separators=(",", ":"))) for file in plots.files]
    assert max(sizes) < 500_000
    assert len(plots.section.references) == 8


# The page


def section_html(section: PlotsSection) -> Reader:
    loader = FileSystemLoader(shipped_root() / "leaderboard" / "templates")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    source = '{% import "plots.html.j2" as drawn %}{{ drawn.head("../") }}{{ drawn.plots(section, "../") }}'
    reader = Reader()
    reader.feed(environment.from_string(source).render(section=section))
    return reader


def test_the_section_offers_what_there_is_and_starts_with_the_usual() -> None:
    plots = plots_of(*three_methods())
    reader = section_html(replace(plots.section, reference="fair"))
    selects = [each.attributes["data-choose"] for each in reader.elements if each.tag == "select"]
    assert selects == ["y", "x", "ref"]
    chosen = [each.attributes["value"] for each in reader.elements if "selected" in each.attributes]
    assert chosen == ["psnr", "latency", "fair"]
    section = next(each for each in reader.elements if each.tag == "section")
    assert section.attributes["data-plots"] == "data/plots/toy--native/methods.js"
    assert "hidden" in section.attributes, "without scripts there is nothing to see"


def test_without_costs_there_is_no_plot_of_them() -> None:
    plots = plots_of(*three_methods())
    reader = section_html(replace(plots.section, costs=()))
    drawn = [each.attributes["data-plot"] for each in reader.elements if "data-plot" in each.attributes]
    assert drawn == ["scenes", "differences"]


def test_names_stay_text() -> None:
    evil = '"><img src=x onerror=alert(1)><script>alert(1)</script>'
    plots = plots_of(*three_methods())
    reader = section_html(replace(plots.section, references=(Choice(value=evil, text=evil),), unranked=(evil,)))
    assert [each.tag for each in reader.elements if each.tag in ("img", "script")] == ["script", "script"]  # head's own
    option = next(each for each in reader.elements if each.attributes.get("value") == evil)
    assert option.text == evil


# The library


def test_the_library_is_taken_as_it_is_installed() -> None:
    copied = library_script()
    assert copied.startswith(b"/**\n* plotly.js")
    assert len(copied) > 1_000_000
    assert len(inline_style_hashes()) == 1


def made_up_library(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str | None) -> None:
    class Distribution:
        def locate_file(self, path: str) -> Path:
            return folder / path

    file = folder / "plotly" / "package_data" / "plotly.min.js"
    file.parent.mkdir(parents=True)
    if script is not None:
        file.write_text(script, encoding="utf-8")
    monkeypatch.setattr(plotting_library, "distribution", lambda name: Distribution())
    inline_style_hashes.cache_clear()


@pytest.fixture(autouse=True)
def _fresh_hashes() -> Any:
    yield
    inline_style_hashes.cache_clear()


@pytest.mark.parametrize(
    "literal",
    [
        r"""'.maplibregl-map{content:"a\'b"}\n.x{}'""",
        r'''".maplibregl-map{content:\"a'b\"}\n.x{}"''',
        r"""`.maplibregl-map{content:"\x61'\u0062"}\n.x{}`""",
    ],
)
def test_the_style_sheet_is_found_however_it_is_quoted(
    literal: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made_up_library(monkeypatch, tmp_path, f"var e=1;e.textContent={literal},document.head.append(e);f('x')")
    # printf '.maplibregl-map{content:"a'"'"'b"}\n.x{}' | openssl dgst -sha256 -binary | base64
    assert inline_style_hashes() == ("sha256-mT0FQHdf1yzPO/RVFTHI0DfHX44Dy6xEPOIvrFJjzF4=",)


def test_a_library_without_that_style_sheet_needs_no_leave(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made_up_library(monkeypatch, tmp_path, 'x.textContent=".other{}"')
    assert inline_style_hashes() == ()


def test_a_package_without_its_script_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made_up_library(monkeypatch, tmp_path, None)
    with pytest.raises(MissingPrerequisiteError, match=r"has no script: expected .*plotly\.min\.js"):
        library_script()


def test_an_absent_package_is_one_line_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def absent(name: str) -> Any:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(plotting_library, "distribution", absent)
    inline_style_hashes.cache_clear()
    for need in (library_script, inline_style_hashes):
        with pytest.raises(MissingPrerequisiteError, match="the package plotly, which is not installed") as caught:
            need()
        assert "install ldpbench again" in (caught.value.hint or "")


def test_the_package_itself_is_never_imported() -> None:
    program = (
        "import sys\n"
        "from ldpbench.site.plotting_library import inline_style_hashes\n"
        "assert inline_style_hashes()\n"
        "assert 'plotly' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
