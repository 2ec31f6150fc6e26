"""Fetching the published weights of methods, and checking that they are what was published."""

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from ldpbench.core.atomic import explaining_storage, replacing_file
from ldpbench.core.errors import IntegrityError, LdpbenchError, MissingPrerequisiteError
from ldpbench.core.hashing import sha256_file
from ldpbench.core.home import default_home
from ldpbench.core.progress import SILENT, Progress
from ldpbench.data.archive import archive_members
from ldpbench.data.fetch.files import fetch_files
from ldpbench.methods.find import FoundMethod
from ldpbench.methods.weights import fetched_weights, kept_folder
from ldpbench.records.baseline import WeightsRef
from ldpbench.records.dataset_source import RemoteFile

_CHUNK_BYTES = 1 << 20


def fetch_weights(method: FoundMethod, *, offline: bool = False, progress: Progress = SILENT) -> tuple[Path, ...]:
    """Make sure that a method's published weights are here, whole and verified.

    Args:
        method: The method.
        offline: Open no connection.
        progress: Where to report.

    Returns:
        The files, in the order of the record.

    Raises:
        MissingPrerequisiteError: If nobody published weights, only a page is known, or no address gives a file.
        IntegrityError: If what came is not what was promised.
    """
    record = method.record
    if not record.weights:
        what = "it needs none" if not record.needs_weights else "nobody published weights for it"
        raise MissingPrerequisiteError(f"there is nothing to get for {record.id}: {what}")
    return tuple(_fetch(method, ref, offline=offline, progress=progress) for ref in record.weights)


def _fetch(method: FoundMethod, ref: WeightsRef, *, offline: bool, progress: Progress) -> Path:
    path = kept_folder(method) / ref.name
    if path.is_file():
        demand_published(path, ref)
        return path
    if not ref.uris:
        raise MissingPrerequisiteError(
            f"{method.record.id}: {ref.name} can only be had by hand, from {ref.page}",
            hint=f"put it at {path}, or give it with `--weights {method.record.id}=FILE`",
        )
    if ref.member is None:
        sha256 = ref.checksum if ref.checksum is not None and ref.checksum.startswith("sha256:") else None
        remote = RemoteFile(
            name=PurePosixPath(ref.name).name,
            uris=ref.uris,
            bytes=ref.bytes,
            checksum=sha256,
            checksum_from=None if sha256 is None else ref.checksum_from,
        )
        fetch_files([remote], path.parent, offline=offline, progress=progress)
    else:
        _take_out(_archive(method, ref, offline=offline, progress=progress), ref.member, path)
    try:
        demand_published(path, ref)
    except IntegrityError:
        path.unlink(missing_ok=True)  # what is not what was published is not kept under its name
        raise
    return path


def _archive(method: FoundMethod, ref: WeightsRef, *, offline: bool, progress: Progress) -> Path:
    """The archive that holds a file: fetched once for all variants of a method."""
    folder = default_home().downloads / "weights" / method.folder.name
    name = PurePosixPath(urlsplit(ref.uris[0]).path).name or "archive"
    remote = RemoteFile(name=name if name.endswith(".zip") else f"{name}.zip", uris=ref.uris)
    fetch_files([remote], folder, offline=offline, progress=progress)
    return folder / remote.name


def _take_out(archive: Path, member: str, path: Path) -> None:
    """Copy one member out of an archive; wherever in it that path ends."""
    members = list(archive_members(lambda: archive.open("rb"), str(archive)))
    found = [entry for entry in members if f"/{entry.name}".endswith(f"/{member}")]
    if len(found) != 1:
        names = ", ".join(entry.name for entry in members[:10])
        raise IntegrityError(f"{archive}: expected {member} once in it, found it {len(found)} times among {names}")
    with explaining_storage("write", path), found[0].open() as source, replacing_file(path) as target:
        while chunk := source.read(_CHUNK_BYTES):
            target.write(chunk)


def demand_published(path: Path, ref: WeightsRef) -> str:
    """Compare a file with what its record says; its SHA-256.

    Raises:
        IntegrityError: If size or checksum differ.
    """
    with explaining_storage("read", path):
        size = path.stat().st_size
        found = sha256_file(path)
    again = f"delete {path} and fetch it again"
    if ref.bytes is not None and size != ref.bytes:
        raise IntegrityError(f"{path}: expected {ref.bytes:,} bytes, found {size:,}", hint=again)
    kind, _, expected = (ref.checksum or "").partition(":")
    actual = {"": "", "sha256": found}.get(kind) if kind != "git-sha1" else git_blob_sha1(path)
    if actual != expected:
        raise IntegrityError(f"{path}: expected {kind} {expected}, found {actual}", hint=again)
    return found


def git_blob_sha1(path: Path) -> str:
    """The id that git gives a file of this content."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


@dataclass(frozen=True)
class Verified:
    """What is known of the files of one method."""

    paths: tuple[Path, ...]
    sha256: tuple[str, ...]
    published: bool
    """Whether every file has a published checksum, and it is equal."""


def verify_weights(method: FoundMethod) -> Verified:
    """Hash the files that are here again, read them, and load them into the network.

    Raises:
        MissingPrerequisiteError: If they are not here.
        IntegrityError: If they are not what was published, are damaged or do not fit.
    """
    from ldpbench.methods.published import read_network

    paths = fetched_weights(method)
    if paths is None:
        raise MissingPrerequisiteError(
            f"{method.record.id}: no weights in {kept_folder(method)}",
            hint=f"run `ldpbench weights get {method.record.id}`",
        )
    hashes = tuple(demand_published(path, ref) for path, ref in zip(paths, method.record.weights, strict=True))
    try:
        read_network(method, paths)
    except LdpbenchError as error:
        raise IntegrityError(error.message, hint=error.hint) from error
    return Verified(paths, hashes, all(ref.checksum is not None for ref in method.record.weights))
