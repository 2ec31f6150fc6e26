"""``weights``: what others have trained, where it lies, and whether it is what they published."""

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


def _get(session: Session, names: NamesArgument = None, offline: OfflineOption = False) -> Answer:
    """Fetch weights from their publisher, verified; what is here already is left alone."""
    from ldpbench.blurmap.clip.weights import MODELS, clip_model
    from ldpbench.data.fetch.files import fetch_files

    models = [clip_model(name) for name in names or MODELS]
    folder = session.home.weights
    fetch_files([model.remote for model in models], folder, offline=offline, progress=session.reporter)
    paths = {model.id: folder / model.file for model in models}
    for name, path in paths.items():
        session.reporter.line(f"{name} is in {path}")
    return Answer(paths)


def _verify(session: Session, names: NamesArgument = None) -> Answer:
    """Hash the weights that are here again and compare them with what was published."""
    from ldpbench.blurmap.clip.weights import MODELS, clip_model
    from ldpbench.core.hashing import sha256_file

    wanted = [clip_model(name) for name in names or MODELS]
    here: dict[str, Path] = {}
    for model in wanted:
        path = session.home.weights / model.file
        if path.is_file():
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
    faults = [
        f"{here[name]}: expected sha256 {MODELS[name].sha256}, found {digest}"
        for name, digest in found.items()
        if digest != MODELS[name].sha256
    ]
    if faults:
        raise IntegrityError(
            f"{len(faults)} of {len(here)} weights files are not what was published",
            hint="delete them and run `ldpbench weights get` again",
            faults=faults,
        )
    for name in found:
        session.reporter.line(f"ok  {name}")
    return Answer({name: {"path": here[name], "sha256": digest} for name, digest in found.items()})
