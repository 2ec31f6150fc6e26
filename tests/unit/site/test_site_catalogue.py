"""What a site says to programs: index.json, the sitemap, and its own addresses."""

import json
import math
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from ldpbench.core.errors import UsageError
from ldpbench.core.home import Home
from ldpbench.results.ingest import ingest
from ldpbench.site.build import build_site
from ldpbench.site.sitemap import checked_base_url, sitemaps
from tests.factories import make_method, write_run

BASE = "https://example.org/board/"


@pytest.fixture
def measured(home: Home) -> Home:
    write_run(home.runs, "run-a", psnr=[30.0, 31.0], method=make_method("good"))
    write_run(home.runs, "run-b", psnr=[math.inf, 20.0], method=make_method("same"))
    ingest(home.runs, home.database)
    return home


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "site"


def test_the_catalogue_leads_to_every_page_and_has_every_digit(measured: Home, site: Path) -> None:
    build_site(measured, site)
    document = json.loads((site / "index.json").read_text(), parse_constant=pytest.fail)
    assert document["schema"] == 1
    assert document["generator"]["name"] == "ldpbench"
    (board,) = document["boards"]
    assert [(row["method_id"], row["rank"]) for row in board["rows"]] == [("same", 1), ("good", 2)]
    assert board["rows"][0]["values"]["psnr"]["status"] == "identical"
    assert board["rows"][1]["values"]["psnr"]["mean"] == 30.5
    assert {run["id"] for run in document["runs"]} == {"run-a", "run-b"}
    pages = [each["page"] for kind in ("boards", "methods", "scenes", "runs") for each in document[kind]]
    assert len(pages) == len(set(pages))
    assert all((site / page).is_file() for page in pages)
    built = {str(path.relative_to(site)) for path in site.rglob("*.html")}
    assert built - set(pages) - {"index.html"} == {"scenes/toy--test.html"}


def test_without_an_address_nothing_needs_one(measured: Home, site: Path) -> None:
    build_site(measured, site)
    assert not (site / "sitemap.xml").exists()
    assert not (site / "robots.txt").exists()


def test_somebodys_own_rules_for_robots_stay(measured: Home, site: Path) -> None:
    build_site(measured, site)
    (site / "robots.txt").write_text("User-agent: *\nDisallow: /\n")
    build_site(measured, site, base_url=BASE)
    build_site(measured, site)
    assert "Disallow" in (site / "robots.txt").read_text()


def test_very_many_pages_have_several_sitemaps() -> None:
    found = sitemaps(BASE, [f"scene/{number}.html" for number in range(60_000)])
    assert sorted(found) == ["sitemap-1.xml", "sitemap-2.xml", "sitemap.xml"]
    assert found["sitemap.xml"].count(b"<loc>") == 2
    assert sum(data.count(b"<loc>") for name, data in found.items() if name != "sitemap.xml") == 60_000


def test_an_address_brings_a_sitemap_and_each_pages_own(measured: Home, site: Path) -> None:
    build_site(measured, site, base_url=BASE.removesuffix("/"))
    found = ET.fromstring((site / "sitemap.xml").read_text())
    addresses = [each.text or "" for each in found.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]
    pages = {str(path.relative_to(site)) for path in site.rglob("*.html")}
    assert {address.removeprefix(BASE) for address in addresses} == pages
    assert f"Sitemap: {BASE}sitemap.xml" in (site / "robots.txt").read_text()
    board = (site / "board" / "toy--native.html").read_text()
    assert f'<link rel="canonical" href="{BASE}board/toy--native.html">' in board
    build_site(measured, site)
    assert not (site / "sitemap.xml").exists()
    assert not (site / "robots.txt").exists()


@pytest.mark.parametrize(
    "text",
    [
        *("example.org", "ftp://example.org", "https://", "https://a.org/?q=1", "https://a.org/#x", "https://a b.org"),
        *("http://[bad", "https://:80/", "https://x:abc/", "https://u:p@h/", "https://h/\x00", 'https://h/"><b>'),
        "https://h?",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--base-url"):
        checked_base_url(text)
