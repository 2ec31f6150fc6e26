"""From a card to a verified Hugging Face dataset on disk."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ldpbench.core.atomic import replacing_folder, write_json
from ldpbench.core.errors import IntegrityError
from ldpbench.core.home import Home
from ldpbench.core.progress import SILENT, Progress
from ldpbench.data.adapter import Collection, load_adapter
from ldpbench.data.cards import dataset_manifest, load_card
from ldpbench.data.content import ContentRow, content_sha256, fingerprint
from ldpbench.data.dataset_readme import render_readme
from ldpbench.data.prepared import (
    CALIBRATION_FOLDER,
    DATA_FOLDER,
    INFO_FILE,
    README_FILE,
    PreparedDataset,
    PreparedInfo,
    is_prepared,
    open_prepared,
)
from ldpbench.data.source import open_source
from ldpbench.records import DatasetCard


def prepare(
    dataset_id: str,
    home: Home,
    *,
    source: str | None = None,
    allow_partial: bool = False,
    force: bool = False,
    progress: Progress = SILENT,
) -> PreparedDataset:
    """Find, verify and store a dataset; one that is prepared already is only opened, unless ``force``.

    A source that was named is always read: the user wants that one.

    Args:
        dataset_id: A card's id.
        home: Where to store it.
        source: A folder or fsspec URI in the publisher's layout; None for the card's own addresses.
        allow_partial: Accept a subset, marked as such everywhere.
        force: Do it again even if it is there.
        progress: Where to report.

    Raises:
        UsageError: If no dataset is called that.
        MissingPrerequisiteError: If the source cannot be reached or the disk is full.
        IntegrityError: If the content is not what the card promises; every fault is listed.
    """
    card = load_card(dataset_id)
    folder = home.datasets / card.id
    if source is None and not force and is_prepared(home, card.id):
        prepared = open_prepared(home, card.id)
        if prepared.info.complete or allow_partial:
            return prepared
    manifest = dataset_manifest(card.id)
    files = open_source(card, manifest, source, home.downloads)
    collection = load_adapter(card.adapter).collect(
        card, manifest, files, allow_partial=allow_partial, progress=progress
    )
    with replacing_folder(folder) as fresh:
        info = _store(card, collection, fresh)
        _demand_promised(card, info)
        write_json(fresh / INFO_FILE, info.model_dump(mode="json", by_alias=True))
        (fresh / README_FILE).write_text(render_readme(card, info), encoding="utf-8")
    return open_prepared(home, card.id)


def _store(card: DatasetCard, collection: Collection, folder: Path) -> PreparedInfo:
    from ldpbench.data.hugging_face import stored_row, write_splits

    content: list[ContentRow] = []
    counts: dict[str, int] = dict.fromkeys(card.splits, 0)
    spool = folder / ".spool"

    for name, data in sorted(collection.calibration.items()):
        (folder / CALIBRATION_FOLDER).mkdir(exist_ok=True)
        (folder / CALIBRATION_FOLDER / name).write_bytes(data)
        content.append(("", name, "calibration", content_sha256(data, name, "files")))

    def rows() -> Iterator[dict[str, Any]]:
        for stored in collection.samples:
            counts[stored.split] += 1
            for role, data in stored.files.items():
                name = f"{card.id}/{stored.id} {role}"
                content.append((stored.split, stored.id, role, content_sha256(data, name, card.content)))
            yield stored_row(stored)

    write_splits(rows(), folder / DATA_FOLDER, spool, splits=tuple(card.splits))
    shutil.rmtree(spool, ignore_errors=True)
    complete = not collection.missing
    mark = fingerprint(content, present=collection.n_samples, whole=sum(card.splits.values()), complete=complete)
    return PreparedInfo(
        id=card.id,
        card_version=card.version,
        fingerprint=mark,
        complete=complete,
        missing=collection.missing,
        counts=counts,
        whole=card.splits,
        source=collection.source,
        content=tuple(sorted(content)),
    )


def _demand_promised(card: DatasetCard, info: PreparedInfo) -> None:
    if not info.complete:
        return
    if info.counts != card.splits:
        raise IntegrityError(
            f"{card.id}: expected splits {card.splits}, found {info.counts}", hint="report this: the card is wrong"
        )
    if card.fingerprint is not None and info.fingerprint != card.fingerprint:
        raise IntegrityError(
            f"{card.id}: the card pins content {card.fingerprint[:16]}..., found {info.fingerprint[:16]}...",
            hint="report this with the output of `ldpbench doctor`",
        )
