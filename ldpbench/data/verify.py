"""Comparing files with what a manifest promises, and naming what is wrong with each."""

from dataclasses import dataclass

from ldpbench.core.errors import IntegrityError
from ldpbench.core.hashing import sha256_bytes
from ldpbench.core.progress import Progress
from ldpbench.data.png16 import container_fault, png_header
from ldpbench.data.source import FileSource
from ldpbench.records import ManifestRow


@dataclass(frozen=True)
class Findings:
    """All faults of a source, found in one pass."""

    missing: tuple[str, ...]
    """Paths that are not there."""
    altered: tuple[str, ...]
    """``path: what is wrong`` for every file that is there and is not the promised one."""


def file_fault(row: ManifestRow, data: bytes) -> str | None:
    """What is wrong with a file, in words, or None if it is the promised one."""
    if sha256_bytes(data) == row.sha256:
        return None
    fault = container_fault(data) or _header_fault(row, data)
    if fault:
        return fault
    if len(data) != row.bytes:
        return f"expected {row.bytes} bytes, found {len(data)}"
    return f"expected sha256 {row.sha256[:12]}..., found {sha256_bytes(data)[:12]}..."


def _header_fault(row: ManifestRow, data: bytes) -> str | None:
    if not row.path.endswith(".png"):
        return None
    header = png_header(data)
    if header is None:
        return "it is not a PNG"
    if row.bits is not None and header.bits != row.bits:
        return f"expected {row.bits}-bit codes, found {header.bits}-bit: it was converted on the way"
    if row.width_px is not None and (header.width_px, header.height_px) != (row.width_px, row.height_px):
        return f"expected {row.width_px}x{row.height_px} px, found {header.width_px}x{header.height_px}"
    return None


def inspect(source: FileSource, manifest: tuple[ManifestRow, ...], progress: Progress) -> Findings:
    """Read every file once and list every fault."""
    missing: list[str] = []
    altered: list[str] = []
    for row in progress.track(manifest, label="verifying files", total=len(manifest)):
        data = source.read(row)
        if data is None:
            missing.append(row.path)
            continue
        fault = file_fault(row, data)
        if fault:
            altered.append(f"{row.path}: {fault}")
    return Findings(tuple(missing), tuple(altered))


def demand(findings: Findings, *, source: str, n_files: int, allow_partial: bool) -> None:
    """Refuse altered files always, and missing ones unless a subset was asked for.

    Raises:
        IntegrityError: With every fault.
    """
    faults = [*findings.altered, *([] if allow_partial else [f"{path}: missing" for path in findings.missing])]
    if not faults:
        return
    hint = "fetch these files again"
    if findings.missing and not allow_partial and not findings.altered:
        hint = "complete the set, or accept a marked subset with --allow-partial"
    message = f"{len(faults)} of {n_files} files in {source} are not what the publisher's manifest says"
    if len(faults) == 1:
        message = f"{source}, {faults[0]}"
    raise IntegrityError(message, hint=hint, faults=faults)
