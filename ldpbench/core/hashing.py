"""Hashes of files and of documents, always SHA-256 in lower-case hex."""

import hashlib
import json
from pathlib import Path
from typing import Any

_CHUNK_BYTES = 1 << 20


def sha256_bytes(data: bytes | memoryview) -> str:
    """SHA-256 of ``data`` as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, read in chunks.

    Raises:
        OSError: If the file cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def canonical_json(document: Any) -> str:
    """The one JSON spelling of a document: sorted keys, no spaces, no NaN.

    Raises:
        ValueError: If the document holds NaN or infinity.
    """
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def sha256_document(document: Any) -> str:
    """SHA-256 of a JSON-like document, independent of key order and of formatting."""
    return sha256_bytes(canonical_json(document).encode())


def sha256_folder(folder: Path, suffixes: tuple[str, ...] = (".py", ".yaml")) -> str:
    """SHA-256 over the names and contents of a folder's source files, in name order."""
    rows = [
        [path.relative_to(folder).as_posix(), sha256_file(path)]
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in suffixes and "__pycache__" not in path.parts
    ]
    return sha256_document(rows)
