import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import jinja2
import pytest
from html_checks import Parsed, broken_links, loads_and_links, parse_site
from site_fakes import make_baseline, make_board, make_card, make_facts, make_pictures, make_published, make_runs

from ldpbench.core.resources import shipped_root
from ldpbench.site.compose import compose
from ldpbench.site.facts import Facts
from ldpbench.site.plotting_library import inline_style_hashes
from ldpbench.site.render import write_pages
from ldpbench.site.writer import SiteWriter
from tests.factories import grey_png, make_protocol

EVIL = "<script>alert(1)</script>"
EVIL_QUOTED = "\"'><img src=x onerror=alert(1)>{{ 7 * 7 }}"
POLICY = "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; base-uri 'none'; form-action 'none'"
POLICY_WITH_PLOTS = POLICY.replace("img-src 'self'", "img-src 'self' data: blob:").replace(
    "style-src 'self'", f"style-src 'self' '{inline_style_hashes()[0]}'"
)
"""What the plotting library needs: saved pictures are made from data, and it adds one style sheet of its own."""


def write(facts: Facts, out: Path) -> dict[str, Parsed]:
    pictures = make_pictures(("scene-01", "scene-02"), facts.runs)
    with SiteWriter(out) as writer:
        write_pages(compose(facts, pictures), writer)
    for scene in pictures.values():
        for picture in (*scene.pictures, scene.thumbnail):
            assert picture is not None
            path = out / picture.href
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(grey_png(16, 12))
    return parse_site(out)


def evil_facts() -> Facts:
    protocol = make_protocol(title=EVIL_QUOTED)
    titles = {EVIL: EVIL, EVIL_QUOTED: EVIL_QUOTED}
    board, scores = make_board(protocol, {EVIL: [30.0, 31.0], EVIL_QUOTED: [29.0, None]}, titles=titles)
    scores = tuple(score._replace(failure=EVIL) if score.failure else score for score in scores)
    changes: dict[str, Any] = {"config": {EVIL: EVIL_QUOTED}, "command": ("ldpbench", EVIL, EVIL_QUOTED)}
    card = {
        "title": EVIL,
        "summary": EVIL_QUOTED,
        "licence": EVIL,
        "homepage": "javascript:alert(1)",
        "protocols": [{"id": "native", "title": EVIL, "why": EVIL_QUOTED, "metrics": ["psnr"]}],
    }
    published = make_published()
    row = replace(published.rows[0], method_as_printed=EVIL, faults={"psnr": EVIL_QUOTED})
    return make_facts(
        boards=(board,),
        scores={(board.protocol_hash, "all", "all"): scores},
        runs=make_runs(board, **changes),
        cards={"toy": make_card(**card)},
        methods={"fake": make_baseline(title=EVIL, summary=EVIL_QUOTED, known_issues=[EVIL])},
        published=(replace(published, paper=EVIL, url="javascript:alert(1)", notes=(EVIL_QUOTED,), rows=(row,)),),
    )


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Parsed]:
    return write(make_facts(), tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Parsed]:
    return write(evil_facts(), tmp_path_factory.mktemp("evil"))


@pytest.fixture(scope="module", params=["plain", "evil"])
def site(request: pytest.FixtureRequest) -> dict[str, Parsed]:
    return request.getfixturevalue(request.param)


def test_every_link_leads_somewhere(site: dict[str, Parsed]) -> None:
    assert broken_links(site) == []


def test_every_page_can_be_reached_from_the_index(site: dict[str, Parsed]) -> None:
    by_path = {page.path.resolve(): name for name, page in site.items()}
    seen, waiting = set(), ["index.html"]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            page = site[name]
            targets = [address.partition("#")[0] for tag, address in loads_and_links(page) if tag == "a"]
            waiting += [
                by_path[path] for target in targets if (path := (page.path.parent / target).resolve()) in by_path
            ]
    assert seen == set(site)


def test_nothing_is_loaded_from_elsewhere_and_links_leave_only_by_https(site: dict[str, Parsed]) -> None:
    for page in site.values():
        for tag, address in loads_and_links(page):
            has_scheme = re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//", address) is not None
            assert not has_scheme or (tag == "a" and address.startswith("https://")), (page.path, tag, address)
            assert not address.startswith("/")


def test_static_files_load_nothing_from_elsewhere() -> None:
    for path in (shipped_root() / "leaderboard" / "static").iterdir():
        # A name space is a name, and a filter of the page itself is no address.
        text = path.read_text(encoding="utf-8").replace('"http://www.w3.org/2000/svg"', "").replace("url(#", "")
        assert re.search(r"https?:|//[a-z]|@import|url\(|fetch\(|import\(|eval\(|innerHTML", text) is None, path


def test_the_policy_is_on_every_page_before_anything_is_loaded(site: dict[str, Parsed]) -> None:
    for page in site.values():
        loads = [each for each in page.elements if each.tag in ("link", "script", "img")]
        policy = next(
            each for each in page.all("meta") if each.attributes.get("http-equiv") == "Content-Security-Policy"
        )
        drawn = any("data-plots" in each.attributes for each in page.elements)
        assert policy.attributes["content"] == (POLICY_WITH_PLOTS if drawn else POLICY)
        assert page.elements.index(policy) < min(page.elements.index(each) for each in loads)


def test_no_script_or_style_is_inline(site: dict[str, Parsed]) -> None:
    for page in site.values():
        assert page.all("style") == []
        for script in page.all("script"):
            assert script.attributes.get("src")
            assert script.text == ""
        for element in page.elements:
            assert not [name for name in element.attributes if name == "style" or name.startswith("on")]


def test_evil_names_stay_text(evil: dict[str, Parsed]) -> None:
    assert EVIL in evil["index.html"].text
    assert EVIL_QUOTED in evil["index.html"].text
    for page in evil.values():
        assert all((each.attributes.get("src") or "").split("/")[-1] != "x" for each in page.all("img"))
        assert "49" not in page.all("title")[0].text
        assert EVIL not in page.path.read_text(encoding="utf-8")
    assert all(re.fullmatch(r"[a-zA-Z0-9/._-]+", name) for name in evil)


def test_pages_are_well_formed(site: dict[str, Parsed]) -> None:
    for name, page in site.items():
        assert page.faults == [], name
        assert page.doctype == "DOCTYPE html"
        assert page.path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
        assert page.all("html")[0].attributes["lang"] == "en"
        assert len(page.all("main")) == len(page.all("h1")) == len(page.all("title")) == 1
        assert page.all("title")[0].text.strip()
        assert any(meta.attributes.get("name") == "viewport" for meta in page.all("meta"))
        assert len(page.ids) == len(set(page.ids)), name


def test_headings_do_not_skip_a_level(site: dict[str, Parsed]) -> None:
    for name, page in site.items():
        levels = [int(each.tag[1]) for each in page.all("h1", "h2", "h3", "h4", "h5", "h6")]
        assert levels[0] == 1, name
        assert all(after <= before + 1 for before, after in pairwise(levels)), (name, levels)


def test_pictures_have_sizes_and_words(site: dict[str, Parsed]) -> None:
    for page in site.values():
        for image in page.all("img"):
            assert "alt" in image.attributes
            assert int(image.attributes["width"] or 0) > 0
            assert int(image.attributes["height"] or 0) > 0
    scene = site["scene/toy--test--scene-01.html"]
    shown = [image for image in scene.all("img") if "data-picture" in image.attributes]
    assert [image.attributes["loading"] for image in shown] == ["lazy"] * len(shown)
    assert shown[0].attributes["alt"] == "Blurry"
    assert len(shown) >= 4


def test_small_pictures_stay_crisp_without_scripts(plain: dict[str, Parsed]) -> None:
    layers = [each for each in plain["scene/toy--test--scene-01.html"].all("span") if "data-layer" in each.attributes]
    assert len(layers) == 5
    assert {layer.attributes["class"] for layer in layers} == {"layer crisp"}


def test_tables_have_a_caption_headers_and_equal_rows(site: dict[str, Parsed]) -> None:
    for name, page in site.items():
        assert len(page.all("table")) == len(page.all("caption"))
        for heading in page.all("th"):
            assert heading.attributes["scope"] in ("col", "row", "rowgroup"), name
        html = page.path.read_text(encoding="utf-8")
        for table in re.findall(r"<table.*?</table>", html, flags=re.DOTALL):
            widths = {
                len(re.findall(r"<t[hd]\b", row)) for row in table.split("<tr")[1:] if 'scope="rowgroup"' not in row
            }
            assert len(widths) == 1, (name, widths)


def test_pages_work_without_scripts(plain: dict[str, Parsed]) -> None:
    for page in plain.values():
        hidden = [each for each in page.elements if "hidden" in each.attributes]
        needs_scripts = (
            "data-scripted",
            "data-plots",
            "data-all",
            "data-pixels",
            "data-flicker-only",
            "data-moving",
            "data-calm",
            "data-error-only",
        )
        assert all(any(name in each.attributes for name in needs_scripts) for each in hidden)
    index = plain["index.html"]
    assert "Registered, test" in index.text
    assert len([each for each in index.all("img") if "figure" in each.inside]) == 2


def test_what_the_index_says(plain: dict[str, Parsed]) -> None:
    text = plain["index.html"].text
    assert "complete: 2 scenes" in text
    assert "CC0-1.0; the pictures may be passed on" in text
    assert "Not measured here, never ranked with measured rows." in text
    assert "It cannot be." in text
    assert "bold best" in text


def test_what_a_scene_says_when_pictures_are_missing(plain: dict[str, Parsed]) -> None:
    assert "A note about what is missing." in plain["scene/toy--test--scene-01.html"].text


def test_the_same_facts_give_the_same_bytes(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    write(make_facts(), one)
    write(make_facts(), two)
    names = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(two) for path in two.rglob("*") if path.is_file())
    assert all((one / name).read_bytes() == (two / name).read_bytes() for name in names)


def test_an_empty_site_is_a_page(tmp_path: Path) -> None:
    with SiteWriter(tmp_path / "site") as writer:
        write_pages(compose(Facts(), {}), writer)
    pages = parse_site(tmp_path / "site")
    assert broken_links(pages) == []
    assert "No results yet" in pages["index.html"].text


def test_an_undefined_name_in_a_template_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    templates = tmp_path / "leaderboard" / "templates"
    templates.mkdir(parents=True)
    (tmp_path / "leaderboard" / "static").mkdir()
    (templates / "index.html.j2").write_text("{{ page.no_such_thing }}")
    monkeypatch.setattr("ldpbench.site.render.shipped_root", lambda: tmp_path)
    with pytest.raises(jinja2.UndefinedError, match="no_such_thing"), SiteWriter(tmp_path / "site") as writer:
        write_pages(compose(Facts(), {}), writer)


def test_code_and_styles_stay_small() -> None:
    static = shipped_root() / "leaderboard" / "static"
    lines = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in static.iterdir()}
    assert max(lines.values()) < 400


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb`` (WCAG 2.2)."""
    values = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in values]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_colours_have_contrast_in_light_and_dark() -> None:
    css = (shipped_root() / "leaderboard" / "static" / "site.css").read_text(encoding="utf-8")
    palettes = [
        dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block)) for block in re.findall(r":root \{(.*?)\}", css, re.S)
    ]
    light, dark = palettes[0], palettes[1]
    assert set(light) == set(dark) >= {"paper", "sunken", "ink", "soft", "link"}
    for palette in (light, dark):
        for ground in ("paper", "sunken"):
            for text in ("ink", "soft", "link", "whole", "part", "left", "right"):
                assert contrast(palette[text], palette[ground]) >= 4.5, (text, palette[text], ground, palette[ground])
