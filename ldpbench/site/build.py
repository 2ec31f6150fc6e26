"""The results of a home as a folder of static pages."""

from dataclasses import dataclass, replace
from pathlib import Path

from ldpbench import __version__
from ldpbench.core.errors import UsageError
from ldpbench.core.home import Home
from ldpbench.core.progress import SILENT, Progress
from ldpbench.data.cards import all_cards
from ldpbench.methods.loading import baseline_records
from ldpbench.methods.map_methods import map_method_records
from ldpbench.metrics.aggregate import SET_METRICS
from ldpbench.metrics.catalogue import METRICS, get_spec
from ldpbench.results.board import boards, runs, sample_scores
from ldpbench.results.board_statistics import with_statistics
from ldpbench.results.connection import open_for_reading
from ldpbench.results.published import published_tables
from ldpbench.results.views import Board
from ldpbench.site.ablations import read_ablations
from ldpbench.site.catalogue import catalogue
from ldpbench.site.compose import compose
from ldpbench.site.facts import Facts
from ldpbench.site.pictures import publish_pictures
from ldpbench.site.render import INDEX, write_pages
from ldpbench.site.sitemap import checked_base_url, is_foreign, robots, sitemaps
from ldpbench.site.writer import SiteWriter, Written, is_site

MARK = b'<meta name="generator" content="ldpbench">'
"""On every page: says that a folder is ours to replace."""


@dataclass(frozen=True, kw_only=True)
class SiteReport:
    """What was built."""

    index: Path
    n_pages: int
    n_images: int
    written: Written


def read_facts(home: Home, progress: Progress = SILENT) -> Facts:
    """Read what is known under ``home``: the database, sweeps, the records and the published tables.

    Raises:
        MissingPrerequisiteError: If there is no database yet, or somebody is writing it.
        IntegrityError: If the database is damaged.
        UsageError: If a record is not valid.
    """
    with open_for_reading(home.database) as connection:
        scores = {}
        found = []
        for board in boards(connection):
            rows = sample_scores(connection, board.protocol_hash, board.region, group=board.group)
            scores[board.view] = tuple(rows)
            found.append(with_statistics(board, rows))
        stored = tuple(runs(connection))
    return replace(known_facts(tuple(found)), scores=scores, runs=stored, ablations=read_ablations(home, progress))


def known_facts(boards: tuple[Board, ...]) -> Facts:
    """Boards with everything that is known without a database: records, cards and published tables.

    Raises:
        UsageError: If a record is not valid.
    """
    return Facts(
        boards=boards,
        cards=all_cards(),
        methods={**map_method_records(), **baseline_records()},
        published=tuple(published_tables()),
        metrics={name: get_spec(name) for name in (*METRICS, *SET_METRICS)},
    )


def build_site(home: Home, out: Path, progress: Progress = SILENT, base_url: str | None = None) -> SiteReport:
    """Build the pages in ``out``. The same results give the same bytes, and files that stay the same are not touched.

    A build that is stopped leaves a site that opens; the next one puts it right.

    Args:
        home: Where the database, the run folders and the prepared datasets are. Nothing in it is changed.
        out: The site's folder: empty, not there yet, or one that was built before.
        progress: Where to report.
        base_url: Where the site will be seen; for what needs whole addresses, such as a sitemap.

    Raises:
        UsageError: If ``out`` holds something else than a site, or ``base_url`` is not an address.
        MissingPrerequisiteError: If there is no database, or somebody is writing it.
        StorageError: If the disk refuses.
        IntegrityError: If the database is damaged.
    """
    base_url = checked_base_url(base_url) if base_url else None
    _refuse_foreign_folder(out)
    facts = read_facts(home, progress)
    with SiteWriter(out, base_url) as writer:
        pictures = publish_pictures(home, facts.scenes(), facts.standing_runs(), writer, progress)
        pages = compose(facts, pictures)
        writer.put("index.json", catalogue(facts, __version__))
        if base_url:
            for name, data in sitemaps(base_url, [page.path for page in pages]).items():
                writer.put(name, data)
            if not is_foreign(out / "robots.txt"):
                writer.put("robots.txt", robots(base_url))
        n_pages = write_pages(progress.track(pages, label="pages", total=len(pages)), writer, base_url)
    return SiteReport(index=out / INDEX, n_pages=n_pages, n_images=writer.count(".png"), written=writer.written)


def _refuse_foreign_folder(out: Path) -> None:
    """Never write where somebody else's files are."""
    if not out.exists() or (out.is_dir() and (not any(out.iterdir()) or is_site(out))):
        return
    index = out / INDEX
    if index.is_file() and MARK in index.read_bytes():
        return
    raise UsageError(
        f"{out} is there already and is not a site that was built before, so nothing is written into it",
        hint="name another folder, or remove this one",
    )
