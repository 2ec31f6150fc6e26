"""What the templates print: pages as plain frozen values. Links are relative to the site's root."""

from dataclasses import dataclass
from typing import Literal

PictureKind = Literal["blurry", "output", "target", "left", "right", "blur_map"]
BadgeKind = Literal["whole", "part", "none"]


@dataclass(frozen=True, kw_only=True)
class Rug:
    """One tick per image on the value axis of its column, as a strip of ``WIDTH`` units."""

    WIDTH = 128
    ticks: tuple[str, ...]
    mean: str | None
    label: str


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell of a table."""

    text: str
    href: str | None = None
    sort: str | None = None
    """What sorting compares: a number as Python writes it; None where there is no value, which sorts last."""
    title: str | None = None
    mark: Literal["", "best", "second", "missing"] = ""
    note: str | None = None
    """A second, smaller line."""
    footnote: str | None = None
    """The letter of a footnote."""
    rug: Rug | None = None


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a table."""

    title: str
    unit: str = ""
    better: Literal["", "higher", "lower"] = ""
    kind: Literal["number", "text", "label", "strip"] = "number"
    """``text`` may wrap, ``label`` may not, ``strip`` holds rugs."""
    explanation: str | None = None


@dataclass(frozen=True, kw_only=True)
class RowGroup:
    """Rows that are sorted among themselves, with a line above them where they need one."""

    rows: tuple[tuple[Cell, ...], ...]
    heading: str | None = None


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table. The cell of column ``row_header`` names its row."""

    caption: str
    columns: tuple[Column, ...]
    groups: tuple[RowGroup, ...]
    row_header: int = 0
    footnotes: tuple[tuple[str, str], ...] = ()
    """Letter and text."""
    anchor: str = ""
    """Unique on its page; footnotes are linked through it."""

    @property
    def n_rows(self) -> int:
        """Number of rows in all groups."""
        return sum(len(group.rows) for group in self.groups)


@dataclass(frozen=True, kw_only=True)
class Link:
    """A link inside the site."""

    text: str
    href: str


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture file of the site."""

    kind: PictureKind
    label: str
    href: str
    width_px: int
    height_px: int
    run_id: str | None = None
    caption: str = ""

    @property
    def enlargement(self) -> int:
        """How many screen pixels a page gives to a pixel: whole numbers only, so that small pictures stay crisp."""
        return max(1, 528 // self.width_px)


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A term and what it means here."""

    term: str
    text: str
    code: str | None = None
    """A hash or a command, set in monospace after the text."""
    url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Badge:
    """How much of something there is, in a word."""

    text: str
    kind: BadgeKind


@dataclass(frozen=True, kw_only=True)
class BoardView:
    """One board as the index shows it."""

    title: str
    why: str | None
    href: str
    badge: Badge
    table: Table
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PublishedView:
    """One published table."""

    title: str
    notes: tuple[str, ...]
    table: Table


@dataclass(frozen=True, kw_only=True)
class PaperView:
    """What one paper printed about one dataset."""

    paper: str
    url: str | None
    source: str
    notes: tuple[str, ...]
    comparisons: tuple[PublishedView, ...]
    ablations: tuple[PublishedView, ...]


@dataclass(frozen=True, kw_only=True)
class DatasetSection:
    """One dataset on the index."""

    anchor: str
    title: str
    summary: str
    facts: tuple[Fact, ...]
    badge: Badge
    boards: tuple[BoardView, ...]
    papers: tuple[PaperView, ...]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two pictures of one scene, before and after."""

    before: Picture
    after: Picture
    scene: Link
    caption: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """One file of the site."""

    path: str
    title: str

    @property
    def root(self) -> str:
        """The way back to the site's root, put before every link."""
        return "../" * self.path.count("/")


@dataclass(frozen=True, kw_only=True)
class IndexPage(Page):
    """The first page."""

    template = "index.html.j2"
    featured: Comparison | None
    sections: tuple[DatasetSection, ...]
    methods: Table
    n_runs: int


@dataclass(frozen=True, kw_only=True)
class RegionView:
    """A board in one region."""

    anchor: str
    title: str
    meaning: str
    table: Table
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One field in which two protocols differ."""

    field: str
    here: str
    there: str


@dataclass(frozen=True, kw_only=True)
class OtherProtocol:
    """A board that stands apart, and every reason why."""

    link: Link
    differences: tuple[Difference, ...]


@dataclass(frozen=True, kw_only=True)
class SceneCard:
    """A small picture that leads to a scene."""

    link: Link
    thumbnail: Picture | None


@dataclass(frozen=True, kw_only=True)
class BoardPage(Page):
    """A board in all its regions."""

    template = "board.html.j2"
    dataset: Link
    protocol: str
    why: str | None
    badge: Badge
    regions: tuple[RegionView, ...]
    facts: tuple[Fact, ...]
    metrics: tuple[Fact, ...]
    others: tuple[OtherProtocol, ...]
    scenes: tuple[SceneCard, ...]


@dataclass(frozen=True, kw_only=True)
class ScenePage(Page):
    """A scene: its pictures and everybody's numbers."""

    template = "scene.html.j2"
    dataset: Link
    split: str
    pictures: tuple[Picture, ...]
    notes: tuple[str, ...]
    tables: tuple[tuple[Link, Table], ...]
    """Each with the board it belongs to."""
    previous: Link | None
    following: Link | None


@dataclass(frozen=True, kw_only=True)
class RunPage(Page):
    """A run record."""

    template = "run.html.j2"
    method: Link
    dataset: Link | None
    badge: Badge
    facts: tuple[Fact, ...]
    environment: tuple[Fact, ...]
    command: str
    config: str
    packages: Table
    failures: Table | None
    boards: tuple[tuple[Link, Table], ...]


@dataclass(frozen=True, kw_only=True)
class MethodPage(Page):
    """A method's card and its results."""

    template = "method.html.j2"
    summary: str | None
    facts: tuple[Fact, ...]
    known_issues: tuple[str, ...]
    results: Table | None
    reported: Table | None
    runs: Table | None


AnyPage = IndexPage | BoardPage | ScenePage | RunPage | MethodPage
