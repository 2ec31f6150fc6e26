"""What a reader waits for stays small, however many methods and scenes there are."""

import re
from pathlib import Path

import pytest
import site_fakes

from ldpbench.site.board import board_pages_of, gallery_page_of
from ldpbench.site.index import index_page
from ldpbench.site.lookup import Lookup
from ldpbench.site.render import write_pages
from ldpbench.site.writer import SiteWriter
from tests.many_methods import METHODS, SCENES, many_methods, thumbnails

LARGEST_BYTES = 300_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    facts = many_methods(site_fakes, n_datasets=5)
    lookup = Lookup(facts, thumbnails(facts))
    protocol = next(iter(lookup.protocols.values()))
    pages = [index_page(lookup), *board_pages_of(protocol, lookup), gallery_page_of("set-0", "test", lookup)]
    out = tmp_path_factory.mktemp("large")
    with SiteWriter(out) as writer:
        write_pages(pages, writer)
    return out


def loaded_at_once(page: Path) -> int:
    """Bytes of a page with its styles and scripts; pictures come when they are seen."""
    text = page.read_text(encoding="utf-8")
    linked = re.findall(r'<(?:script src|link rel="stylesheet"[^>]* href)="([^"]+)"', text)
    assert linked
    return len(text.encode()) + sum((page.parent / name).stat().st_size for name in linked)


@pytest.mark.parametrize("name", ["index.html", "board/set-0--native.html", "scenes/set-0--test.html"])
def test_a_page_is_small(site: Path, name: str) -> None:
    assert loaded_at_once(site / name) < LARGEST_BYTES


def test_nothing_was_left_out_to_stay_small(site: Path) -> None:
    board = (site / "board/set-0--native.html").read_text(encoding="utf-8")
    assert board.count("<tr>") == METHODS + 1
    gallery = (site / "scenes/set-0--test.html").read_text(encoding="utf-8")
    assert gallery.count('loading="lazy"') == SCENES
    assert 'src="../images/set-0/test/scene-499/thumbnail.png"' in gallery
