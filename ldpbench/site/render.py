"""Pages to files: Jinja with escaping everywhere and no tolerance for undefined names."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ldpbench.core.errors import MissingPrerequisiteError
from ldpbench.core.resources import shipped_root
from ldpbench.site.pages import AnyPage, DataFile
from ldpbench.site.plotting_library import inline_style_hashes, install_plotting_library

LEADERBOARD = "leaderboard"


def _environment() -> Environment:
    templates = shipped_root() / LEADERBOARD / "templates"
    if not templates.is_dir():
        raise MissingPrerequisiteError(
            f"there are no page templates in {templates}", hint="the installation is incomplete: install ldpbench again"
        )
    environment = Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.globals["inline_style_hashes"] = inline_style_hashes
    return environment


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
    install_plotting_library(out)
    count = 0
    for page in pages:
        for file in page.data:
            _write_data(file, out)
        text = environment.get_template(page.template).render(page=page, root=page.root)
        path = out / page.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        count += 1
    return count


def _write_data(file: DataFile, out: Path) -> None:
    """A script that hands its value over; ASCII, and no ``<`` that could end a script or begin a tag."""
    document = json.dumps(file.value, sort_keys=True, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    path = out / file.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'ldpbench.receive("{file.path}", {document});\n', encoding="ascii", newline="\n")
