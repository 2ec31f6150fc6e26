from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from site_fakes import make_board, make_facts, make_pictures, make_runs

from ldpbench.site.facts import Facts, ScenePictures
from ldpbench.site.lookup import Lookup
from ldpbench.site.pages import Crop, Picture, ScenePage
from ldpbench.site.scene import scene_page_of
from tests.factories import make_protocol

KEY = ("toy", "test", "scene-01")


def facts_of(psnr: Mapping[str, Sequence[float | None]], **changes: Any) -> Facts:
    board, scores = make_board(make_protocol(**changes), psnr)
    return make_facts(boards=(board,), scores={board.view: scores}, runs=make_runs(board))


def page_of(facts: Facts, pictures: dict[Any, ScenePictures] | None = None, key: Any = KEY) -> ScenePage:
    return scene_page_of(key, Lookup(facts, make_pictures(("scene-01", "scene-02"), facts.runs) | (pictures or {})))


def test_outputs_stand_between_blurry_and_target_the_best_of_the_board_first() -> None:
    page = page_of(facts_of({"worse": [31.0, 20.0], "better": [30.0, 40.0]}))
    assert [picture.label for picture in page.pictures] == [
        "Blurry", "BETTER (made up)", "WORSE (made up)", "Sharp target",
    ]  # fmt: skip
    assert [picture.caption for picture in page.pictures] == ["", "PSNR 30.00 dB", "PSNR 31.00 dB", ""]


def test_an_output_that_failed_to_score_has_no_caption() -> None:
    page = page_of(facts_of({"fake": [30.0, 31.0], "broken": [None, 31.0]}))
    assert {picture.label: picture.caption for picture in page.pictures}["BROKEN (made up)"] == ""


def test_maps_by_methods_are_sorted_among_the_outputs_and_are_still_maps() -> None:
    facts = facts_of({"worse": [20.0, 20.0], "better": [30.0, 30.0]})
    made = make_pictures(("scene-01",), facts.runs)[KEY]
    maps = tuple(replace(one, kind="blur_map") if one.run_id else one for one in reversed(made.pictures))
    page = page_of(facts, {KEY: replace(made, pictures=maps)})
    assert [picture.run_id for picture in page.pictures] == [None, "run-better", "run-worse", None]
    assert [picture.kind for picture in page.pictures] == ["target", "blur_map", "blur_map", "blurry"]


def test_two_runs_of_one_method_are_told_apart() -> None:
    facts = facts_of({"fake": [30.0, 31.0]})
    made = make_pictures(("scene-01",), facts.runs)[KEY]
    twin = replace(made.pictures[1], run_id="run-other", href="images/other.png")
    page = page_of(facts, {KEY: replace(made, pictures=(*made.pictures, twin))})
    labels = [picture.label for picture in page.pictures if picture.run_id]
    assert len(set(labels)) == 2
    assert all(label.startswith("FAKE (made up) (") for label in labels)


def test_neighbours_lead_through_the_split() -> None:
    facts = facts_of({"fake": [30.0, 31.0, 32.0]})
    found = [page_of(facts, key=("toy", "test", f"scene-0{number}")) for number in (1, 2, 3)]
    assert [page.previous and page.previous.text for page in found] == [None, "scene-01", "scene-02"]
    assert [page.following and page.following.text for page in found] == ["scene-02", "scene-03", None]
    assert found[0].following is not None
    assert found[0].following.href == found[1].path


@pytest.mark.parametrize(("registration", "expected"), [("none", False), ("centre-similarity-1", True)])
def test_a_target_that_some_protocol_moves_is_said(registration: str, expected: bool) -> None:
    page = page_of(facts_of({"fake": [30.0, 31.0]}, registration=registration))
    assert page.is_registered is expected


def test_what_the_pictures_are_is_handed_on() -> None:
    crop = Crop(name="A", why="most detail lost", x_px=1, y_px=2, width_px=8, height_px=8)
    pictures = ScenePictures(crops=(crop,), is_linear=True, notes=("It is gone.",))
    page = page_of(facts_of({"fake": [30.0, 31.0]}), {KEY: pictures})
    assert (page.crops, page.is_linear, page.notes, page.pictures) == ((crop,), True, ("It is gone.",), ())


def test_a_scene_without_pictures_still_has_its_numbers() -> None:
    facts = facts_of({"fake": [30.0, 31.0]})
    page = scene_page_of(KEY, Lookup(facts, {}))
    assert page.pictures == ()
    assert [table.n_rows for _, table in page.tables] == [1]


def test_links_call_a_picture_by_its_file() -> None:
    href = "images/toy/test/scene-01/output--run-a.png"
    picture = Picture(kind="output", label="A", href=href, width_px=4, height_px=3)
    assert picture.name == "output--run-a"
