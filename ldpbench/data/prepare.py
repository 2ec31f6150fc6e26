"""From a card to a verified Hugging Face dataset on disk."""

import os
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ldpbench.core.atomic import explaining_storage, write_json, write_text
from ldpbench.core.errors import IntegrityError, LdpbenchError
from ldpbench.core.home import Home
from ldpbench.core.locks import waiting_lock
from ldpbench.core.progress import SILENT, Progress
from ldpbench.data.adapter import EVERY_SPLIT, Collection, load_adapter
from ldpbench.data.cards import dataset_manifest, load_card
from ldpbench.data.content import ContentRow, fingerprint
from ldpbench.data.dataset_readme import render_readme
from ldpbench.data.hugging_face import write_set_record
from ldpbench.data.prepared import (
    INFO_FILE,
    README_FILE,
    PreparedDataset,
    PreparedInfo,
    PreparedSplit,
    is_prepared,
    open_prepared,
)
from ldpbench.data.pushing.source import find_pushed
from ldpbench.data.selection import Selection
from ldpbench.data.sources import open_source
from ldpbench.data.store import Job, check_without_storing, resumable_folder, store
from ldpbench.records import DatasetCard


def prepare(
    dataset_id: str,
    home: Home,
    *,
    source: str | None = None,
    packaging: str | None = None,
    splits: Sequence[str] = (),
    max_scenes: int | None = None,
    allow_partial: bool = False,
    force: bool = False,
    offline: bool = False,
    jobs: int = 1,
    device: str = "cpu",
    progress: Progress = SILENT,
) -> PreparedDataset:
    """Find, fetch, verify and store a dataset; what is prepared already is only opened, unless ``force``.

    A source that was named is always read: the user wants that one. Splits that are prepared and not asked for now
    stay as they are.

    Args:
        dataset_id: A card's id.
        home: Where to store it.
        source: A folder, archive or fsspec URI in any known layout; None for the card's own sources.
        packaging: The one source of the card to use; None for all that a program can fetch, in order.
        splits: Only these splits, or their aliases; none means all.
        max_scenes: At most so many scenes of each split.
        allow_partial: Accept a source that lacks files; what is stored is marked as a subset everywhere.
        force: Do it again even if it is there.
        offline: Open no connection.
        jobs: Files to fetch, and scenes to read or render, at a time.
        device: Where simulated sets are rendered.
        progress: Where to report.

    Raises:
        UsageError: If no dataset or split is called that.
        MissingPrerequisiteError: If the source cannot be reached or the disk is full.
        IntegrityError: If the content is not what the card promises; every fault is listed.
    """
    card = load_card(dataset_id)
    selection = Selection.of(card, splits, max_scenes)
    with waiting_lock(home.locks / f"prepare-{card.id}.lock", what=f"preparing {card.id}", progress=progress):
        if source is None and not force and is_prepared(home, card.id):
            prepared = open_prepared(home, card.id)
            if prepared.info.satisfies(selection, allow_partial=allow_partial):
                return prepared
        manifest = dataset_manifest(card.id)
        tree = open_source(
            card,
            manifest,
            home.downloads,
            source=source,
            packaging=packaging,
            selection=selection,
            offline=offline,
            jobs=jobs,
            progress=progress,
        )
        found = find_pushed(tree, card) if tree is not None else None
        if found is None:
            found = load_adapter(card.adapter).collect(card, manifest, tree, device=device, progress=progress)
        job = Job(card, selection.apply(found), tree, jobs)
        _demand_source(job, allow_partial=allow_partial, progress=progress)
        chosen = replace(job.collection, missing=(*job.collection.missing, *selection.left_out(found)))
        _store_and_move(home, replace(job, collection=chosen), selection, progress)
        return open_prepared(home, card.id)


def _demand_source(job: Job, *, allow_partial: bool, progress: Progress) -> None:
    missing = [gap.what for gap in job.collection.missing]
    if job.collection.faults or (missing and not allow_partial):
        check_without_storing(job, missing, allow_partial=allow_partial, progress=progress)
    if not job.collection.scenes:
        raise IntegrityError(f"{job.source} holds no complete scene of {job.card.id}", hint="check the folder")


def _store_and_move(home: Home, job: Job, selection: Selection, progress: Progress) -> None:
    with resumable_folder(home.datasets / job.card.id, job.plan, progress) as work:
        content = store(job, work, progress)
        kept = _carry_over(home, job.card, content, selection, work)
        info = _describe(job.card, job.collection, job.source, content, kept)
        _demand_promised(job.card, info)
        write_set_record(work, list(info.splits))
        write_json(work / INFO_FILE, info.model_dump(mode="json", by_alias=True))
        write_text(work / README_FILE, render_readme(job.card, info))


def _carry_over(
    home: Home, card: DatasetCard, content: tuple[ContentRow, ...], selection: Selection, work: Path
) -> PreparedInfo | None:
    """Link the splits that are prepared and were not asked for now into the new folder; None if there are none."""
    if not is_prepared(home, card.id):
        return None
    try:
        old = open_prepared(home, card.id)
    except LdpbenchError:
        return None  # a damaged or outdated folder has nothing to keep
    calibration = {row for row in content if row[2] == "calibration"}
    keep = [split for split in old.info.splits if split not in selection.splits]
    if old.info.card_version != card.version or not keep:
        return None
    if calibration != {row for row in old.info.content if row[2] == "calibration"}:
        return None
    with explaining_storage("write", work):
        for split in keep:
            shutil.copytree(old.folder / split, work / split, copy_function=_link_or_copy)
    return old.info.only(keep)


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _describe(
    card: DatasetCard,
    collection: Collection,
    source: str,
    content: tuple[ContentRow, ...],
    kept: PreparedInfo | None,
) -> PreparedInfo:
    counts = Counter(scene.split for scene in collection.scenes)
    splits = dict(kept.splits) if kept else {}
    for split, count in counts.items():
        whole = collection.whole.get(split, card.splits[split])
        complete = count == whole and not any(gap.split in (split, EVERY_SPLIT) for gap in collection.missing)
        rows = [row for row in content if row[0] in (split, "")]
        mark = fingerprint(rows, present=count, whole=whole, complete=complete)
        splits[split] = PreparedSplit(count=count, whole=whole, complete=complete, fingerprint=mark)
    every = sorted({*content, *(kept.content if kept else ())})
    ordered = {split: splits[split] for split in card.splits if split in splits}
    absent = [split for split in card.splits if split not in ordered]
    complete = not absent and all(part.complete for part in ordered.values())
    wholes = [ordered[split].whole if split in ordered else card.splits[split] for split in card.splits]
    whole = None if None in wholes else sum(filter(None, wholes))
    present = sum(part.count for part in ordered.values())
    return PreparedInfo(
        id=card.id,
        card_version=card.version,
        fingerprint=fingerprint(every, present=present, whole=whole, complete=complete),
        splits=ordered,
        complete=complete,
        missing=(
            *(gap.what for gap in collection.missing),
            *(kept.missing if kept else ()),
            *(f"the split {split}" for split in absent),
        ),
        source=source,
        layout=collection.layout,
        remarks=collection.remarks,
        content=tuple(every),
    )


def _demand_promised(card: DatasetCard, info: PreparedInfo) -> None:
    if info.complete and card.fingerprint not in (None, info.fingerprint):
        raise IntegrityError(
            f"{card.id}: the card pins content {str(card.fingerprint)[:16]}..., found {info.fingerprint[:16]}...",
            hint="report this with the output of `ldpbench doctor`",
        )
