"""Pages to files: Jinja with escaping everywhere and no tolerance for undefined names."""

import json
from collections.abc import Iterable

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ldpbench.core.errors import MissingPrerequisiteError
from ldpbench.core.resources import shipped_root
from ldpbench.site.pages import AnyPage, DataFile
from ldpbench.site.plotting_library import PLOTTING_LIBRARY, inline_style_hashes, plotting_library
from ldpbench.site.writer import SiteWriter

LEADERBOARD = "leaderboard"
INDEX = "index.html"


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


def write_pages(pages: Iterable[AnyPage], writer: SiteWriter, base_url: str | None = None) -> int:
    """Write every page with its data, and the static files. The first page comes last: it leads to all others.

    Args:
        pages: What ``compose`` made.
        writer: Of the site.
        base_url: Where the site will be seen, with a slash at the end; None if nobody knows.

    Returns:
        The number of pages.

    Raises:
        MissingPrerequisiteError: If the templates are not installed.
        StorageError: If the disk refuses.
    """
    environment = _environment()
    static = shipped_root() / LEADERBOARD / "static"
    for path in sorted(static.iterdir()):
        writer.put(f"static/{path.name}", path.read_bytes())
    writer.put(PLOTTING_LIBRARY, plotting_library())
    count, last = 0, b""
    for page in pages:
        for file in page.data:
            writer.put(file.path, data_script(file))
        template = environment.get_template(page.template)
        text = template.render(page=page, root=page.root, base_url=base_url).encode()
        if page.path == INDEX:
            last = text
        else:
            writer.put(page.path, text)
        count += 1
    if last:
        writer.put(INDEX, last)
    return count


def data_script(file: DataFile) -> bytes:
    """A script that hands a value over; ASCII, and no ``<`` that could end a script or begin a tag."""
    document = json.dumps(file.value, sort_keys=True, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return f'ldpbench.receive("{file.path}", {document});\n'.encode("ascii")
