"""What an address sends, and how it becomes a part file."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

from ldpbench.data.fetch.address import AddressError
from ldpbench.data.fetch.pages import PAGE_BYTES, SNIFF_BYTES, describe_page, is_page
from ldpbench.data.fetch.part import Part
from ldpbench.records.dataset_source import RemoteFile

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Body:
    """Bytes on their way."""

    chunks: Iterator[bytes]
    """Raises AddressError where the way breaks."""
    start: int = 0
    """The first byte's offset in the file."""
    total: int | None = None
    """The size of the whole file, if it was stated."""
    validator: str | None = None
    """Changes when the file changes: an ETag or a modification time."""
    content_type: str = ""
    end_is_marked: bool = True
    """Whether a cut would be noticed without knowing the size."""


def receive(body: Body, part: Part, file: RemoteFile, address: str, advance: Callable[[int], None]) -> None:
    """Add a body to a part file; on return the part is as long as the file.

    Nothing is written before the first bytes were looked at, so a web page never reaches the part.

    Args:
        body: What comes.
        part: Where it goes.
        file: What is expected.
        address: Where it comes from.
        advance: Told of every change of the part's size.

    Raises:
        AddressError: If what comes is not the file or does not come to its end.
        OSError: If it cannot be written.
    """
    head = _head(body.chunks)
    if is_page(head, "" if body.start else body.content_type, file.name):
        raise AddressError(describe_page(_page_text(head, body.chunks)))
    _refuse_another_file(body, part, file)
    if body.start == 0:
        advance(-part.size)
        part.restart(address, body.validator, body.total)
    expected = file.bytes if body.total is None else body.total
    if not _append(chain([head], body.chunks), part, expected, advance):
        advance(-part.size)
        part.discard()
        raise AddressError(f"expected {expected} bytes, found more", content=True)
    if expected is not None and part.size != expected:
        raise AddressError(f"it ended after {part.size} of {expected} bytes", retry=True)


def _refuse_another_file(body: Body, part: Part, file: RemoteFile) -> None:
    if file.bytes is not None and body.total is not None and body.total != file.bytes:
        raise AddressError(f"expected {file.bytes} bytes, found a file of {body.total}", content=True)
    if not body.end_is_marked and file.bytes is None and file.checksum is None:
        raise AddressError("the server does not state the size and nobody else does, so a cut could not be noticed")
    if body.start and None not in (part.expected, body.total) and part.expected != body.total:
        raise AddressError("the file has changed since its first part came", retry=True, ranges_broken=True)


def _head(chunks: Iterator[bytes]) -> bytes:
    """The first bytes: enough to tell a page, unless the body is shorter."""
    head = b""
    while len(head) < SNIFF_BYTES and (chunk := next(chunks, b"")):
        head += chunk
    return head


def _page_text(head: bytes, chunks: Iterator[bytes]) -> str:
    with contextlib.suppress(AddressError):
        while len(head) < PAGE_BYTES and (chunk := next(chunks, b"")):
            head += chunk
    return head.decode("utf-8", errors="replace")


def _append(chunks: Iterator[bytes], part: Part, limit: int | None, advance: Callable[[int], None]) -> bool:
    """Write what comes; False as soon as it is more than ``limit``."""
    size = part.size
    with part.append() as stream:
        for chunk in chunks:
            size += len(chunk)
            if limit is not None and size > limit:
                return False
            stream.write(chunk)
            advance(len(chunk))
    return True
