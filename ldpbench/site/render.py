"""Pages to files: Jinja with escaping everywhere and no tolerance for undefined names."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ldpbench.core.errors import MissingPrerequisiteError
from ldpbench.core.resources import shipped_root
from ldpbench.site.pages import AnyPage

LEADERBOARD = "leaderboard"


def _environment() -> Environment:
    templates = shipped_root() / LEADERBOARD / "templates"
    if not templates.is_dir():
        raise MissingPrerequisiteError(
            f"there are no page templates in {templates}", hint="the installation is incomplete: install ldpbench again"
        )
    return Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )


def write_pages(pages: Iterable[AnyPage], out: Path) -> int:
    """Write every page and the static files under ``out``.

    Returns:
        The number of pages.

    Raises:
        MissingPrerequisiteError: If the templates are not installed.
        OSError: If the disk is full, read-only or not ours.
    """
    environment = _environment()
    shutil.copytree(shipped_root() / LEADERBOARD / "static", out / "static", copy_function=shutil.copyfile)
    count = 0
    for page in pages:
        text = environment.get_template(page.template).render(page=page, root=page.root)
        path = out / page.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        count += 1
    return count
