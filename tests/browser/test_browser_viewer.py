"""A scene in a browser: one view over all pictures, the slider, crops, and links that show the same."""

import numpy as np
import pytest
from browser_scene import SCENE, WIDTH, colour, drag, frame, make_scene_site, settle, transforms, zoom


@pytest.fixture(scope="module")
def scene_site(tmp_path_factory):
    return make_scene_site(tmp_path_factory.mktemp("scene-site"))


def test_the_divider_follows_the_pointer_and_the_keyboard(watched, scene_site):
    page = watched.open(scene_site, SCENE)
    stage, divider = page.locator("[data-stage]"), page.locator("[data-divider]")
    assert colour(page, stage, 0.4) == [100] * 3
    assert colour(page, stage, 0.6) == [120] * 3  # the best output
    drag(page, stage, (0.5, 0.5), (0.8, 0.5))
    assert abs(int(divider.input_value()) - 80) <= 1
    assert page.url.endswith(f"#cut={divider.input_value()}")
    assert colour(page, stage, 0.6) == [100] * 3
    divider.focus()
    page.keyboard.press("ArrowLeft")
    assert abs(int(divider.input_value()) - 79) <= 1


def test_a_drag_beside_the_divider_moves_magnified_pictures(watched, scene_site):
    page = watched.open(scene_site, f"{SCENE}#view=200,150,4")
    drag(page, page.locator("[data-stage]"), (0.2, 0.5), (0.3, 0.6))
    assert page.locator("[data-divider]").input_value() == "50"
    x, y, _ = (float(part) for part in page.url.split("view=")[1].replace("%2C", ",").split(","))
    assert (x, y) == (pytest.approx(190, abs=0.5), pytest.approx(142.5, abs=0.5))
    drag(page, page.locator("[data-stage]"), (0.5, 0.5), (0.7, 0.5))
    assert abs(int(page.locator("[data-divider]").input_value()) - 70) <= 1


def test_any_two_pictures_can_be_chosen(watched, scene_site):
    page = watched.open(scene_site, SCENE)
    page.locator("[data-side=left]").select_option("target")
    page.locator("[data-side=right]").select_option("output--run-other")
    assert colour(page, page.locator("[data-stage]"), 0.25) == [140] * 3
    assert colour(page, page.locator("[data-stage]"), 0.75) == [130] * 3
    assert "left=target" in page.url
    assert page.locator(".half img").evaluate_all("found => found.map((image) => image.alt)") == [
        "OTHER (made up), right of the divider",
        "Sharp target, left of the divider",
    ]


def test_the_wheel_magnifies_everything_at_the_pointer(watched, scene_site):
    page = watched.open(scene_site, SCENE)
    box = frame(page, "output").bounding_box()
    page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.75 * box["height"])
    page.wait_for_timeout(400)
    page.mouse.wheel(0, -400)
    scale = zoom(page)
    assert scale == pytest.approx(np.e, rel=1e-3)
    left, top = (
        float(part) for part in transforms(page)[0].split("translate(")[1].split(")")[0].replace("%", "").split(",")
    )
    assert left / 100 + 0.25 * scale == pytest.approx(0.25, abs=0.01)  # what was under the pointer still is
    assert top / 100 + 0.75 * scale == pytest.approx(0.75, abs=0.01)
    page.mouse.wheel(0, 4000)
    assert zoom(page) == 1


def test_a_whole_picture_lets_the_page_scroll_and_a_scroll_under_way_goes_on(watched, scene_site):
    page = watched.open(scene_site, SCENE)
    box = page.locator("[data-stage]").bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.wheel(0, 100)
    page.wait_for_function("() => scrollY > 0")
    page.mouse.wheel(0, -30)  # at once: the hand that scrolls corrects itself
    assert zoom(page) == 1


def test_dragging_moves_all_and_never_beyond_the_edge(watched, scene_site):
    page = watched.open(scene_site, f"{SCENE}#view=200,150,4")
    drag(page, frame(page, "output"), (0.5, 0.5), (0.6, 0.5))
    assert "view=190%2C150%2C4" in page.url
    for _ in range(4):
        drag(page, frame(page, "output"), (0.1, 0.5), (0.95, 0.5))
    assert "view=50%2C150%2C4" in page.url
    assert zoom(page) == 4


def test_double_clicks_and_keys_look_closer(watched, scene_site):
    page = watched.open(scene_site, SCENE)
    frame(page, "target").dblclick()
    assert zoom(page) == 2
    assert page.evaluate("document.activeElement.hasAttribute('data-panes')")
    page.keyboard.press("+")
    assert zoom(page) == 3
    page.keyboard.press("-")
    assert zoom(page) == 2
    before = page.locator("[data-here]").get_attribute("x")
    page.keyboard.press("ArrowRight")
    settle(page)
    assert float(page.locator("[data-here]").get_attribute("x")) == pytest.approx(float(before) + 20)
    page.keyboard.press("0")
    assert zoom(page) == 1
    settle(page)
    assert "#" not in page.url
    page.locator("[data-step=in]").click()
    assert zoom(page) == 1.5


def test_two_fingers_pinch_and_leave_nothing_behind(chromium, scene_site):
    context = chromium.new_context(has_touch=True, viewport={"width": 360, "height": 700})
    page = context.new_page()
    page.goto((scene_site / SCENE).as_uri())
    box = frame(page, "output").bounding_box()
    touch = context.new_cdp_session(page)

    def send(kind, *points):
        places = [{"x": box["x"] + x, "y": box["y"] + y, "id": number} for number, (x, y) in enumerate(points)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    send("touchStart", (30, 30))  # a tap must not count as a finger later
    send("touchEnd")
    send("touchStart", (100, 100), (140, 100))
    send("touchMove", (60, 100), (180, 100))
    send("touchEnd")
    assert zoom(page) == pytest.approx(3, rel=0.05)
    before = transforms(page)
    send("touchStart", (100, 100))
    send("touchMove", (80, 100))
    send("touchMove", (60, 100))
    send("touchEnd")
    assert zoom(page) == pytest.approx(3, rel=0.05)
    assert transforms(page) != before
    context.close()


def test_boxes_lead_every_picture_to_one_place(watched, scene_site):
    page = watched.open(scene_site, SCENE)
    page.locator("[data-place=A]").click()
    assert zoom(page) == pytest.approx(6, rel=0.02)
    settle(page)
    assert page.url.endswith("#crop=A")
    assert page.locator("[data-place=A]").get_attribute("aria-pressed") == "true"
    here = page.locator("[data-here]")
    x, y, width, height = (float(here.get_attribute(name)) for name in ("x", "y", "width", "height"))
    assert (x, y) == (pytest.approx(50, abs=1), pytest.approx(100, abs=1))
    assert (width, height) == (pytest.approx(66, abs=1), pytest.approx(50, abs=1))
    page.locator("[data-step=out]").click()
    settle(page)
    assert "crop" not in page.url
    page.locator("[data-place=Whole]").click()
    assert zoom(page) == 1
    settle(page)
    assert "#" not in page.url


def test_the_overview_says_and_sets_where_one_is(watched, scene_site):
    page = watched.open(scene_site, f"{SCENE}#view=200,150,4")
    assert page.locator("[data-where]").inner_text() == "4.0×, middle at 200, 150 px"
    box = page.locator("[data-overview]").bounding_box()
    page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + 0.75 * box["height"])
    settle(page)
    assert page.locator("[data-where]").inner_text() == "4.0×, middle at 350, 225 px"
    page.locator("[data-go]").nth(1).click()
    settle(page)
    assert page.url.endswith("#crop=B")


@pytest.mark.parametrize("pixels", [2, 4])
def test_a_pixel_can_take_whole_pixels_of_the_screen(watched, scene_site, pixels):
    page = watched.open(scene_site, SCENE)
    page.locator(f"[data-pixels='{pixels}']").click()
    settle(page)
    assert page.locator(".half.left .layer").bounding_box()["width"] == pytest.approx(pixels * WIDTH, abs=0.01)
    assert (
        page.locator(".half.left .layer").evaluate("layer => getComputedStyle(layer.firstElementChild).imageRendering")
        == "pixelated"
    )


LINK = "left=output--run-other&right=target&cut=30&view=160.5%2C180%2C5&ev=1.5&gamma=1.2&error=8"


def shown(page):
    settle(page)
    values = [page.locator(f"[data-{name}]").input_value() for name in ("divider", "exposure", "gamma", "gain")]
    sides = [page.locator(f"[data-side={side}]").input_value() for side in ("left", "right")]
    return values, sides, transforms(page), page.locator("[data-error]").get_attribute("aria-pressed")


def test_a_link_shows_the_same(watched, scene_site):
    page = watched.open(scene_site, f"{SCENE}#{LINK}")
    values, sides, _, error = shown(page)
    assert values == ["30", "1.5", "1.2", "8"]
    assert sides == ["output--run-other", "target"]
    assert error == "true"
    assert zoom(page) == 5
    assert sorted(page.url.split("#")[1].split("&")) == sorted(LINK.split("&"))
    other = watched.context.new_page()
    other.goto(page.url)
    assert shown(other) == shown(page)


def test_an_address_changed_by_hand_is_followed(watched, scene_site):
    page = watched.open(scene_site, SCENE)
    plain = shown(page)
    page.evaluate(f"location.hash = '{LINK}'")
    assert shown(page) != plain
    page.evaluate("location.hash = 'ev=0'")
    assert shown(page)[:3] == plain[:3]


def test_links_that_make_no_sense_do_no_harm(watched, scene_site):
    states = ("view=a,b,c", "view=NaN", "view=9e9,-5,0", "crop=Z", "cut=x", "ev=much", "error=3", "left=nobody&right=")
    page = watched.open(scene_site, SCENE)
    for state in states:
        page.evaluate("state => { location.hash = state; }", state)
        assert zoom(page) == 1, state
        assert page.locator("[data-side=left]").input_value() == "blurry"
        assert page.locator("[data-divider]").input_value() == "50"
        assert page.locator("[data-error]").get_attribute("aria-pressed") == "false"
        assert colour(page, frame(page, "target")) == [140] * 3, state


def test_the_address_waits_until_the_hand_rests(watched, scene_site):
    page = watched.open(scene_site, f"{SCENE}#view=200,150,4")
    page.evaluate(
        "() => { window.writes = 0; const write = history.replaceState.bind(history);"
        " history.replaceState = (...all) => { window.writes += 1; write(...all); }; }"
    )
    box = frame(page, "output").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 120, steps=60)
    page.mouse.up()
    settle(page)
    assert 1 <= page.evaluate("window.writes") <= 12  # browsers refuse hundreds


def test_small_copies_come_first_and_the_whole_when_magnified_and_in_sight(watched, scene_site):
    page = watched.open(scene_site, SCENE)
    settle(page)
    sources = "() => [...document.querySelectorAll('[data-frame] img')].map((image) => image.getAttribute('src'))"
    assert all(source.endswith("--small.png") for source in page.evaluate(sources))
    page.locator("[data-place=B]").click()
    frame(page, "target")
    page.wait_for_function(f"() => ({sources})().every((source) => !source.endsWith('--small.png'))")


def test_a_picture_that_is_gone_shows_as_gone(chromium, scene_site):
    page = chromium.new_page()
    page.route("**/target.png", lambda route: route.abort())
    page.goto((scene_site / SCENE).as_uri() + "#view=200,150,4")
    frame(page, "target")
    page.wait_for_function("() => document.querySelector('[data-frame].target img').naturalWidth === 0")
    assert zoom(page) == 4
    page.close()


def test_without_scripts_every_picture_is_there_with_a_link(chromium, scene_site):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((scene_site / SCENE).as_uri())
    assert page.locator("[data-frame] img:visible").count() == 5
    links = page.locator("[data-frame]").evaluate_all("found => found.map((frame) => frame.getAttribute('href'))")
    assert [link.split("/")[-1] for link in links][::4] == ["blurry.png", "target.png"]
    assert page.locator("[data-scene] button:visible, [data-scene] input:visible").count() == 0
    context.close()


def test_paper_shows_every_picture_within_its_column(watched, scene_site):
    page = watched.open(scene_site, f"{SCENE}#crop=A")
    page.emulate_media(media="print")
    settle(page)
    for figure in page.locator("[data-panes] figure").all():
        assert figure.locator("[data-frame]").bounding_box()["width"] <= figure.bounding_box()["width"] + 0.5
    assert page.locator(".knobs:visible, .viewer:visible").count() == 0


def test_the_first_page_compares_two_pictures(watched, scene_site):
    page = watched.open(scene_site, "index.html")
    stage = page.locator("[data-stage]")
    assert colour(page, stage, 0.25) == [100] * 3
    drag(page, stage, (0.5, 0.5), (0.2, 0.5))
    assert colour(page, stage, 0.3) == [120] * 3
    assert "#" not in page.url
    page.mouse.wheel(0, -100)
    assert zoom(page) == 1
