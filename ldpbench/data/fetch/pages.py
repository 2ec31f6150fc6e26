"""Web pages that come in place of a file: quota notices, logins, confirmations."""

import html
import re

from ldpbench.data.picture_files import looks_like_html

SNIFF_BYTES = 512
"""How much of a body's start is looked at before any of it is kept."""
PAGE_BYTES = 65536
"""How much of a page is read to tell what it says."""

_MARKUP_SUFFIXES = (".html", ".htm", ".xhtml", ".xml", ".svg")
_QUOTA = re.compile(
    r"quota\s*exceeded|exceeded[^.<]{0,40}quota|download quota|too many users have (?:viewed|downloaded)"
    r"|user rate limit",
    re.IGNORECASE,
)
_CONFIRMATION = re.compile(r"scan this file for viruses|virus scan warning", re.IGNORECASE)
_LOGIN = re.compile(
    r"type\s*=\s*[\"']?password|servicelogin|accounts\.google\.com/|<title>[^<]*\b(?:sign|log)[ -]?in\b", re.IGNORECASE
)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)


def is_page(head: bytes, content_type: str, name: str) -> bool:
    """Whether a body is a web page where a file called ``name`` was expected.

    Args:
        head: The first bytes.
        content_type: What the server calls it.
        name: The file's name. Markup is no surprise in a file that is named so.
    """
    if name.lower().endswith(_MARKUP_SUFFIXES):
        return False
    # A server that calls everything HTML makes no page of an archive or a picture: those begin with some zero bytes.
    return looks_like_html(head) or (content_type.lower().startswith("text/html") and b"\0" not in head and head != b"")


def speaks_of_quota(text: str) -> bool:
    """Whether a page or an error is about a used-up download quota."""
    return bool(_QUOTA.search(text))


def describe_page(text: str) -> str:
    """What a page that came in place of a file is, as part of a sentence."""
    if speaks_of_quota(text):
        return "its download quota is used up for now (a web page says so); try again in a day"
    if _CONFIRMATION.search(text):
        return "a web page that asks to confirm the download came in place of the file"
    if _LOGIN.search(text):
        return "a login page came in place of the file: it wants you to sign in"
    found = _TITLE.search(text)
    title = " ".join(html.unescape(found[1]).split())[:80] if found else ""
    return f"a web page{f' titled {title!r}' if title else ''} came in place of the file"
