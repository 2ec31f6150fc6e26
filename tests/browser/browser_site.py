"""Sites to look at, and pages that are listened to."""

from pathlib import Path
from typing import Any

from site_fakes import make_facts, make_pictures

from ldpbench.site.compose import compose
from ldpbench.site.facts import Facts
from ldpbench.site.render import write_pages
from ldpbench.site.writer import SiteWriter
from tests.factories import grey_png

_LISTEN = """
addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective}`));
"""


def make_site(out: Path, facts: Facts | None = None, size: tuple[int, int] = (16, 12)) -> Path:
    """Pages from facts, with a grey picture of a size wherever they show one."""
    facts = facts or make_facts()
    pictures = make_pictures(("scene-01", "scene-02"), facts.runs, size=size)
    with SiteWriter(out) as writer:
        write_pages(compose(facts, pictures), writer)
    for scene in pictures.values():
        for picture in (*scene.pictures, *([scene.thumbnail] if scene.thumbnail else [])):
            for name in filter(None, (picture.href, picture.small)):
                path = out / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(grey_png(*size))
    return out


class Watched:
    """A page of a browser that remembers everything it should not have done."""

    def __init__(self, context: Any) -> None:
        self.context = context
        self.faults: list[str] = []
        self.root: Path | None = None
        context.add_init_script(_LISTEN)
        self.page = context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.on("request", self._asked)

    def open(self, site: Path, path: str = "index.html") -> Any:
        """Go to a page of a site, which may end with ``#state``."""
        self.root = site
        name, _, state = path.partition("#")
        self.page.goto((site / name).as_uri() + (f"#{state}" if state else ""))
        return self.page

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"{message.type}: {message.text}")

    def _asked(self, request: Any) -> None:
        own = self.root is not None and request.url.startswith(self.root.as_uri())
        if not own and not request.url.startswith(("data:", "blob:")):
            self.faults.append(f"asked for {request.url}")
