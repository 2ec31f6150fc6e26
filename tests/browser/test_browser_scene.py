"""A scene in a browser: the slider, one view over all pictures, light, errors and flicker."""

import numpy as np
import pytest
from browser_site import make_site

from ldpbench.data import png16
from ldpbench.site.crops import crop_boxes

SCENE = "scene/toy--test--scene-01.html"
WIDTH, HEIGHT = 400, 300


@pytest.fixture(scope="module")
def scene_site(tmp_path_factory):
    """Pictures of a known grey: blurry 100, target 140, outputs 120 and 130."""
    site = make_site(tmp_path_factory.mktemp("scene-site"), size=(WIDTH, HEIGHT))
    folder = site / "images" / "toy" / "test" / "scene-01"
    for name, grey in (("blurry", 100), ("target", 140), ("output--run-fake", 120), ("output--run-other", 130)):
        for suffix in ("", "--small"):
            data = png16.encode(np.full((HEIGHT, WIDTH, 3), grey, np.uint8))
            (folder / f"{name}{suffix}.png").write_bytes(data)
    return site


def transforms(page):
    return page.evaluate("[...document.querySelectorAll('.layers')].map((layers) => layers.style.transform)")


def grey_at(page, selector):
    """The colour of what is drawn there, away from boxes, as the screen has it."""
    picture = png16.decode(page.locator(selector).first.screenshot(), "screen")
    return picture[-12, 12, :3].tolist()


def test_the_divider_follows_the_pointer_and_the_keyboard(watched, scene_site):
    page = watched.open(scene_site, SCENE)
    stage = page.locator("[data-stage]")
    box = stage.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 20, steps=4)
    page.mouse.up()
    divider = page.locator("[data-divider]")
    assert abs(int(divider.input_value()) - 80) <= 1
    assert f"cut={divider.input_value()}" in page.url
    divider.focus()
    page.keyboard.press("ArrowLeft")
    assert abs(int(divider.input_value()) - 79) <= 1


def test_all_pictures_zoom_and_move_together(watched, scene_site):
    page = watched.open(scene_site, SCENE)
    frames = page.locator(".frame")
    assert frames.count() == 5
    frames.nth(1).scroll_into_view_if_needed()
    box = frames.nth(1).bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.25)
    zoomed = transforms(page)
    assert len(set(zoomed)) == 1
    assert "scale(3)" in zoomed[0]
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + 20, box["y"] + 30, steps=3)
    page.mouse.up()
    moved = transforms(page)
    assert len(set(moved)) == 1
    assert moved != zoomed
    page.mouse.wheel(0, -200)
    page.wait_for_function("() => !document.querySelector('.layers').style.transform.includes('scale(3)')")
    assert len(set(transforms(page))) == 1


def test_the_keyboard_looks_around(watched, scene_site):
    page = watched.open(scene_site, SCENE)
    page.locator(".frame").first.focus()
    page.keyboard.press("+")
    first = transforms(page)
    assert "scale(1.5)" in first[0]
    page.keyboard.press("ArrowRight")
    assert transforms(page) != first
    page.keyboard.press("0")
    assert "scale(1)" in transforms(page)[0]
    assert page.evaluate("location.hash") == ""


def test_a_link_shows_the_same_part(watched, scene_site):
    page = watched.open(scene_site, f"{SCENE}#view=0.4,0.6,5&left=1&right=4&cut=30&size=2&ev=1.5&gamma=1.2")
    assert "scale(5)" in transforms(page)[0]
    assert page.locator("[data-side=left]").evaluate("element => element.selectedIndex") == 1
    assert page.locator("[data-side=right]").evaluate("element => element.selectedIndex") == 4
    assert page.locator("[data-divider]").input_value() == "30"
    assert page.locator("[data-zoom='2']").get_attribute("aria-pressed") == "true"
    assert page.locator("[data-exposure]").input_value() == "1.5"
    other = watched.context.new_page()
    other.goto(page.url)
    assert transforms(other) == transforms(page)


def test_crops_lead_every_picture_to_one_box(watched, scene_site):
    page = watched.open(scene_site, SCENE)
    page.locator("[data-crop=A]").click()
    assert page.locator("[data-crop=A]").get_attribute("aria-pressed") == "true"
    assert len(set(transforms(page))) == 1
    assert page.evaluate("location.hash") == "#crop=A"
    page.locator("[data-crop=whole]").click()
    assert page.locator(".crop-box").count() == 2
    assert "scale(1)" in transforms(page)[0]


def test_exposure_brightens_by_stops_of_light(watched, scene_site):
    page = watched.open(scene_site, SCENE)
    plain = grey_at(page, "[data-kind=target] .frame")
    assert plain == [140, 140, 140]
    page.locator("[data-exposure]").fill("1")
    # Display codes: one stop is a factor of 2 in light, so 2^(1/2.2) in codes.
    assert abs(grey_at(page, "[data-kind=target] .frame")[0] - 140 * 2 ** (1 / 2.2)) <= 2
    page.locator("[data-light-reset]").click()
    assert grey_at(page, "[data-kind=target] .frame") == plain
    page.locator("[data-gamma]").fill("2")
    assert abs(grey_at(page, "[data-kind=target] .frame")[0] - 255 * (140 / 255) ** 0.5) <= 2


def test_error_maps_grow_with_the_error_and_vanish_without_one(watched, scene_site):
    page = watched.open(scene_site, f"{SCENE}#error=8")
    page.wait_for_function("() => [...document.querySelectorAll('img')].every((image) => image.complete)")
    fake = page.locator("[data-kind=output] .frame")
    assert fake.locator("img.target").first.is_visible()
    shown = [grey_at(page, f"[data-kind=output]:nth-of-type({place}) .frame") for place in (2, 3)]
    assert sum(shown[0]) > sum(shown[1]) > 0  # 20 codes off are brighter than 10
    page.locator("[data-error]").click()
    assert grey_at(page, "[data-kind=output] .frame") == [120, 120, 120]
    assert "error" not in page.url


def test_flicker_shows_both_pictures_in_turn(watched, scene_site):
    page = watched.open(scene_site, SCENE)
    page.locator("[data-one]").select_option(index=0)
    page.locator("[data-other]").select_option(index=4)
    page.locator("[data-swap]").click()
    page.wait_for_function("() => document.querySelector('img.flicker').complete")
    assert grey_at(page, "[data-kind=blurry] .frame") == [140, 140, 140]
    page.locator("[data-swap]").click()
    assert grey_at(page, "[data-kind=blurry] .frame") == [100, 100, 100]
    page.locator("[data-rate]").fill("8")
    page.locator("[data-run]").click()
    assert page.locator("[data-run]").get_attribute("aria-pressed") == "true"
    page.wait_for_function("() => !document.querySelector('img.flicker').hidden")
    page.keyboard.press("Escape")
    assert page.locator("img.flicker").count() == 0


def test_who_wants_no_motion_gets_none(watched, scene_site):
    watched.page.emulate_media(reduced_motion="reduce")
    page = watched.open(scene_site, SCENE)
    assert page.locator("[data-run]").is_hidden()
    assert page.locator("[data-swap]").is_visible()


def test_small_copies_come_first_and_the_whole_when_looked_into(watched, scene_site):
    page = watched.open(scene_site, SCENE)
    small = page.locator("[data-kind=blurry] img").first
    assert small.get_attribute("src").endswith("blurry--small.png")
    page.locator("[data-step=in]").click()
    page.wait_for_function("() => document.querySelector('[data-kind=blurry] img').src.endsWith('/blurry.png')")


def test_without_scripts_every_picture_is_there_with_a_link(chromium, scene_site):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((scene_site / SCENE).as_uri())
    assert page.locator(".frame img").count() == 5
    assert page.locator(".lab, .viewer").evaluate_all("found => found.length") == 2
    assert page.locator(".lab:visible, .viewer:visible").count() == 0
    context.close()


def test_boxes_lie_where_detail_was_lost_and_never_overlap():
    rng = np.random.default_rng(0)
    target = np.full((300, 400, 3), 128, np.uint8)
    target[40:100, 50:130] = rng.integers(0, 256, (60, 80, 3))  # lost
    target[200:260, 280:360] = rng.integers(0, 256, (60, 80, 3))  # kept
    blurry = target.copy()
    blurry[40:100, 50:130] = 128
    boxes = crop_boxes(blurry, target)
    first, last = boxes[0], boxes[-1]
    assert 20 <= first.x_px <= 110
    assert 10 <= first.y_px <= 90
    assert 250 <= last.x_px <= 350
    for one in boxes:
        assert one.x_px + one.width_px <= 400
        assert one.y_px + one.height_px <= 300
        for other in boxes:
            apart = abs(one.x_px - other.x_px) >= one.width_px or abs(one.y_px - other.y_px) >= one.height_px
            assert one is other or apart
    assert crop_boxes(blurry, target) == boxes
    assert crop_boxes(np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8)) == ()
