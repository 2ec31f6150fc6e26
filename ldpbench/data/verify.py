"""Comparing files with what a manifest promises, and naming what is wrong with each."""

from collections.abc import Sequence

from ldpbench.core.errors import IntegrityError
from ldpbench.core.hashing import sha256_bytes
from ldpbench.data.picture_files import container_fault, picture_header
from ldpbench.records import ManifestRow


def file_fault(row: ManifestRow, data: bytes, sha256: str | None = None) -> str | None:
    """What is wrong with a file, in words, or None if it is the promised one.

    Where the manifest has no checksum, the file's own checksums and its header must do.

    Args:
        row: What was promised.
        data: The file.
        sha256: Its hash, if somebody computed it already.
    """
    if row.sha256 is not None:
        found = sha256 or sha256_bytes(data)
        if found == row.sha256:
            return None
        fault = container_fault(data) or _header_fault(row, data)
        if fault:
            return fault
        if row.bytes is not None and len(data) != row.bytes:
            return f"expected {row.bytes} bytes, found {len(data)}"
        return f"expected sha256 {row.sha256[:12]}..., found {found[:12]}..."
    return container_fault(data) or _header_fault(row, data)


def _header_fault(row: ManifestRow, data: bytes) -> str | None:
    if row.width_px is None and row.bits is None:
        return None
    header = picture_header(data)
    if header is None:
        return "it is not a picture of a known kind"
    if row.bits is not None and header.bits != row.bits:
        return f"expected {row.bits}-bit codes, found {header.bits}-bit: it was converted on the way"
    if row.width_px is not None and (header.width_px, header.height_px) != (row.width_px, row.height_px):
        return f"expected {row.width_px}x{row.height_px} px, found {header.width_px}x{header.height_px}"
    if row.channels is not None and header.channels != row.channels:
        return f"expected {row.channels} channel(s), found {header.channels}"
    return None


def refusal(
    faults: Sequence[str], missing: Sequence[str], *, source: str, n_files: int, allow_partial: bool
) -> IntegrityError | None:
    """The error for a source that is not what was promised, with every fault; None if it is fine.

    Args:
        faults: ``path: what is wrong``; these refuse the source always.
        missing: What is not there; refuses the source unless a subset is accepted.
        source: Where the files are.
        n_files: How many files the set has; 0 where nobody knows.
        allow_partial: Accept a subset.
    """
    every = [*faults, *([] if allow_partial else [f"{what}: missing" for what in missing])]
    if not every:
        return None
    hint = "fetch these files again"
    if missing and not allow_partial and not faults:
        hint = "complete the set, or accept a marked subset with --allow-partial"
    of = f" of {n_files}" if n_files else ""
    message = f"{len(every)}{of} files in {source} are not what the publisher's manifest says"
    if len(every) == 1:
        message = f"{source}, {every[0]}"
    return IntegrityError(message, hint=hint, faults=every)
