"""What a real browser makes of the pages, opened from a file."""

import shutil
import subprocess
from pathlib import Path

import pytest
from html_checks import Reader
from site_fakes import make_facts, make_pictures

from ldpbench.site.compose import compose
from ldpbench.site.render import write_pages
from tests.factories import grey_png

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="module")
def browser() -> str:
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    facts = make_facts()
    pictures = make_pictures(("scene-01", "scene-02"), facts.runs)
    write_pages(compose(facts, pictures), out)
    for scene in pictures.values():
        for picture in scene.pictures:
            (out / picture.href).parent.mkdir(parents=True, exist_ok=True)
            (out / picture.href).write_bytes(grey_png(16, 12))
    return out


def dump(browser: str, page: Path, profile: Path) -> Reader:
    """The document as the browser has it after its scripts ran."""
    command = [
        *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
        *("--disable-component-update", "--disable-sync", f"--user-data-dir={profile}", "--enable-logging=stderr"),
        *("--virtual-time-budget=2000", "--dump-dom", page.as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "Content Security Policy" not in done.stderr, done.stderr
    assert "Uncaught" not in done.stderr, done.stderr
    reader = Reader()
    reader.feed(done.stdout)
    return reader


def test_headings_become_sort_buttons(browser: str, site: Path, tmp_path: Path) -> None:
    document = dump(browser, site / "index.html", tmp_path)
    buttons = [each for each in document.elements if each.attributes.get("class") == "sort"]
    assert [each.text.split(",")[0].split()[0] for each in buttons[:5]] == ["Rank", "Method", "Views", "PSNR", "SSIM"]
    ranked = next(each for each in document.elements if each.tag == "th" and "aria-sort" in each.attributes)
    assert (ranked.text, ranked.attributes["aria-sort"]) == ("Rank", "ascending")


def test_scene_pages_get_their_viewer_with_both_pictures_loaded(browser: str, site: Path, tmp_path: Path) -> None:
    document = dump(browser, site / "scene" / "toy--test--scene-01.html", tmp_path)
    viewer = next(each for each in document.elements if "data-viewer" in each.attributes)
    assert "hidden" not in viewer.attributes
    sides = {
        each.attributes["class"]: each.attributes
        for each in document.elements
        if each.attributes.get("class") in ("left", "right")
    }
    assert (sides["left"]["src"] or "").endswith("scene-01/blurry.png")
    assert (sides["right"]["src"] or "").endswith("scene-01/output--run-fake.png")
    canvas = next(each for each in document.elements if "data-canvas" in each.attributes)
    assert "--cut:" in (canvas.attributes["style"] or "")
    hint = next(each for each in document.elements if "data-magnify-hint" in each.attributes)
    assert "hidden" not in hint.attributes


def test_sorting_stays_inside_groups_and_says_its_direction(browser: str, site: Path, tmp_path: Path) -> None:
    clicks = """document.addEventListener("DOMContentLoaded", () => {
      const button = document.querySelectorAll("table")[0].querySelectorAll("thead button")[3];
      button.click();
      button.click();
    });"""
    (site / "static" / "clicks.js").write_text(clicks, encoding="utf-8")
    page = site / "clicked.html"
    text = (site / "index.html").read_text(encoding="utf-8")
    page.write_text(text.replace("</head>", '<script src="static/clicks.js" defer></script></head>'), encoding="utf-8")
    document = dump(browser, page, tmp_path)
    cells = [each for each in document.elements if each.tag == "td" and "number" in (each.attributes["class"] or "")]
    assert [cells[row * 7 + 1].text.split()[0] for row in range(3)] == ["28.75", "30.50", "—"]
    sorted_by = [each for each in document.elements if each.tag == "th" and "aria-sort" in each.attributes]
    assert (sorted_by[0].text.split()[0], sorted_by[0].attributes["aria-sort"]) == ("PSNR", "ascending")
