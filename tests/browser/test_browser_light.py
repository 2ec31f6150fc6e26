"""A scene in a browser: exposure and gamma, error maps, flicker."""

import numpy as np
import pytest
from browser_scene import SCENE, colour, frame, make_scene_site


@pytest.fixture(scope="module")
def scene_site(tmp_path_factory):
    return make_scene_site(tmp_path_factory.mktemp("scene-site"))


@pytest.mark.parametrize(("stops", "gamma"), [(1, 1), (-2, 1), (0, 2), (0.5, 0.5)])
def test_exposure_and_gamma_are_what_they_say(watched, scene_site, stops, gamma):
    page = watched.open(scene_site, SCENE)
    page.locator("[data-exposure]").fill(str(stops))
    page.locator("[data-gamma]").fill(str(gamma))
    expected = 255 * (2 ** (stops / 2.2) * np.array([100, 140]) / 255) ** (1 / gamma)
    assert colour(page, page.locator("[data-stage]"), 0.25)[0] == pytest.approx(expected[0], abs=1.5)
    assert colour(page, frame(page, "target"))[0] == pytest.approx(expected[1], abs=1.5)
    page.locator("[data-light-reset]").click()
    assert colour(page, frame(page, "target")) == [140] * 3


def test_a_stop_of_linear_light_is_a_factor_of_its_root(watched, scene_site):
    page = watched.open(scene_site, SCENE)
    page.evaluate("document.querySelector('[data-scene]').dataset.encoding = 'linear'")
    page.locator("[data-exposure]").fill("1")
    assert colour(page, frame(page, "blurry"))[0] == pytest.approx(100 * 2**0.5, abs=1)


def test_error_maps_are_the_exact_difference_times_the_gain(watched, scene_site):
    page = watched.open(scene_site, SCENE)
    page.locator("[data-gain]").evaluate("gain => { gain.value = '2'; }")
    page.locator("[data-error]").click()
    ramp = [page.locator(f"[data-error-filter] feFunc{letter}").get_attribute("tableValues") for letter in "RGB"]
    tables = [[float(part) for part in table.split()] for table in ramp]
    for kind, number, off in (("blurry", 0, 40), ("output", 0, 20), ("output", 1, 10)):
        expected = [255 * np.interp(2 * off / 255, np.linspace(0, 1, len(table)), table) for table in tables]
        assert colour(page, frame(page, kind, number)) == pytest.approx(expected, abs=2)
    assert colour(page, frame(page, "target")) == [140] * 3
    assert page.locator("[data-most]").inner_text() == "128"
    assert page.url.endswith("#error=2")
    page.locator("[data-error]").click()
    assert colour(page, frame(page, "output")) == [120] * 3


def test_flicker_shows_both_in_turn_at_a_rate(watched, scene_site):
    page = watched.open(scene_site, SCENE)
    stage = page.locator("[data-stage]")
    page.evaluate(
        "() => { window.cuts = []; const stage = document.querySelector('[data-stage]');"
        " new MutationObserver(() => window.cuts.push([performance.now(), stage.style.getPropertyValue('--cut')]))"
        ".observe(stage, { attributes: true, attributeFilter: ['style'] }); }"
    )
    page.locator("[data-flicker]").click()
    assert page.locator("[data-rate]").input_value() == "2"  # never above 3 a second unless asked
    page.locator("[data-rate]").fill("8")
    page.wait_for_timeout(900)
    cuts = page.evaluate("window.cuts")
    assert {cut for _, cut in cuts} == {"0%", "100%"}
    assert 100 <= np.median(np.diff([at for at, _ in cuts][2:])) <= 160
    page.locator("[data-flicker]").click()
    assert colour(page, stage, 0.25) == [100] * 3
    assert colour(page, stage, 0.75) == [120] * 3
    assert page.evaluate("window.cuts.length") == page.evaluate(
        "() => new Promise((done) => setTimeout(() => done(window.cuts.length), 300))"
    )


def test_who_wants_no_motion_steps_by_hand(watched, scene_site):
    watched.page.emulate_media(reduced_motion="reduce")
    page = watched.open(scene_site, SCENE)
    stage = page.locator("[data-stage]")
    page.locator("[data-flicker]").click()
    assert page.locator("[data-rate]").is_hidden()
    assert page.locator("[data-calm]").is_visible()
    assert [colour(page, stage, 0.25)[0] for _ in range(3)] == [100] * 3
    page.locator("[data-swap]").click()
    assert colour(page, stage, 0.25) == [120] * 3
    stage.focus()
    page.keyboard.press("x")
    assert colour(page, stage, 0.75) == [100] * 3
