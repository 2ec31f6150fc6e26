"""Reads built pages the way a browser's parser would, for checks on what they say and load."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

VOID = {"meta", "link", "img", "input", "br", "path"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    text: str = ""
    inside: list[str] = field(default_factory=list)


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.open: list[Element] = []
        self.faults: list[str] = []
        self.doctype = ""

    def handle_decl(self, decl: str) -> None:
        self.doctype = decl

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if len({name for name, _ in attrs}) != len(attrs):
            self.faults.append(f"<{tag}> has an attribute twice: {attrs}")
        element = Element(tag, dict(attrs), inside=[each.tag for each in self.open])
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, dict(attrs), inside=[each.tag for each in self.open]))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1].tag != tag:
            self.faults.append(f"</{tag}> closes {[each.tag for each in self.open][-1:]}, line {self.getpos()[0]}")
            return
        self.open.pop()

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data


@dataclass
class Parsed:
    path: Path
    doctype: str
    elements: list[Element]
    faults: list[str]

    def all(self, *tags: str) -> list[Element]:
        return [element for element in self.elements if element.tag in tags]

    @property
    def ids(self) -> list[str]:
        return [element.attributes["id"] or "" for element in self.elements if "id" in element.attributes]

    @property
    def text(self) -> str:
        return " ".join(self.all("body")[0].text.split())


def parse(path: Path) -> Parsed:
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    reader.close()
    faults = [*reader.faults, *(f"<{element.tag}> is never closed" for element in reader.open)]
    return Parsed(path, reader.doctype, reader.elements, faults)


def parse_site(folder: Path) -> dict[str, Parsed]:
    return {path.relative_to(folder).as_posix(): parse(path) for path in sorted(folder.rglob("*.html"))}


def loads_and_links(page: Parsed) -> list[tuple[str, str]]:
    """Every address on a page with the tag that names it."""
    found = []
    for element in page.elements:
        for name in ("href", "src", "action", "data", "poster", "srcset"):
            address = element.attributes.get(name)
            if address is not None:
                found.append((element.tag, address))
        if element.tag == "option" and "data-width" in element.attributes:  # a picture to choose
            found.append(("option", element.attributes["value"] or ""))
    return found


def broken_links(pages: dict[str, Parsed]) -> list[str]:
    """Inner links of a site that lead nowhere, or to an id that is not there."""
    ids = {page.path.resolve(): set(page.ids) for page in pages.values()}
    broken = []
    for name, page in pages.items():
        for tag, address in loads_and_links(page):
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path.resolve()
            if not target.is_file():
                broken.append(f"{name}: <{tag}> {address}")
            elif parts.fragment and parts.fragment not in ids.get(target, set()):
                broken.append(f"{name}: <{tag}> {address}: no such id")
    return broken
