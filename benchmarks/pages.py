"""How long a reader waits for the pages of 100 methods on 5 datasets of 500 scenes, beside pandas' plain table.

    python -m benchmarks.pages [--rounds 5]

In headless Chromium, from the disk, each round with an empty cache: until the document's scripts have run, and until a
click on a heading has sorted the table.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests" / "unit" / "site"))

import pandas as pd  # noqa: E402 - the fakes lie beside the tests
import site_fakes  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

from ldpbench.site.board import board_pages_of, gallery_page_of  # noqa: E402
from ldpbench.site.index import index_page  # noqa: E402
from ldpbench.site.lookup import Lookup  # noqa: E402
from ldpbench.site.render import write_pages  # noqa: E402
from ldpbench.site.writer import SiteWriter  # noqa: E402
from tests.many_methods import many_methods, thumbnails  # noqa: E402

PAGES = ("index.html", "board/set-0--native.html", "scenes/set-0--test.html")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def make(out: Path) -> Path:
    """The pages, and the same board as pandas writes it; returns the latter."""
    facts = many_methods(site_fakes)
    lookup = Lookup(facts, thumbnails(facts))
    protocol = next(iter(lookup.protocols.values()))
    pages = [index_page(lookup), *board_pages_of(protocol, lookup), gallery_page_of("set-0", "test", lookup)]
    with SiteWriter(out) as writer:
        write_pages(pages, writer)
    board = facts.boards[0]
    rows = [{"rank": row.rank, "method": row.method_title} | means(row) for row in board.rows]
    plain = out / "pandas.html"
    pd.DataFrame(rows).to_html(plain, index=False)
    return plain


def means(row: Any) -> dict[str, float | None]:
    return {metric: aggregate.mean for metric, aggregate in row.values.items()}


def open_once(browser: Any, page: Path) -> tuple[float, float | None]:
    """Milliseconds until the scripts ran, and what a click on a heading took; None where nothing sorts."""
    context = browser.new_context()
    tab = context.new_page()
    tab.goto(page.as_uri())
    ready = tab.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    took = tab.evaluate(
        """() => {
          const button = document.querySelectorAll("button.sort")[3];
          if (!button) return null;
          const start = performance.now();
          button.click();
          document.body.getBoundingClientRect();
          return performance.now() - start;
        }"""
    )
    context.close()
    return ready, took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    binary = next(path for name in BROWSERS if (path := shutil.which(name)))
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as driver:
        out = Path(temporary)
        plain = make(out)
        browser = driver.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        print(f"{'page':28}{'KB':>6}{'ready ms':>10}{'sort ms':>9}")
        reference = 0.0
        for page in (plain, *(out / name for name in PAGES)):
            found = [open_once(browser, page) for _ in range(rounds)]
            ready = statistics.median(one for one, _ in found)
            clicks = [click for _, click in found if click is not None]
            reference = reference or ready
            sort = f"{statistics.median(clicks):9.1f}" if clicks else f"{'-':>9}"
            size = page.stat().st_size / 1000
            print(
                f"{page.relative_to(out)!s:28}{size:6.0f}{ready:10.0f}{sort}   {ready / reference:.2f} x pandas' page"
            )
        browser.close()


if __name__ == "__main__":
    main()
