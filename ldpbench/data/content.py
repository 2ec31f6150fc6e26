"""What a dataset's content is, independent of paths, times and library versions.

For files of a publisher it is their bytes. For a generated set it is the pixels, because the same pixels compress to
other bytes with another PNG library.
"""

from collections.abc import Iterable
from typing import Literal

import numpy as np

from ldpbench.core.hashing import canonical_json, sha256_bytes
from ldpbench.data.png16 import decode

PFM_MAGIC = (b"Pf\n", b"PF\n")

Content = Literal["files", "pixels"]
"""What a fingerprint is taken of."""
ContentRow = tuple[str, str, str, str]
"""Split, sample id (or file name for calibration), role, SHA-256 of the content."""


def content_sha256(data: bytes, name: str, content: Content) -> str:
    """SHA-256 of a file's content.

    Args:
        data: The encoded file.
        name: What to call it in an error.
        content: ``files`` for the bytes as they are; ``pixels`` for shape, type and little-endian codes of a picture.
            A PFM is its pixels already, so its bytes are taken either way.

    Raises:
        ImageError: If pixels are asked for and cannot be decoded.
    """
    if content == "files" or data.startswith(PFM_MAGIC):
        return sha256_bytes(data)
    codes = decode(data, name)
    little_endian = np.ascontiguousarray(codes, dtype=codes.dtype.newbyteorder("<"))
    header = canonical_json([list(codes.shape), codes.dtype.name]).encode()
    return sha256_bytes(header + little_endian.tobytes())


def fingerprint(rows: Iterable[ContentRow], *, present: int, whole: int | None, complete: bool) -> str:
    """The fingerprint of a dataset's content: 64 hex digits, and for a subset also how much of the whole it is.

    It depends on the content alone: not on paths, packing, times, row order or library versions.

    Args:
        rows: Every file's content.
        present: Number of samples at hand.
        whole: Number of samples of the whole set, None where nobody knows it.
        complete: Whether every file of the set is there.
    """
    lines = "\n".join(canonical_json(row) for row in sorted(rows))
    digest = sha256_bytes(lines.encode())
    return digest if complete else f"partial-{present}-of-{'unknown' if whole is None else whole}-{digest}"
