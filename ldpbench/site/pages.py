"""What the templates print: pages as plain frozen values. Links are relative to the site's root."""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

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
    in_print: str | None = None
    """A second line that only paper shows; on a screen it is in the title."""
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
    key: str = ""
    """What a link to a view calls it, such as ``psnr``; unique in its table. A table whose columns have keys can be
    searched, filtered and cut to some columns."""
    facet: bool = False
    """Offer its few different texts as a filter."""
    optional: bool = False
    """Not shown at first; the column picker brings it."""


@dataclass(frozen=True, kw_only=True)
class RowGroup:
    """Rows that are sorted among themselves, with a line above them where they need one."""

    rows: tuple[tuple[Cell, ...], ...]
    heading: str | None = None
    kind: Literal["", "published"] = ""


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
    view: str | None = None
    """Put before the names under which the page's address keeps what the table shows; None: it is not kept."""

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
    small: str | None = None
    """Where a smaller copy lies; None for pictures that are small enough themselves."""

    @property
    def name(self) -> str:
        """Unique in its scene; links to a view of the scene call it so."""
        return PurePosixPath(self.href).stem


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A part of a scene that is worth a close look, in pixels from the upper left corner."""

    name: str
    why: str
    x_px: int
    y_px: int
    width_px: int
    height_px: int


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
    """The main board of a dataset as the index shows it: its first rows."""

    title: str
    why: str | None
    href: str
    badge: Badge
    table: Table
    n_methods: int
    """On the whole board."""
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BoardLink:
    """A further board of a dataset."""

    link: Link
    why: str | None
    badge: Badge
    n_methods: int


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
    board: BoardView | None
    others: tuple[BoardLink, ...]
    galleries: tuple[Link, ...]
    """Pages with all scenes."""
    papers: tuple[PaperView, ...]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two pictures of one scene, before and after."""

    before: Picture
    after: Picture
    scene: Link
    caption: str


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """Values that a page's script loads when they are wanted.

    A page opened from the disk may fetch no JSON, but it may load scripts: the file hands ``value`` to
    ``ldpbench.receive`` under its own path.
    """

    path: str
    """Below the site's root, such as ``data/board/sample--srgb.js``."""
    value: Any
    """A JSON document."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """One file of the site."""

    path: str
    title: str
    data: tuple[DataFile, ...] = ()

    @property
    def picture(self) -> Picture | None:
        """What stands for the page where others link to it."""
        return None

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

    @property
    def picture(self) -> Picture | None:
        """What a method made of a blurry scene."""
        return self.featured.after if self.featured else None


@dataclass(frozen=True, kw_only=True)
class Tab:
    """One of several views of a board: a region, or a group of scenes."""

    link: Link
    current: bool


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One field in which two protocols differ."""

    field: str
    here: str
    there: str


@dataclass(frozen=True, kw_only=True)
class OtherProtocol:
    """A board that stands apart, and every reason why."""

    anchor: str
    link: Link
    differences: tuple[Difference, ...]
    only_there: tuple[Link, ...]
    """Methods that have a row there and none here."""


@dataclass(frozen=True, kw_only=True)
class SceneCard:
    """A small picture that leads to a scene."""

    link: Link
    thumbnail: Picture | None


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One entry of a list to choose from."""

    value: str
    text: str


@dataclass(frozen=True, kw_only=True)
class PlotsSection:
    """The plots of a board; a script draws them from data files."""

    data: str
    """The data file that says what there is to draw."""
    metrics: tuple[Choice, ...]
    costs: tuple[Choice, ...]
    """Empty where no method's cost is known."""
    references: tuple[Choice, ...]
    """Methods that the others can be compared with, the best first."""
    reference: str
    """The one that they are compared with at first."""
    n_methods: int
    unranked: tuple[str, ...]
    """Methods that are not drawn."""
    view: str = "plot."
    """Put before the names under which the page's address keeps what the plots show."""


@dataclass(frozen=True, kw_only=True)
class BoardPage(Page):
    """A board in one region, on one group of scenes."""

    template = "board.html.j2"
    dataset: Link
    protocol: str
    why: str | None
    badge: Badge
    tabs: tuple[Tab, ...]
    """Empty where there is one view only."""
    meaning: str | None
    """What is scored in this view; None for whole pictures of all scenes."""
    table: Table
    notes: tuple[str, ...]
    facts: tuple[Fact, ...]
    metrics: tuple[Fact, ...]
    others: tuple[OtherProtocol, ...]
    scenes: tuple[SceneCard, ...]
    """The first few."""
    gallery: Link | None
    """All of them."""
    plots: PlotsSection | None = None


@dataclass(frozen=True, kw_only=True)
class GalleryPage(Page):
    """All scenes of a split."""

    template = "gallery.html.j2"
    dataset: Link
    scenes: tuple[SceneCard, ...]


@dataclass(frozen=True, kw_only=True)
class ScenePage(Page):
    """A scene: its pictures and everybody's numbers."""

    template = "scene.html.j2"
    dataset: Link
    split: str
    pictures: tuple[Picture, ...]
    crops: tuple[Crop, ...]
    is_linear: bool
    """The data are linear light; the pictures show its square root."""
    is_registered: bool
    """Some protocol moves the target onto the views, so errors of these pictures show the shift, too."""
    notes: tuple[str, ...]
    tables: tuple[tuple[Link, Table], ...]
    """Each with the board it belongs to."""
    previous: Link | None
    following: Link | None

    @property
    def picture(self) -> Picture | None:
        """The first one."""
        return self.pictures[0] if self.pictures else None


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
class SceneSection:
    """One method on the scenes of one dataset."""

    board: Link
    cards: tuple[SceneCard, ...]
    """Of its worst scenes."""
    worst: tuple[Table, ...]
    table: Table


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
    ablations: tuple[tuple[Table, tuple[str, ...]], ...] = ()
    """Tables of papers with what was measured here beside them, each with its notes."""
    scenes: tuple[SceneSection, ...] = ()


AnyPage = IndexPage | BoardPage | GalleryPage | ScenePage | RunPage | MethodPage
