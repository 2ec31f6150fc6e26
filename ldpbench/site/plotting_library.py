"""plotly's JavaScript, out of the installed Python package. The package itself is never imported."""

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from ldpbench.core.errors import MissingPrerequisiteError

PLOTTING_LIBRARY = "static/plotly.min.js"
"""Where pages look for it, relative to the site's root."""

_PACKAGE, _SCRIPT = "plotly", "plotly/package_data/plotly.min.js"
_MAP_STYLE = re.compile(
    r"""\.textContent\s*=\s*(?P<quote>["'`])(?P<css>\.maplibregl(?:\\.|(?!(?P=quote)).)*)(?P=quote)"""
)
"""The one style sheet that the library puts into the page as it loads; it is for maps, which we do not draw."""
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0", "\n": ""}


def plotting_library() -> bytes:
    """The library's script.

    Raises:
        MissingPrerequisiteError: If the package is not installed, or comes without its script.
    """
    return _library().read_bytes()


@cache
def inline_style_hashes() -> tuple[str, ...]:
    """What a page's policy has to allow for the library to load without a complaint.

    Returns:
        The hash of every style sheet that the library writes into the page, such as ``sha256-ji27...``; empty if there
        is none that we know of.

    Raises:
        MissingPrerequisiteError: As ``plotting_library``.
    """
    text = _library().read_text(encoding="utf-8")
    return tuple(f"sha256-{_digest(_unquoted(found['css']))}" for found in _MAP_STYLE.finditer(text))


def _library() -> Path:
    hint = "install ldpbench again: plotly is one of its dependencies"
    try:
        script = Path(str(distribution(_PACKAGE).locate_file(_SCRIPT)))
    except PackageNotFoundError:
        raise MissingPrerequisiteError(
            "the plots of the pages need the package plotly, which is not installed", hint=hint
        ) from None
    if not script.is_file():
        raise MissingPrerequisiteError(f"the installed package plotly has no script: expected {script}", hint=hint)
    return script


def _unquoted(literal: str) -> str:
    """The text that the inside of a JavaScript literal stands for."""

    def character(escape: re.Match[str]) -> str:
        code, sign = escape[1] or escape[2], escape[3]
        return chr(int(code, 16)) if code else _ESCAPES.get(sign, sign)

    return _ESCAPE.sub(character, literal)


def _digest(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()
