"""``weights``: what others have trained, where it lies, and whether it is what they published."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ldpbench.cli.options import OfflineOption
from ldpbench.cli.session import Answer, Session, command
from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError

NamesArgument = Annotated[list[str] | None, typer.Argument(help="Names as `ldpbench weights list` shows them.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Fetch and check the weights of others.",
        epilog="Example: ldpbench weights get clip-vit-b-32",
        no_args_is_help=True,
    )
    command(group, "list", schema="weights.list", example="ldpbench weights list")(_list)
    command(group, "get", schema="weights.get", example="ldpbench weights get clip-vit-b-32")(_get)
    command(group, "verify", schema="weights.verify", example="ldpbench weights verify clip-vit-b-32")(_verify)
    app.add_typer(group, name="weights")


def _list(session: Session) -> Answer:
    """List every weights file that is known, and whether it is here."""
    from ldpbench.blurmap.clip.weights import MODELS, kept_file

    rows = []
    for model in MODELS.values():
        path = kept_file(model, session.home.weights)
        rows.append(
            {
                "name": model.id,
                "file": model.file,
                "licence": model.licence,
                "sha256": model.sha256,
                "uri": model.remote.uris[0],
                "hub": model.hub,
                "path": path,
            }
        )
    session.reporter.table(
        ("name", "file", "licence", "sha256", "here"),
        (
            (
                str(row["name"]),
                str(row["file"]),
                str(row["licence"]),
                str(row["sha256"]),
                "yes" if row["path"] else "no",
            )
            for row in rows
        ),
    )
    return Answer(rows)


class Place(StrEnum):
    """Where weights are fetched from."""

    PUBLISHER = "publisher"
    HUB = "hub"


def _get(
    session: Session,
    names: NamesArgument = None,
    place: Annotated[
        Place, typer.Option("--from", help="The publisher's own file, or safetensors on the Hugging Face Hub.")
    ] = Place.PUBLISHER,
    offline: OfflineOption = False,
) -> Answer:
    """Fetch weights, verified where a checksum was published; what is here already is left alone."""
    from ldpbench.blurmap.clip.weights import MODELS, clip_model
    from ldpbench.data.fetch.files import fetch_files

    models = [clip_model(name) for name in names or MODELS]
    files = {model.id: model.remote if place is Place.PUBLISHER else model.on_hub for model in models}
    folder = session.home.weights
    fetch_files(list(files.values()), folder, offline=offline, progress=session.reporter)
    paths = {name: folder / file.name for name, file in files.items()}
    for name, path in paths.items():
        session.reporter.line(f"{name} is in {path}")
    if place is Place.HUB:
        session.reporter.note("nobody published a checksum of these files: `ldpbench doctor` compares their numbers")
    return Answer(paths)


def _verify(session: Session, names: NamesArgument = None) -> Answer:
    """Hash the weights that are here again and compare them with what was published.

    Of a safetensors file nobody published a checksum: there it is looked at whether it is whole and fits the model.
    """
    from ldpbench.blurmap.clip.weights import MODELS, clip_model, kept_file
    from ldpbench.core.hashing import sha256_file

    wanted = [clip_model(name) for name in names or MODELS]
    here: dict[str, Path] = {}
    for model in wanted:
        path = kept_file(model, session.home.weights)
        if path is not None:
            here[model.id] = path
        elif names:
            raise MissingPrerequisiteError(
                f"{model.id} is not in {session.home.weights}", hint=f"run `ldpbench weights get {model.id}`"
            )
    if not here:
        session.reporter.line(f"no weights are in {session.home.weights}")
        return Answer({})
    items = session.reporter.track(here.items(), label="verifying weights", total=len(here))
    found = {name: sha256_file(path) for name, path in items}
    published = {name for name, path in here.items() if path.name == MODELS[name].file}
    faults = [
        f"{here[name]}: expected sha256 {MODELS[name].sha256}, found {found[name]}"
        for name in here
        if name in published and found[name] != MODELS[name].sha256
    ]
    if faults:
        raise IntegrityError(
            f"{len(faults)} of {len(here)} weights files are not what was published",
            hint="delete them and run `ldpbench weights get` again",
            faults=faults,
        )
    for name, path in here.items():
        if name not in published:
            _demand_fit(name, path)
        said = "" if name in published else f": whole and of the right shape; no checksum is published for {path.name}"
        session.reporter.line(f"ok  {name}{said}")
    return Answer({name: {"path": here[name], "sha256": found[name], "published": name in published} for name in here})


def _demand_fit(name: str, path: Path) -> None:
    from ldpbench.blurmap.clip.weights import load_encoder

    load_encoder(name, str(path))
