"""What search engines ask for, where somebody said where the site will be seen."""

from collections.abc import Iterable
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import escape

from ldpbench.core.errors import UsageError

_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
_MOST = 50_000
"""Addresses that one file may hold, as the format has it."""


def checked_base_url(text: str) -> str:
    """An address that pages can stand below, with a slash at its end.

    Raises:
        UsageError: If it is not one of the web, or has a query or a fragment.
    """
    parts = urlsplit(text)
    has_space = any(character.isspace() for character in text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment or has_space:
        raise UsageError(
            f"--base-url {text!r}: expected an address such as https://example.org/board/",
            hint="give the address under which index.html will be found",
        )
    return text if text.endswith("/") else f"{text}/"


def sitemap(base_url: str, paths: Iterable[str]) -> bytes:
    """``sitemap.xml``: the address of every page. It says no dates, so it changes only when pages come or go."""
    addresses = [f"{base_url}{quote(path)}" for path in sorted(paths)][:_MOST]
    lines = [f"<url><loc>{escape(address)}</loc></url>" for address in addresses]
    body = "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', f'<urlset xmlns="{_NAMESPACE}">', *lines, "</urlset>"])
    return f"{body}\n".encode()


def robots(base_url: str) -> bytes:
    """``robots.txt``: everything may be read, and the way to the sitemap."""
    return f"User-agent: *\nAllow: /\nSitemap: {base_url}sitemap.xml\n".encode()
