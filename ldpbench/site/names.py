"""Where each page and picture lies. Ids are other people's text; a file name made from one is always harmless."""

import re
from collections import Counter
from collections.abc import Iterable

from ldpbench.core.hashing import sha256_bytes
from ldpbench.records import Protocol

_SAFE = re.compile(r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*")
_LONGEST = 100


def safe_name(text: str) -> str:
    """A file name for any text, different for different texts.

    Plain ids stay as they are. Everything else, including what could be read as a path, loses its unsafe characters
    and gains eight digits of its own hash. Never holds ``--``, so names joined by ``--`` stay apart.
    """
    if _SAFE.fullmatch(text) and len(text) <= _LONGEST:
        return text
    words = re.findall(r"[A-Za-z0-9]+", text)
    return "-".join(["-".join(words)[:60].strip("-") or "name", sha256_bytes(text.encode())[:8]])


def method_page(method_id: str) -> str:
    """The page of a method, relative to the site's root; so are all the others."""
    return f"method/{safe_name(method_id)}.html"


def run_page(run_id: str) -> str:
    """The page of a run."""
    return f"run/{safe_name(run_id)}.html"


def scene_page(dataset_id: str, split: str, sample_id: str) -> str:
    """The page of a scene."""
    return f"scene/{safe_name(dataset_id)}--{safe_name(split)}--{safe_name(sample_id)}.html"


def scene_folder(dataset_id: str, split: str, sample_id: str) -> str:
    """The folder that holds a scene's pictures."""
    return f"images/{safe_name(dataset_id)}/{safe_name(split)}/{safe_name(sample_id)}"


def board_pages(protocols: Iterable[Protocol]) -> dict[str, str]:
    """Protocol hash -> the page of its board.

    The name is ``<dataset>--<protocol>``. Protocols that share an id (another split, a subset) also get their split
    and, where that is not enough, the start of their hash.
    """
    wanted: dict[str, list[str]] = {}
    for protocol in protocols:
        name = safe_name(protocol.id.removeprefix(f"{protocol.dataset_id}/"))
        short = f"board/{safe_name(protocol.dataset_id)}--{name}"
        longer = f"{short}--{safe_name(protocol.split)}"
        wanted[protocol.hash] = [short, longer, f"{longer}--{protocol.hash[:12]}"]
    uses = Counter(name for names in wanted.values() for name in names[:2])
    return {key: next(name for name in names if uses[name] <= 1) + ".html" for key, names in wanted.items()}
