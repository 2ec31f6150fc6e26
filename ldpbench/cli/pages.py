"""``leaderboard``: the pages."""

import threading
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from ldpbench.cli.options import OutOption
from ldpbench.cli.session import Answer, Session, command

WATCH_S = 1.0
"""Between two looks at the database."""
OpenOption = Annotated[bool, typer.Option("--open", help="Open the first page in the browser.")]
BaseUrlOption = Annotated[
    str | None,
    typer.Option("--base-url", help="Where the site will be seen: adds a sitemap and the pages' own addresses."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Build and look at the pages.", epilog="Example: ldpbench leaderboard build", no_args_is_help=True
    )
    command(group, "build", schema="leaderboard.build", example="ldpbench leaderboard build --open")(_build)
    command(group, "serve", schema="leaderboard.serve", example="ldpbench leaderboard serve --watch")(_serve)
    app.add_typer(group, name="leaderboard")


def build_and_tell(session: Session, out: Path | None = None, base_url: str | None = None) -> Path:
    """Build the pages and return the first one."""
    from ldpbench.site.build import build_site

    report = build_site(session.home, out or session.home.site, session.reporter, base_url)
    written = report.written
    session.reporter.note(
        f"{report.n_pages} pages, {report.n_images} pictures: "
        f"{written.changed} files written, {written.kept} unchanged, {written.removed} removed"
    )
    return report.index


def _build(
    session: Session, out: OutOption = None, base_url: BaseUrlOption = None, open_: OpenOption = False
) -> Answer:
    """Build a folder of static pages from the results; they open from the disk and from any web server.

    What did not change since the last build is not touched.
    """
    index = build_and_tell(session, out.absolute() if out else None, base_url)
    session.reporter.line(str(index))
    if open_:
        webbrowser.open(index.as_uri())
    return Answer({"index": index})


def _serve(
    session: Session,
    out: OutOption = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes any that is free.")] = 8000,
    watch: Annotated[bool, typer.Option("--watch", help="Build again whenever the results change.")] = False,
    open_: OpenOption = False,
) -> Answer:
    """Look at the pages over HTTP on this machine, until Ctrl-C; they are built first if there are none."""
    from ldpbench.site.preview import serve

    root = _built(session, out.absolute() if out else session.home.site)

    def ready(address: str) -> None:
        session.reporter.line(address)
        session.reporter.note("Ctrl-C ends it")
        if open_:
            webbrowser.open(address)

    if watch:
        threading.Thread(target=_rebuild_on_change, args=(session, root), daemon=True).start()
    serve(root, host, port, ready)
    return Answer({"root": root})


def _built(session: Session, root: Path) -> Path:
    """The folder of a site that is there, or of a new one."""
    from ldpbench.site.render import INDEX
    from ldpbench.site.writer import is_site

    if not (is_site(root) and (root / INDEX).is_file()):
        build_and_tell(session, root)
    return root


def _rebuild_on_change(session: Session, root: Path) -> None:
    """Follow the database for as long as the command runs. A site keeps the address that it was built for."""
    from ldpbench.core.errors import LdpbenchError
    from ldpbench.site.writer import read_record

    def stamp() -> list[tuple[int, int]]:
        database = session.home.database
        files = (database, database.with_name(f"{database.name}.wal"))
        return [(path.stat().st_mtime_ns, path.stat().st_size) for path in files if path.exists()]

    seen, said, waiting = stamp(), "", threading.Event()
    while not waiting.wait(WATCH_S):
        now = stamp()
        if now == seen:
            continue
        try:
            build_and_tell(session, root, read_record(root).base_url)
            seen, said = now, ""
        except (LdpbenchError, OSError) as error:  # somebody is writing it: look again, and say so once
            if str(error) != said:
                session.reporter.warn(str(error))
            said = str(error)
