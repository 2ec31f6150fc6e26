"""What search engines ask for, where somebody said where the site will be seen."""

import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape

from ldpbench.core.errors import UsageError

_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
_ROBOTS = "# by ldpbench\nUser-agent: *\nAllow: /\n"
_ADDRESS = re.compile(r"https?://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~%/-]*)?")
_MOST = 50_000
"""Addresses that one file may hold, as the format has it."""


def checked_base_url(text: str) -> str:
    """An address that pages can stand below, with a slash at its end.

    Raises:
        UsageError: If it is not one of the web, or has a name, a password, a query or a fragment.
    """
    if not _ADDRESS.fullmatch(text):
        raise UsageError(
            f"--base-url {text!r}: expected an address such as https://example.org/board/",
            hint="give the address under which index.html will be found",
        )
    return text if text.endswith("/") else f"{text}/"


def sitemaps(base_url: str, paths: Iterable[str]) -> dict[str, bytes]:
    """``sitemap.xml`` with the address of every page; of very many pages an index of several such files.

    They say no dates, so they change only when pages come or go.
    """
    every = sorted(paths)
    parts = [every[start : start + _MOST] for start in range(0, len(every), _MOST)] or [[]]
    if len(parts) == 1:
        return {"sitemap.xml": _document("urlset", "url", base_url, parts[0])}
    found = {
        f"sitemap-{number}.xml": _document("urlset", "url", base_url, part)
        for number, part in enumerate(parts, start=1)
    }
    return {**found, "sitemap.xml": _document("sitemapindex", "sitemap", base_url, found)}


def _document(root: str, entry: str, base_url: str, paths: Iterable[str]) -> bytes:
    lines = [f"<{entry}><loc>{escape(base_url + quote(path))}</loc></{entry}>" for path in paths]
    head = ['<?xml version="1.0" encoding="UTF-8"?>', f'<{root} xmlns="{_NAMESPACE}">']
    return ("\n".join([*head, *lines, f"</{root}>"]) + "\n").encode()


def robots(base_url: str) -> bytes:
    """``robots.txt``: everything may be read, and the way to the sitemap."""
    return f"{_ROBOTS}Sitemap: {base_url}sitemap.xml\n".encode()


def is_foreign(path: Path) -> bool:
    """Whether somebody put a ``robots.txt`` of their own there."""
    return path.is_file() and not path.read_bytes().startswith(_ROBOTS.encode())
