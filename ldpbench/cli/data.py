"""``prepare`` and ``datasets``: getting data, and looking at what is there."""

import shutil
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ldpbench.cli.options import ForceOption, PartialOption, SourceOption
from ldpbench.cli.session import Answer, Session, command
from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError

if TYPE_CHECKING:
    from ldpbench.data.prepared import PreparedInfo

DatasetArgument = Annotated[str, typer.Argument(help="A dataset's id, such as sample or pixeldp.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "prepare", schema="prepare", example="ldpbench prepare sample")(_prepare)
    group = typer.Typer(
        help="Look at, verify and remove datasets.", epilog="Example: ldpbench datasets list", no_args_is_help=True
    )
    command(group, "list", schema="datasets.list", example="ldpbench datasets list")(_list)
    command(group, "info", schema="datasets.info", example="ldpbench datasets info pixeldp")(_info)
    command(group, "verify", schema="datasets.verify", example="ldpbench datasets verify sample")(_verify)
    command(group, "remove", schema="datasets.remove", example="ldpbench datasets remove sample")(_remove)
    app.add_typer(group, name="datasets")


def _state(info: "PreparedInfo") -> str:
    """Complete, or what is there of each split."""
    if info.complete:
        return "complete"
    parts = (
        f"{name} {'all ' if part.complete else ''}{part.count}"
        + ("" if part.complete else f" of {part.whole or 'unknown'}")
        for name, part in info.splits.items()
    )
    return f"partial: {', '.join(parts)}"


def _state_on_disk(session: Session, name: str) -> str:
    """What is there of a dataset; a damaged one must not hide the others."""
    from ldpbench.data.prepared import is_prepared, open_prepared

    if not is_prepared(session.home, name):
        return "not prepared"
    try:
        info = open_prepared(session.home, name).info
    except IntegrityError as error:
        session.reporter.warn(f"{error.message} ({error.hint})")
        return "damaged"
    return _state(info)


def _prepare(
    session: Session,
    dataset: DatasetArgument,
    source: SourceOption = None,
    allow_partial: PartialOption = False,
    force: ForceOption = False,
) -> Answer:
    """Find, verify and store a dataset.

    The result is a Hugging Face dataset that keeps the publisher's encoded bytes.
    """
    from ldpbench.data.prepare import prepare

    prepared = prepare(
        dataset,
        session.home,
        source=source,
        allow_partial=allow_partial,
        force=force,
        progress=session.reporter,
    )
    info = prepared.info
    state = _state(info)
    if not info.complete:
        session.reporter.warn(f"{info.id} is {state}: its fingerprint, its runs and its pages say so")
    splits = ", ".join(f"{part.count} {name}" for name, part in info.splits.items())
    session.reporter.line(f"{info.id} is ready ({splits}; {'complete' if info.complete else 'partial'})")
    session.reporter.line(f"  folder       {prepared.folder}")
    session.reporter.line(f"  fingerprint  {info.fingerprint}")
    return Answer({"folder": prepared.folder, **info.model_dump(mode="json", by_alias=True, exclude={"content"})})


def _list(session: Session) -> Answer:
    """List every dataset there is a card for, and whether it is prepared."""
    from ldpbench.data.cards import all_cards

    rows: list[dict[str, Any]] = []
    for name, card in all_cards().items():
        rows.append(
            {
                "id": name,
                "title": card.title,
                "scenes": None if None in card.splits.values() else sum(filter(None, card.splits.values())),
                "tasks": list(card.tasks),
                "access": card.access,
                "licence": card.licence,
                "state": _state_on_disk(session, name),
            }
        )
    session.reporter.table(
        ("dataset", "tasks", "access", "licence", "state", "scenes"),
        (
            (
                row["id"],
                ", ".join(row["tasks"]),
                row["access"],
                row["licence"],
                row["state"],
                str(row["scenes"] or "unknown"),
            )
            for row in rows
        ),
        numbers=1,
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
    for label, text in (
        ("homepage", card.homepage or "none"),
        ("licence", card.licence),
        ("access", card.access),
        (
            "pictures",
            f"{card.width_px}x{card.height_px}, {card.channels} channel(s), {card.bits} bits, {card.encoding}",
        ),
        ("splits", ", ".join(f"{name} {'unknown' if count is None else count}" for name, count in card.splits.items())),
        ("tasks", ", ".join(card.tasks)),
        ("on disk", _state(info) if info else "not prepared"),
    ):
        say(f"  {label:<10} {text}")
    if card.manual_steps:
        say(f"\nHow to get it: {card.manual_steps}")
    say("\nProtocols (the first is the primary):")
    for spec in card.protocols:
        say(f"  {spec.id:<22} {spec.title}: {spec.why}")
    say("\nKnown issues:")
    for issue in card.known_issues or ("none known",):
        say(f"  - {issue}")
    prepared = info.model_dump(mode="json", by_alias=True, exclude={"content"}) if info else None
    return Answer({"card": card.model_dump(mode="json", by_alias=True), "prepared": prepared})


def _verify(session: Session, dataset: DatasetArgument) -> Answer:
    """Hash every stored file of a prepared dataset again."""
    from ldpbench.data.prepared import open_prepared

    prepared = open_prepared(session.home, dataset)
    prepared.verify(session.reporter)
    session.reporter.line(f"{dataset}: all {len(prepared.info.content)} files are what was stored")
    return Answer({"id": dataset, "files": len(prepared.info.content), "fingerprint": prepared.info.fingerprint})


def _remove(
    session: Session,
    dataset: DatasetArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> Answer:
    """Remove a prepared dataset from disk. Runs and results stay."""
    from ldpbench.core.atomic import explaining_storage
    from ldpbench.data.cards import load_card

    folder = session.home.datasets / load_card(dataset).id
    if not folder.exists():  # a damaged set can be removed as well, so it is not opened
        raise MissingPrerequisiteError(f"dataset {dataset} is not in {session.home.datasets}", hint="nothing to remove")
    if not yes:
        typer.confirm(f"Remove {folder}?", abort=True, err=True)
    with explaining_storage("remove", folder):
        shutil.rmtree(folder)
    session.reporter.line(f"removed {folder}")
    return Answer({"id": dataset, "folder": folder})
