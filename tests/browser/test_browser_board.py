"""Boards in a browser: sorting, searching, filtering, choosing columns, and links that show the same."""

import pytest

BOARD = "board/toy--native.html"


def methods(page):
    """Of the visible rows, in order."""
    rows = page.locator("main table").first.locator("tbody tr:not(.group):not([hidden])")
    return [text.split(" (")[0] for text in rows.locator("th").all_inner_texts()]


def headings(page):
    return [
        text.split()[0] for text in page.locator("main table").first.locator("thead th:not([hidden])").all_inner_texts()
    ]


def fragment(page):
    return page.evaluate("location.hash")


def test_a_heading_sorts_best_first_and_then_the_other_way_round(watched, toy_site):
    page = watched.open(toy_site, BOARD)
    assert methods(page) == ["FAKE", "OTHER", "BROKEN"]
    heading = page.locator("th[data-key=psnr]").first
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert methods(page) == ["OTHER", "FAKE", "BROKEN"]  # those that are not ranked stay below
    assert fragment(page) == "#sort=psnr"
    assert page.locator("[aria-sort]").count() == 1


def test_the_keyboard_alone_sorts(watched, toy_site):
    page = watched.open(toy_site, BOARD)
    page.locator("th[data-key=mae] button").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("th[data-key=mae]").first.get_attribute("aria-sort") == "ascending"
    page.keyboard.press("Space")
    assert page.locator("th[data-key=mae]").first.get_attribute("aria-sort") == "descending"


def test_search_narrows_and_says_how_many_are_left(watched, toy_site):
    page = watched.open(toy_site, BOARD)
    assert page.locator("[data-count]").first.inner_text() == "3 rows"
    page.locator("[data-search]").first.fill("oth")
    assert methods(page) == ["OTHER"]
    assert page.locator("[data-count]").first.inner_text() == "1 of 3 rows"
    assert page.locator("tr.group").first.is_hidden()
    page.locator("[data-reset]").first.click()
    assert methods(page) == ["FAKE", "OTHER", "BROKEN"]
    assert fragment(page) == ""


def test_filters_offer_what_there_is(watched, toy_site):
    page = watched.open(toy_site, "index.html")
    tools = page.locator("#methods [data-tools]")
    tools.locator("[data-filter=measured]").select_option("1")
    rows = page.locator("#methods tbody tr:not([hidden])")
    assert rows.locator("th").all_inner_texts() == ["UNUSED (made up)"]
    assert fragment(page) == "#methods.f.measured=1"


def test_columns_can_be_picked(watched, toy_site):
    page = watched.open(toy_site, BOARD)
    assert "Licence" not in headings(page)
    page.locator("[data-columns] summary").first.click()
    page.locator("[data-columns] input[name=licence]").first.check()
    page.locator("[data-columns] input[name=ssim]").first.uncheck()
    assert "Licence" in headings(page)
    assert "SSIM" not in headings(page)
    page.keyboard.press("Escape")
    assert not page.locator("[data-columns]").first.evaluate("element => element.open")


@pytest.mark.parametrize(
    "state", ["sort=-mae", "q=fake", "cols=rank,psnr,licence", "sort=psnr&q=e&cols=psnr,mae", "f.licence=MIT"]
)
def test_a_link_shows_what_it_was_taken_from(watched, toy_site, state):
    page = watched.open(toy_site, f"{BOARD}#{state}")
    first = methods(page), headings(page)
    other = watched.context.new_page()
    other.goto(page.url)
    assert (methods(other), headings(other)) == first
    plain = watched.context.new_page()
    plain.goto(page.url.partition("#")[0])
    assert (methods(plain), headings(plain)) != first


def test_a_changed_address_and_the_way_back_change_the_table(watched, toy_site):
    page = watched.open(toy_site, BOARD)
    page.evaluate("location.hash = '#q=other'")
    page.wait_for_function("() => document.querySelectorAll('tbody tr[hidden]').length > 0")
    assert methods(page) == ["OTHER"]
    page.go_back()
    page.wait_for_function("() => document.querySelectorAll('tbody tr[hidden]').length === 0")
    assert methods(page) == ["FAKE", "OTHER", "BROKEN"]


def test_regions_are_one_click_away_and_so_is_the_reason_for_another_protocol(watched, toy_site):
    page = watched.open(toy_site, BOARD)
    page.locator(".tabs a", has_text="Nearer").click()
    assert page.url.endswith("board/toy--native--region-near.html")
    assert page.locator(".tabs [aria-current=page]").inner_text() == "Nearer than focus"
    page.locator(".elsewhere a").first.click()
    assert page.locator("#apart").is_visible()
    assert "#apart" in page.url
