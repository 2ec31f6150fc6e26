import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ldpbench.site.names import board_pages, method_page, safe_name, scene_folder, scene_page, view_page
from tests.factories import make_protocol


@pytest.mark.parametrize("name", ["ldp-large", "1P0A1046", "dpd_blur", "v1.2", "001"])
def test_plain_ids_stay_as_they_are(name: str) -> None:
    assert safe_name(name) == name


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "<script>alert(1)</script>", "a/b", "a b", "", ".", "..", "a--b", "-a"]
)
def test_everything_else_becomes_harmless(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9-]+-[0-9a-f]{8}", safe_name(name))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200), st.text(max_size=200))
@example("a/b", "a b")
@example("a" * 101, "a" * 102)
def test_names_are_safe_and_stay_apart(one: str, other: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*", safe_name(one))
    assert len(safe_name(one)) <= 100
    assert (safe_name(one) == safe_name(other)) == (one == other)


def test_joined_names_stay_apart() -> None:
    assert scene_page("toy", "a--b", "c") != scene_page("toy", "a", "b--c")
    assert scene_page("toy", "test", "001") == "scene/toy--test--001.html"
    assert scene_folder("toy", "test", "001") == "images/toy/test/001"
    assert method_page("ifan") == "method/ifan.html"


def test_a_board_is_named_after_dataset_and_protocol() -> None:
    protocol = make_protocol()
    assert board_pages([protocol]) == {protocol.hash: "board/toy--native.html"}


def test_boards_that_share_an_id_are_told_apart_by_split_and_then_by_hash() -> None:
    test, val = make_protocol(), make_protocol(split="val")
    pages = board_pages([test, val])
    assert pages == {test.hash: "board/toy--native.html", val.hash: "board/toy--native--val.html"}
    subset = make_protocol(dataset_fingerprint="ab" * 32)
    wider = board_pages([test, val, subset])
    assert wider == pages | {subset.hash: f"board/toy--native--test--{subset.hash[:12]}.html"}


def test_every_view_of_a_board_has_a_page() -> None:
    views = [("all", "all"), ("near", "all"), ("all", "near"), ("all", "in door")]
    pages = [view_page("board/toy--native.html", region, group) for region, group in views]
    assert pages[:3] == [
        "board/toy--native.html",
        "board/toy--native--region-near.html",
        "board/toy--native--group-near.html",
    ]
    assert len(set(pages)) == 4
