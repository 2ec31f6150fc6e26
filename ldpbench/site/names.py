"""Where each page and picture lies. Ids are other people's text; a file name made from one is always harmless."""

import re
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


def view_page(board_page: str, region: str, group: str) -> str:
    """The page of one view of a board: a region of all scenes, or a group of scenes."""
    if region != "all":
        return f"{board_page.removesuffix('.html')}--region-{safe_name(region)}.html"
    if group != "all":
        return f"{board_page.removesuffix('.html')}--group-{safe_name(group)}.html"
    return board_page


def gallery_page(dataset_id: str, split: str) -> str:
    """The page with all scenes of a split."""
    return f"scenes/{safe_name(dataset_id)}--{safe_name(split)}.html"


def board_pages(protocols: Iterable[Protocol]) -> dict[str, str]:
    """Protocol hash -> the page of its board.

    The name is ``<dataset>--<protocol>``. Of protocols that share an id the first one has it, so that links to the main
    board last; the first of another split gets that split, and all others (subsets) also the start of their hash.
    """
    pages: dict[str, str] = {}
    splits: dict[str, set[str]] = {}
    for protocol in protocols:
        name = safe_name(protocol.id.removeprefix(f"{protocol.dataset_id}/"))
        page = f"board/{safe_name(protocol.dataset_id)}--{name}"
        taken = splits.setdefault(page, set())
        suffix = f"--{safe_name(protocol.split)}" if taken else ""
        if protocol.split in taken:
            suffix += f"--{protocol.hash[:12]}"
        taken.add(protocol.split)
        pages[protocol.hash] = f"{page}{suffix}.html"
    return pages
