"""``prepare`` and ``datasets``: getting data, and looking at what is there."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ldpbench.cli.options import (
    DeviceOption,
    ForceOption,
    JobsOption,
    OfflineOption,
    PartialOption,
    SourceOption,
    SplitsOption,
    demand_device,
)
from ldpbench.cli.session import Answer, Session, command
from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError
from ldpbench.core.names import share_of
from ldpbench.core.units import human_bytes

if TYPE_CHECKING:
    from ldpbench.data.prepared import PreparedInfo
    from ldpbench.records import DatasetCard, Packaging

_SHORT_LICENCE = len("none stated")
"""Longer sentences would squeeze the table of an 80-column terminal; `datasets info` has them."""
DatasetArgument = Annotated[str, typer.Argument(help="A dataset's id, such as sample or pixeldp.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "prepare", schema="prepare", example="ldpbench prepare dpd-blur --split test")(_prepare)
    group = typer.Typer(
        help="Look at, verify, cite, push and remove datasets.",
        epilog="Example: ldpbench datasets list",
        no_args_is_help=True,
    )
    command(group, "list", schema="datasets.list", example="ldpbench datasets list")(_list)
    command(group, "info", schema="datasets.info", example="ldpbench datasets info dpd-blur")(_info)
    command(group, "verify", schema="datasets.verify", example="ldpbench datasets verify sample")(_verify)
    command(group, "cite", schema="datasets.cite", example="ldpbench datasets cite dpd-blur pixeldp")(_cite)
    command(group, "push", schema="datasets.push", example="ldpbench datasets push sample me/dp-sample")(_push)
    command(group, "remove", schema="datasets.remove", example="ldpbench datasets remove sample")(_remove)
    app.add_typer(group, name="datasets")


def _state(info: "PreparedInfo") -> str:
    """Complete, or what is there of each split."""
    if info.complete:
        return "complete"
    parts = (
        f"{name} {'all ' + str(part.count) if part.complete else share_of(part.count, part.whole)}"
        for name, part in info.splits.items()
    )
    return f"partial: {', '.join(parts)}"


def _state_on_disk(session: Session, name: str) -> str:
    """What is there of a dataset; a damaged one must not hide the others."""
    from ldpbench.data.prepared import is_prepared, open_prepared

    if not is_prepared(session.home, name):
        return "not prepared"
    try:
        return _state(open_prepared(session.home, name).info)
    except IntegrityError as error:
        session.reporter.warn(f"{error.message} ({error.hint})")
        return "damaged"


def _prepare(
    session: Session,
    dataset: DatasetArgument,
    source: SourceOption = None,
    packaging: Annotated[
        str | None, typer.Option("--from", help="Which of the card's sources to use, as `datasets info` lists them.")
    ] = None,
    split: SplitsOption = None,
    max_scenes: Annotated[int | None, typer.Option("--max-scenes", help="At most so many scenes of a split.")] = None,
    allow_partial: PartialOption = False,
    force: ForceOption = False,
    offline: OfflineOption = False,
    jobs: JobsOption = 1,
    device: DeviceOption = "cpu",
) -> Answer:
    """Find, fetch, verify and store a dataset. Interrupted at any moment, it goes on where it was.

    The result is a Hugging Face dataset that keeps the publisher's encoded bytes.
    """
    from ldpbench.data.prepare import prepare

    demand_device(device)
    prepared = prepare(
        dataset,
        session.home,
        source=source,
        packaging=packaging,
        splits=split or (),
        max_scenes=max_scenes,
        allow_partial=allow_partial,
        force=force,
        offline=offline,
        jobs=jobs,
        device=device,
        progress=session.reporter,
    )
    info = prepared.info
    for remark in info.remarks:
        session.reporter.note(f"note: {remark}")
    if not all(part.complete for part in info.splits.values()):
        session.reporter.warn(f"{info.id} is {_state(info)}: its fingerprint, its runs and its pages say so")
    say = session.reporter.line
    counts = ", ".join(f"{part.count} {name}" for name, part in info.splits.items())
    say(f"{info.id} is ready ({counts}; {'complete' if info.complete else 'partial'})")
    say(f"  folder       {prepared.folder}")
    say(f"  from         {info.source} ({info.layout})")
    say(f"  fingerprint  {info.fingerprint}")
    return Answer({"folder": prepared.folder, **_info_json(info)})


def _info_json(info: "PreparedInfo") -> dict[str, Any]:
    return info.model_dump(mode="json", by_alias=True, exclude={"content"})


def _scenes(card: "DatasetCard") -> int | None:
    """Scenes of the whole set, None where nobody stated it."""
    counts = card.splits.values()
    return None if None in counts else sum(filter(None, counts))


def _size_on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder.exists() else 0


def _human(size: int | None) -> str:
    return "size unknown" if size is None else human_bytes(size)


def _list(session: Session) -> Answer:
    """List every dataset there is a card for, and whether it is prepared."""
    from ldpbench.data.cards import all_cards

    rows: list[dict[str, Any]] = [
        {
            "id": name,
            "title": card.title,
            "scenes": _scenes(card),
            "tasks": list(card.tasks),
            "access": card.access,
            "licence": card.licence,
            "state": _state_on_disk(session, name),
            "bytes": _size_on_disk(session.home.datasets / name),
        }
        for name, card in all_cards().items()
    ]
    session.reporter.table(
        ("dataset", "tasks", "access", "licence", "state", "on disk", "scenes"),
        (
            (
                row["id"],
                ", ".join(row["tasks"]),
                row["access"],
                row["licence"] if len(row["licence"]) <= _SHORT_LICENCE else "see info",
                row["state"],
                _human(row["bytes"]) if row["bytes"] else "-",
                str(row["scenes"] or "unknown"),
            )
            for row in rows
        ),
        numbers=2,
    )
    return Answer(rows)


def _info(session: Session, dataset: DatasetArgument) -> Answer:
    """Show a dataset's card and what is on disk of it."""
    from ldpbench.data.cards import load_card
    from ldpbench.data.prepared import is_prepared, open_prepared

    card = load_card(dataset)
    info = open_prepared(session.home, card.id).info if is_prepared(session.home, card.id) else None
    say = session.reporter.line
    say(f"{card.title} ({card.id}, version {card.version})")
    say(card.summary)
    say()
    groups = "; ".join(
        f"{split}: {', '.join(f'{name} {count}' for name, count in parts.items())}"
        for split, parts in card.groups.items()
    )
    pictures = f"{card.width_px}x{card.height_px}, {card.channels} channel(s), {card.bits} bits, {card.encoding}"
    for label, text in (
        ("homepage", card.homepage or "none"),
        ("licence", f"{card.licence} (redistribution: {card.redistribution})"),
        ("pictures", pictures),
        ("views", ", ".join(card.views)),
        ("splits", ", ".join(f"{name} {'unknown' if size is None else size}" for name, size in card.splits.items())),
        ("aliases", ", ".join(f"{alias} is {split}" for alias, split in card.aliases.items())),
        ("groups", groups),
        ("tasks", ", ".join(card.tasks)),
        ("on disk", _state(info) if info else "not prepared"),
    ):
        if text:
            say(f"  {label:<10} {text}")
    say(f"\nSources (access: {card.access}):")
    for source in card.sources:
        _tell_source(session, source)
    if not card.sources:
        say("  generated by ldpbench itself")
    if card.manual_steps:
        say(f"\nBy hand: {' '.join(card.manual_steps.split())}")
    say("\nProtocols (the first is the primary):")
    lines = [(spec.id, spec.title, spec.why) for spec in card.protocols]
    lines += [(spec.id, spec.title, spec.why) for spec in card.map_protocols]
    for name, title, why in lines:
        say(f"  {name:<22} {title}: {' '.join(why.split())}")
    say("\nKnown issues:")
    for issue in card.known_issues or ("none known",):
        say(f"  - {' '.join(issue.split())}")
    return Answer({"card": card.model_dump(mode="json", by_alias=True), "prepared": _info_json(info) if info else None})


def _tell_source(session: Session, source: "Packaging") -> None:
    say = session.reporter.line
    how = "" if source.automatic else f", by hand from {source.page}"
    say(f"  {source.id:<12} {source.title} (layout {source.layout}{how})")
    for file in source.files:
        checksum = f"{file.checksum} ({file.checksum_from})" if file.checksum else "no checksum published"
        say(f"    {file.name}: {_human(file.bytes)}, {checksum}")
        for uri in file.uris:
            say(f"      {uri}")
    if source.tree:
        say(f"    every file on its own: {source.tree.replace('{revision}', source.revision or '')}")


def _verify(session: Session, dataset: DatasetArgument) -> Answer:
    """Hash every stored file of a prepared dataset again."""
    from ldpbench.data.prepared import open_prepared

    prepared = open_prepared(session.home, dataset)
    prepared.verify(session.reporter)
    session.reporter.line(f"{dataset}: all {len(prepared.info.content)} files are what was stored")
    return Answer({"id": dataset, "files": len(prepared.info.content), "fingerprint": prepared.info.fingerprint})


def _cite(
    session: Session, datasets: Annotated[list[str], typer.Argument(help="One or several datasets' ids.")]
) -> Answer:
    """Print the BibTeX entries of datasets."""
    from ldpbench.data.cards import load_card

    found = {card.id: card.citation for card in map(load_card, dict.fromkeys(datasets))}
    for name, citation in found.items():
        if citation:
            session.reporter.line(citation.strip())
        else:
            session.reporter.note(f"{name} asks for no citation")
    return Answer([{"id": name, "bibtex": citation} for name, citation in found.items()])


def _push(
    session: Session,
    dataset: DatasetArgument,
    target: Annotated[str, typer.Argument(help="user/name on the Hugging Face Hub, a folder, or an fsspec URI.")],
    private: Annotated[bool, typer.Option("--private", help="Make a new Hub repository private.")] = False,
    revision: Annotated[str | None, typer.Option("--revision", help="A branch of the Hub repository.")] = None,
    right: Annotated[
        bool, typer.Option("--i-have-the-right", help="Push although the licence is not known to allow it.")
    ] = False,
) -> Answer:
    """Push a prepared dataset to a hub or a store, as Parquet, file by file. Interrupted, it goes on where it was."""
    from ldpbench.data.cards import load_card
    from ldpbench.data.prepared import open_prepared
    from ldpbench.data.pushing.push import demand_right, push

    demand_right(load_card(dataset), i_have_the_right=right)
    done = push(
        open_prepared(session.home, dataset),
        target,
        private=private,
        revision=revision,
        i_have_the_right=right,
        progress=session.reporter,
    )
    session.reporter.line(f"{dataset} is at {done.target}: {len(done.sent)} files sent, {len(done.kept)} were there")
    return Answer({"id": dataset, "target": done.target, "sent": list(done.sent), "kept": list(done.kept)})


def _remove(
    session: Session,
    dataset: DatasetArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    downloads: Annotated[bool, typer.Option("--downloads", help="Remove what was fetched for it, too.")] = False,
) -> Answer:
    """Remove a prepared dataset from disk. Runs and results stay."""
    from ldpbench.core.atomic import explaining_storage
    from ldpbench.data.cards import load_card

    name = load_card(dataset).id  # a damaged set can be removed as well, so it is not opened
    places = [session.home.datasets / name, session.home.datasets / f".{name}.building"]
    if downloads:
        places.append(session.home.downloads / name)
    there = [place for place in places if place.exists()]
    if not there:
        raise MissingPrerequisiteError(f"dataset {dataset} is not in {session.home.datasets}", hint="nothing to remove")
    freed = sum(map(_size_on_disk, there))
    if not yes:
        typer.confirm(f"Remove {' and '.join(map(str, there))} ({_human(freed)})?", abort=True, err=True)
    for place in there:
        with explaining_storage("remove", place):
            shutil.rmtree(place)
        session.reporter.line(f"removed {place}")
    return Answer({"id": dataset, "folder": there[0], "folders": there, "bytes": freed})
