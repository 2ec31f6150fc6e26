"""``leaderboard``: the pages."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from ldpbench.cli.options import OutOption
from ldpbench.cli.session import Answer, Session, command


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Build the pages.", epilog="Example: ldpbench leaderboard build", no_args_is_help=True)
    command(group, "build", schema="leaderboard.build", example="ldpbench leaderboard build --open")(_build)
    app.add_typer(group, name="leaderboard")


def build_and_tell(session: Session, out: Path | None = None) -> Path:
    """Build the pages and return the first one."""
    from ldpbench.site.build import build_site

    report = build_site(session.home, out or session.home.site, session.reporter)
    session.reporter.note(f"{report.n_pages} pages, {report.n_images} pictures")
    return report.index


def _build(
    session: Session,
    out: OutOption = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the first page in the browser.")] = False,
) -> Answer:
    """Build a folder of static pages from the results; they open from the disk and from any web server."""
    index = build_and_tell(session, out.absolute() if out else None)
    session.reporter.line(str(index))
    if open_:
        webbrowser.open(index.as_uri())
    return Answer({"index": index})
