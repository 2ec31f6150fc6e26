"""The plots of a board in a real browser, opened from a file."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from browser_site import Watched, make_site

from ldpbench.records import MetricSpec
from ldpbench.results.board_statistics import with_statistics
from ldpbench.results.costs import CostRow
from ldpbench.results.views import Aggregate, Board, BoardRow, SampleScores, StoredRun
from ldpbench.site.facts import Facts
from tests.factories import make_method, make_protocol, make_record
from tests.made_up_costs import make_cost

PSNR = MetricSpec(id="psnr", version=1, title="PSNR", unit="dB", higher_is_better=True, decimals=2, convention="One.")
MAE = MetricSpec(id="mae", version=1, title="MAE", unit="1", higher_is_better=False, decimals=4, convention="Two.")
N_METHODS, N_SCENES = 24, 6
Page = Any
"""A page of playwright, which need not be installed."""
EVIL = "<b>Bold</b> & <script>alert(1)</script>"
"""The title of the quickest method, which is on every front of latency."""


def made_up_facts() -> Facts:
    """Method ``m-0`` is best and slowest; each next one is 0.5 dB worse and half as slow, but for two that are not.

    ``m-2`` has no cost, and ``m-3`` is as slow as ``m-1``: so it is not on the front.
    """
    protocol = make_protocol()
    scores, rows = [], []
    for place in range(N_METHODS):
        method_id, run_id = f"m-{place}", f"run-{place}"
        title = EVIL if place == N_METHODS - 1 else f"Method {place}"
        values = [40.0 - 0.5 * place + scene + 0.01 * ((place * 7 + scene * 3) % 5) for scene in range(N_SCENES)]
        named = [{"psnr": value, "mae": round(10 ** (-value / 20), 6)} for value in values]
        scores += [
            SampleScores(run_id, method_id, f"scene-{scene}", one, None, 0.1, None) for scene, one in enumerate(named)
        ]
        seconds = 8.0 / 2**place if place != 3 else 4.0
        cost = CostRow(name=method_id, hardware_id="a-machine", record=make_cost(method_id, seconds=(seconds,)))
        rows.append(
            BoardRow(
                rank=place + 1,
                unranked_reason=None,
                run_id=run_id,
                method_id=method_id,
                method_title=title,
                method_kind="training-free",
                inputs=("left", "right") if place % 2 == 0 else ("blurry",),
                parameters=0 if place == 5 else 1000 * (N_METHODS - place),
                values={name: mean_of([one[name] for one in named]) for name in ("psnr", "mae")},
                seconds_median=seconds,
                cost=cost if place != 2 else None,
            )
        )
    board = Board(
        protocol=protocol,
        protocol_hash=protocol.hash,
        region="all",
        complete=True,
        n_images=N_SCENES,
        n_images_whole=N_SCENES,
        metrics=(PSNR, MAE),
        rows=tuple(rows),
        best={},
        second={},
    )
    board = with_statistics(board, scores)
    return Facts(boards=(board,), scores={board.view: tuple(scores)}, runs=runs_of(board))


def mean_of(values: list[float]) -> Aggregate:
    mean = sum(values) / len(values)
    return Aggregate(mean=mean, finite_mean=mean, n_images=len(values), n_identical=0, n_failed=0)


def runs_of(board: Board) -> Any:
    return tuple(
        StoredRun(
            record=make_record(
                row.run_id,
                method=make_method(row.method_id, title=row.method_title),
                n_images=board.n_images,
                protocols=(board.protocol,),
            ),
            folder="/nowhere",
        )
        for row in board.rows
    )


@pytest.fixture(scope="module")
def plots_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_site(tmp_path_factory.mktemp("plots-site"), made_up_facts())


BOARD = "board/toy--native.html"
PLOTS = ("cost", "scenes", "differences")


@pytest.fixture
def drawn(watched: Watched, plots_site: Path) -> Callable[..., Page]:
    """Open the board under an address and wait until its plots are there."""

    def at(state: str = "") -> Page:
        page = watched.open(plots_site, BOARD + state)
        page.locator("[data-plots]").scroll_into_view_if_needed()
        page.locator("[data-plots][data-drawn]").wait_for()
        return page

    return at


def label(page: Page, name: str) -> str:
    return page.locator(f"[data-plot={name}] [data-canvas]").get_attribute("aria-label") or ""


def notes(page: Page, name: str) -> list[str]:
    return page.locator(f"[data-plot={name}] [data-notes] li").all_text_contents()


def box_of(element: Any) -> dict[str, float]:
    found: dict[str, float] | None = element.bounding_box()
    assert found is not None
    return found


def choose(page: Page, name: str, value: str) -> None:
    page.locator(f"[data-choose={name}]").select_option(value)


def test_nothing_large_is_loaded_before_the_plots_come_near(watched: Watched, plots_site: Path) -> None:
    loaded: list[str] = []
    watched.page.on("request", lambda request: loaded.append(request.url))
    watched.page.set_viewport_size({"width": 1100, "height": 400})
    page = watched.open(plots_site, BOARD)
    page.wait_for_timeout(300)
    assert not [url for url in loaded if "plotly" in url or "/data/plots/" in url]
    page.locator("[data-plots]").scroll_into_view_if_needed()
    page.locator("[data-plots][data-drawn]").wait_for()
    assert [url for url in loaded if url.endswith("plotly.min.js")]
    assert [url.rsplit("/", 1)[1] for url in loaded if "/data/plots/" in url] == ["methods.js", "metric-psnr.js"]


def test_the_front_is_named_the_cheapest_first_and_who_has_no_cost_is_said(drawn: Callable[..., Page]) -> None:
    page = drawn()
    front = notes(page, "cost")[0]
    assert front.startswith(f"On the Pareto front, the cheapest first: {EVIL} (")
    names = [part.split(" (")[0] for part in front.split(": ", 1)[1].split(", ")]
    assert names == [EVIL, *(f"Method {place}" for place in range(22, -1, -1) if place not in (2, 3))]
    assert "Latency not known, and not drawn: Method 2." in notes(page, "cost")
    assert label(page, "cost").startswith("PSNR against latency of 23 methods. On the Pareto front")
    assert page.locator("[data-plot=cost] .points path").count() == 23


def test_what_is_chosen_is_kept_in_the_address_and_comes_back(drawn: Callable[..., Page]) -> None:
    page = drawn()
    choose(page, "x", "parameters")
    choose(page, "y", "mae")
    choose(page, "ref", "m-4")
    page.locator("[data-choose=log]").uncheck()
    page.locator("[data-choose=all]").check()
    address = page.evaluate("location.hash")
    assert address == "#plot.x=parameters&plot.y=mae&plot.ref=m-4&plot.log=0&plot.all=1"
    page.goto("about:blank")
    page = drawn(address)
    assert label(page, "cost").startswith("MAE against parameters of 24 methods.")
    assert "to Method 4:" in label(page, "differences")
    assert page.locator("[data-plot=scenes] .ytick").count() == N_METHODS
    choose(page, "x", "latency")  # as at first: not in the address
    assert "plot.x" not in page.evaluate("location.hash")


def test_an_address_with_what_is_not_there_shows_the_usual_and_one_by_hand_is_followed(
    drawn: Callable[..., Page],
) -> None:
    page = drawn("#plot.x=weight&plot.y=beauty&plot.ref=nobody&plot.log=maybe")
    assert label(page, "cost").startswith("PSNR against latency")
    assert "to Method 0:" in label(page, "differences")
    page.evaluate("location.hash = '#plot.y=mae'")
    page.locator("[data-plot=cost] [aria-label^='MAE against']").wait_for()
    assert label(page, "scenes").startswith("MAE of 20 methods on 6 scenes, lower is better.")


def test_what_costs_nothing_is_named_where_the_axis_has_no_zero(drawn: Callable[..., Page]) -> None:
    page = drawn("#plot.x=parameters")
    free = "At 0, which a logarithmic axis does not have: Method 5."
    assert free in notes(page, "cost")
    assert notes(page, "cost")[0].startswith("On the Pareto front, the cheapest first: Method 5 (")
    points = page.locator("[data-plot=cost] .points path")
    assert points.count() == N_METHODS - 1
    page.locator("[data-choose=log]").uncheck()
    page.locator("[data-plot=cost] .points path").nth(N_METHODS - 1).wait_for(state="attached")
    assert free not in notes(page, "cost")


def test_twenty_methods_at_first_and_all_when_asked_with_names_as_text(drawn: Callable[..., Page]) -> None:
    page = drawn()
    rows = page.locator("[data-plot=scenes] .ytick")
    assert rows.count() == 20
    assert "The best 20 of 24 methods are drawn." in notes(page, "scenes")
    page.locator("[data-choose=all]").check()
    rows.nth(N_METHODS - 1).wait_for(state="attached")
    assert rows.last.text_content() == EVIL[:33] + "…"
    assert page.locator("[data-plots] svg script, [data-plots] svg a").count() == 0


def test_differences_turn_round_with_the_reference(drawn: Callable[..., Page]) -> None:
    page = drawn()
    assert label(page, "differences").endswith(
        "23 methods to Method 0: 0 better and 23 worse with an interval that excludes 0, 0 without one."
    )
    choose(page, "ref", "m-10")
    page.locator("[data-plot=differences] [aria-label*='to Method 10: 10 better and 13 worse']").wait_for()
    assert page.locator("[data-plot=differences] .ytick text").first.text_content() == "Method 0"
    choose(page, "y", "mae")  # now less is better: the same methods win
    page.locator("[data-plot=differences] [aria-label*='MAE of 23 methods to Method 10: 10 better']").wait_for()


def test_a_point_tells_its_numbers_and_leads_to_its_method(drawn: Callable[..., Page]) -> None:
    page = drawn()
    page.locator("[data-plot=cost]").scroll_into_view_if_needed()
    point = box_of(page.locator("[data-plot=cost] .points path").last)
    page.mouse.move(point["x"] + point["width"] / 2, point["y"] + point["height"] / 2)
    hover = page.locator("[data-plot=cost] .hoverlayer .hovertext")
    hover.wait_for()
    told = hover.text_content() or ""
    for part in ("PSNR", "95 %: [", "Latency", "a-machine"):
        assert part in told
    page.mouse.down()
    page.mouse.up()
    page.wait_for_url("**/method/m-*.html")


def test_a_finger_first_shows_the_numbers_and_then_follows(chromium: Any, plots_site: Path) -> None:
    context = chromium.new_context(viewport={"width": 360, "height": 800}, has_touch=True, is_mobile=True)
    watched = Watched(context)
    page = watched.open(plots_site, BOARD)
    page.locator("[data-plots]").scroll_into_view_if_needed()
    page.locator("[data-plots][data-drawn]").wait_for()
    page.locator("[data-plot=cost]").scroll_into_view_if_needed()
    point = box_of(page.locator("[data-plot=cost] .points path").last)
    middle = point["x"] + point["width"] / 2, point["y"] + point["height"] / 2
    page.touchscreen.tap(*middle)
    page.locator("[data-plot=cost] .hoverlayer .hovertext").wait_for()
    page.wait_for_timeout(500)
    assert page.url.endswith(BOARD)
    page.touchscreen.tap(*middle)
    page.wait_for_url("**/method/m-*.html")
    context.close()
    assert watched.faults == []


def test_a_tick_leads_to_its_scene(drawn: Callable[..., Page]) -> None:
    page = drawn()
    plot = page.locator("[data-plot=scenes]")
    plot.scroll_into_view_if_needed()
    row = box_of(plot.locator(".scatterlayer .trace .js-line").first)
    page.mouse.move(row["x"] + row["width"], row["y"] + row["height"] / 2)  # the right end is the best scene
    plot.locator(".hoverlayer .hovertext").wait_for()
    assert "scene-5" in (plot.locator(".hoverlayer").text_content() or "")
    page.mouse.down()
    page.mouse.up()
    page.wait_for_url("**/scene/toy--test--scene-5.html")


def test_saved_files_are_whole_pictures_with_title_and_source(drawn: Callable[..., Page], tmp_path: Path) -> None:
    page = drawn()
    page.emulate_media(color_scheme="dark")
    for plot in PLOTS:
        for kind in ("svg", "png"):
            with page.expect_download() as download:
                page.locator(f"[data-plot={plot}] [data-save={kind}]").click()
            assert download.value.suggested_filename.startswith("toy--native-psnr-")
            assert download.value.suggested_filename.endswith(f".{kind}")
            download.value.save_as(tmp_path / f"plot.{kind}")
        root = ElementTree.parse(tmp_path / "plot.svg").getroot()
        texts = ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]
        assert any(text.startswith("PSNR") for text in texts)
        assert any(text.startswith("ldpbench, toy/native, protocol ") for text in texts)
        background = next(root.iter("{http://www.w3.org/2000/svg}rect"))
        assert "rgb(255, 255, 255)" in background.attrib["style"], "files are white, also of a dark page"
        header = (tmp_path / "plot.png").read_bytes()[:24]
        assert header.startswith(b"\x89PNG")
        assert struct.unpack(">II", header[16:24])[0] == 1920


def axis_colour(page: Page) -> str:
    return str(page.locator("[data-plot=cost] .xtick text").first.evaluate("(text) => getComputedStyle(text).fill"))


def test_colours_follow_the_page(drawn: Callable[..., Page]) -> None:
    page = drawn()
    light = axis_colour(page)
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(300)
    assert axis_colour(page) != light
    page.emulate_media(media="print")
    page.wait_for_timeout(300)
    assert axis_colour(page) == "rgb(77, 82, 90)"
    assert not page.locator("[data-choose=y]").is_visible()


def test_plots_fit_the_window_and_follow_it(drawn: Callable[..., Page]) -> None:
    page = drawn()
    for width in (1100, 360):
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_timeout(400)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for plot in PLOTS:
            canvas = box_of(page.locator(f"[data-plot={plot}] [data-canvas]"))
            svg = box_of(page.locator(f"[data-plot={plot}] .main-svg").first)
            assert svg["width"] == pytest.approx(canvas["width"], abs=1)
        # Names stand above the rows where there is no room beside them.
        assert (page.locator("[data-plot=scenes] .ytick").count() == 0) == (width == 360)


def test_a_file_that_is_gone_is_said_and_not_silent(watched: Watched, plots_site: Path) -> None:
    text = (plots_site / BOARD).read_text(encoding="utf-8")
    broken = plots_site / "board" / "gone.html"
    broken.write_text(text.replace("toy--native/methods.js", "gone/methods.js"), encoding="utf-8")
    page = watched.open(plots_site, "board/gone.html")
    page.locator("[data-plots]").scroll_into_view_if_needed()
    page.get_by_text("The plots cannot be drawn: data/plots/gone/methods.js cannot be loaded.").wait_for()
    assert [fault for fault in watched.faults if "ERR_FILE_NOT_FOUND" not in fault] == []
    watched.faults.clear()
