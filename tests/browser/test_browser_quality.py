"""Every kind of page: accessible, calm, readable on a phone and on paper, and loading nothing from elsewhere."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

axe_module = pytest.importorskip("axe_playwright_python.base", reason="axe-core is not installed")
AXE = (Path(axe_module.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
PAGES = {
    "index": "index.html",
    "board": "board/toy--native.html",
    "region": "board/toy--native--region-near.html",
    "gallery": "scenes/toy--test.html",
    "scene": "scene/toy--test--scene-01.html",
    "method": "method/fake.html",
    "run": "run/run-fake.html",
}
FOCUSED = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const style = getComputedStyle(element);
  window.marked ??= new Map();
  if (!window.marked.has(element)) window.marked.set(element, window.marked.size);
  const seen = style.outlineStyle !== "none" || style.boxShadow !== "none";
  return [window.marked.get(element), seen, element.outerHTML.slice(0, 100)];
}"""
CLIPPED = """() => [...document.querySelectorAll(".scroll")]
  .filter((box) => getComputedStyle(box).overflowX !== "visible").length"""
ON_EVERY_PAGE = pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)


@ON_EVERY_PAGE
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_nothing_serious_stands_between_a_page_and_anybody(watched, toy_site, path, scheme, width):
    watched.page.emulate_media(color_scheme=scheme)
    watched.page.set_viewport_size({"width": width, "height": 800})
    page = watched.open(toy_site, path)
    page.evaluate(AXE)
    found = page.evaluate("async () => (await axe.run(document, { preload: false })).violations")
    serious = [
        f"{each['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
    assert serious == []


@ON_EVERY_PAGE
def test_a_phone_scrolls_downwards_only(watched, toy_site, path):
    watched.page.set_viewport_size({"width": 360, "height": 700})
    page = watched.open(toy_site, path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@ON_EVERY_PAGE
def test_every_control_can_be_reached_and_seen_by_keyboard(watched, toy_site, path):
    page = watched.open(toy_site, path)
    wanted = page.evaluate(
        """() => [...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")]
            .filter((element) => element.checkVisibility({ visibilityProperty: true }) && !element.disabled).length"""
    )
    reached = set()
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUSED)
        if found is None:
            break
        reached.add(found[0])
        assert found[1], f"the focus cannot be seen: {found[2]}"
    assert len(reached) >= wanted - 1  # radio buttons and the like share one stop


def test_the_skip_link_leads_to_the_content(watched, toy_site):
    page = watched.open(toy_site)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.url.endswith("#content")


@ON_EVERY_PAGE
def test_paper_gets_the_tables_and_no_controls(watched, toy_site, path):
    page = watched.open(toy_site, path)
    page.emulate_media(media="print")
    assert page.locator(".tools:visible, .viewer:visible, .masthead nav:visible").count() == 0
    assert page.evaluate(CLIPPED) == 0


@pytest.fixture(scope="module")
def served(toy_site):
    """The address of the site on a web server of this machine."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(toy_site)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


@ON_EVERY_PAGE
def test_pages_are_as_quiet_on_a_web_server(chromium, served, path):
    context = chromium.new_context()
    page, faults = context.new_page(), []
    page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(served) else faults.append(request.url))
    page.goto(served + path)
    page.wait_for_load_state("networkidle")
    context.close()
    assert faults == []
