"""From a card to the files of a dataset: those a user gave, or those its publisher and mirrors hand out."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten

from ldpbench.core.errors import LdpbenchError, MissingPrerequisiteError, StorageError, UsageError
from ldpbench.core.names import unknown_name
from ldpbench.core.progress import Progress
from ldpbench.data.selection import Selection
from ldpbench.data.tree import Tree, open_tree
from ldpbench.records import DatasetCard, ManifestRow, Packaging, RemoteFile

_REASON_LENGTH = 120
"""Characters of each source's reason in the one line of the error; the warnings before it have them whole."""
_ARCHIVES = (".zip", ".mat")
"""Endings of addresses that are one file, not a folder."""


def open_source(
    card: DatasetCard,
    manifest: Sequence[ManifestRow],
    downloads: Path,
    *,
    source: str | None,
    packaging: str | None,
    selection: Selection,
    offline: bool,
    jobs: int,
    progress: Progress,
) -> Tree | None:
    """The files of a dataset; None for a set that is generated from nothing.

    Args:
        card: The dataset's card.
        manifest: The publisher's files.
        downloads: Where fetched files are kept.
        source: What the user gave; None for the card's own sources.
        packaging: The only source of the card to use; None for all that a program can fetch, in the card's order.
        selection: What is wanted; nothing else is fetched.
        offline: Open no connection.
        jobs: Files to fetch at a time.
        progress: Where to report.

    Raises:
        UsageError: If a source is given for a generated set, or a name is unknown.
        MissingPrerequisiteError: If no source can be had; for a set that needs a person, the steps are told.
        IntegrityError: If what was fetched is not what the card promises.
    """
    if card.access == "generated":
        if source is not None:
            raise UsageError(f"{card.id} is generated and has no source, found --source {source}", hint="leave it out")
        return None
    if source is not None:
        if not source.startswith(("http://", "https://", "gdrive://")):
            return open_tree(source)
        chosen = [_packaging_of(source, manifest)]
    else:
        chosen = _chosen(card, packaging)
    from ldpbench.data.fetch import fetch_files  # brings the HTTP, Hub and Drive clients

    reasons: list[str] = []
    for candidate in chosen:
        folder = downloads / card.id / candidate.id
        try:
            fetch_files(
                _remote_files(candidate, manifest, selection), folder, offline=offline, jobs=jobs, progress=progress
            )
        except StorageError:
            raise
        except LdpbenchError as error:
            if len(chosen) == 1:
                raise
            reasons.append(f"{candidate.id}: {shorten(error.message, _REASON_LENGTH, placeholder=' ...')}")
            progress.warn(f"{candidate.title}: {error.message}")
            continue
        return open_tree(str(folder), name=_address(candidate))
    raise MissingPrerequisiteError(
        f"{card.id} could not be had from any of its {len(chosen)} sources: {'; '.join(reasons)}",
        hint="check the network and run it again, or give a copy you have with --source PATH",
    )


def _address(packaging: Packaging) -> str:
    """Where a packaging is, for the record: its first address."""
    if packaging.tree is None:
        return packaging.files[0].uris[0]
    return packaging.tree.replace("{revision}", packaging.revision or "").replace("{path}", "").rstrip("/")


def _chosen(card: DatasetCard, packaging: str | None) -> list[Packaging]:
    if packaging is not None:
        named = {source.id: source for source in card.sources}
        if packaging not in named:
            raise unknown_name(f"source of {card.id}", packaging, named)
        if not named[packaging].automatic:
            raise MissingPrerequisiteError(
                f"{card.id} from {named[packaging].title} cannot be fetched by a program",
                hint=f"open {named[packaging].page} in a browser, then give --source PATH",
            )
        return [named[packaging]]
    automatic = [source for source in card.sources if source.automatic]
    if not automatic:
        steps = " ".join((card.manual_steps or "").split())
        raise MissingPrerequisiteError(
            f"{card.id} cannot be fetched by a program", hint=f"{steps} Then give --source PATH"
        )
    return automatic


def _packaging_of(source: str, manifest: Sequence[ManifestRow]) -> Packaging:
    """An address that a user gave: one archive, or a plain web folder that holds the publisher's tree."""
    path = source.partition("?")[0].rstrip("/")
    if source.startswith("gdrive://") or path.lower().endswith(_ARCHIVES) or not manifest:
        name = "download" if source.startswith("gdrive://") else path.rsplit("/", 1)[-1]
        return Packaging(id="given", title=source, layout="given", files=(RemoteFile(name=name, uris=(source,)),))
    return Packaging(id="given", title=source, layout="given", tree=source.rstrip("/") + "/{path}")


def _remote_files(
    packaging: Packaging, manifest: Sequence[ManifestRow], selection: Selection
) -> tuple[RemoteFile, ...]:
    if packaging.tree is None:
        return tuple(file for file in packaging.files if not file.splits or set(file.splits) & set(selection.splits))
    template = packaging.tree.replace("{revision}", packaging.revision or "")
    return tuple(
        RemoteFile(
            name=row.path,
            uris=(template.replace("{path}", row.path),),
            bytes=row.bytes,
            checksum=f"sha256:{row.sha256}" if row.sha256 else None,
            checksum_from="ldpbench" if row.sha256 else None,
        )
        for row in selection.rows(manifest)
    )
