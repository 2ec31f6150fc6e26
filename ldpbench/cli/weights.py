"""``weights``: what others have trained, where it lies, and whether it is what they published."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ldpbench.cli.options import OfflineOption
from ldpbench.cli.session import Answer, Session, command
from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError, UsageError
from ldpbench.core.names import unknown_name

if TYPE_CHECKING:
    from ldpbench.blurmap.clip.weights import ClipModel
    from ldpbench.methods.find import FoundMethod

NamesArgument = Annotated[list[str] | None, typer.Argument(help="Names as `ldpbench weights list` shows them.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Fetch and check the weights of others.",
        epilog="Example: ldpbench weights get restormer",
        no_args_is_help=True,
    )
    command(group, "list", schema="weights.list", example="ldpbench weights list")(_list)
    command(group, "get", schema="weights.get", example="ldpbench weights get restormer")(_get)
    command(group, "verify", schema="weights.verify", example="ldpbench weights verify restormer")(_verify)
    app.add_typer(group, name="weights")


def _methods() -> "dict[str, FoundMethod]":
    """Methods with published weights."""
    from ldpbench.methods.find import find_methods

    return {name: method for name, method in find_methods().items() if method.record.weights}


def _models() -> "Mapping[str, ClipModel]":
    from ldpbench.blurmap.clip.weights import MODELS

    return MODELS


def _demand_known(names: list[str]) -> None:
    known = [*_models(), *_methods()]
    for name in names:
        if name not in known:
            raise unknown_name("weights", name, known)


def _list(session: Session) -> Answer:
    """List every weights file that is known, and whether it is here."""
    rows = [*_clip_rows(session), *_method_rows()]
    session.reporter.table(
        ("name", "file", "here", "to be had", "checksum", "licence"),
        (
            (
                str(row["name"]),
                str(row["file"]),
                "yes" if row["path"] else "no",
                "by a program" if row["uris"] else "by hand",
                _short(row["checksum"]),
                str(row["licence"]),
            )
            for row in rows
        ),
    )
    return Answer(rows)


def _short(checksum: Any) -> str:
    return "none published" if checksum is None else str(checksum)[:20]


def _clip_rows(session: Session) -> list[dict[str, Any]]:
    from ldpbench.blurmap.clip.weights import kept_file

    return [
        {
            "name": model.id,
            "file": model.file,
            "licence": model.licence,
            "bytes": model.bytes,
            "checksum": f"sha256:{model.sha256}",
            "uris": list(model.remote.uris),
            "page": None,
            "hub": model.hub,
            "path": kept_file(model, session.home.weights),
        }
        for model in _models().values()
    ]


def _method_rows() -> list[dict[str, Any]]:
    from ldpbench.methods.weights import kept_folder

    rows: list[dict[str, Any]] = []
    for name, method in _methods().items():
        for ref in method.record.weights:
            path = kept_folder(method) / ref.name
            rows.append(
                {
                    "name": name,
                    "file": ref.name,
                    "licence": ref.licence,
                    "bytes": ref.bytes,
                    "checksum": ref.checksum,
                    "uris": list(ref.uris),
                    "page": ref.page,
                    "hub": None,
                    "path": path if path.is_file() else None,
                }
            )
    return rows


class Place(StrEnum):
    """Where weights are fetched from."""

    PUBLISHER = "publisher"
    HUB = "hub"


def _get(
    session: Session,
    names: NamesArgument = None,
    place: Annotated[
        Place,
        typer.Option("--from", help="CLIP's: the publisher's own file, or safetensors from the Hugging Face Hub."),
    ] = Place.PUBLISHER,
    offline: OfflineOption = False,
) -> Answer:
    """Fetch weights, verified where a checksum was published; what is here already is left alone."""
    if not names:
        raise UsageError("no weights were named", hint="`ldpbench weights list` shows what there is")
    _demand_known(names)
    paths: dict[str, Any] = {}
    for name in names:
        paths[name] = (
            _get_clip(session, name, place, offline=offline)
            if name in _models()
            else _get_method(session, name, offline=offline)
        )
    if place is Place.HUB:
        session.reporter.note("nobody published a checksum of these files: `ldpbench doctor` compares their numbers")
    return Answer(paths)


def _get_clip(session: Session, name: str, place: Place, *, offline: bool) -> Path:
    from ldpbench.data.fetch.files import fetch_files

    model = _models()[name]
    file = model.remote if place is Place.PUBLISHER else model.on_hub
    fetch_files([file], session.home.weights, offline=offline, progress=session.reporter)
    path = session.home.weights / file.name
    session.reporter.line(f"{name} is in {path}")
    return path


def _get_method(session: Session, name: str, *, offline: bool) -> list[Path]:
    from ldpbench.methods.fetch_weights import fetch_weights

    method = _methods()[name]
    session.reporter.note(
        f"{method.record.title}: licence of the weights: {method.record.licence_weights or 'unknown'}"
    )
    paths = fetch_weights(method, offline=offline, progress=session.reporter)
    for path, ref in zip(paths, method.record.weights, strict=True):
        unproved = "" if ref.checksum else "; no checksum is published for it"
        session.reporter.line(f"{name} is in {path}{unproved}")
    return list(paths)


def _verify(session: Session, names: NamesArgument = None) -> Answer:
    """Hash the weights that are here again, compare them with what was published, and load them into the network."""
    _demand_known(names or [])
    here = _all_here(session)
    for name in names or []:
        if name not in here:
            raise MissingPrerequisiteError(
                f"{name} is not in {session.home.weights}", hint=f"run `ldpbench weights get {name}`"
            )
    wanted = names or here
    if not wanted:
        session.reporter.line(f"no weights are in {session.home.weights}")
        return Answer({})
    found: dict[str, Any] = {}
    faults: list[str] = []
    for name in session.reporter.track(wanted, label="verifying weights", total=len(wanted)):
        try:
            found[name] = _verify_clip(session, name) if name in _models() else _verify_method(name)
        except IntegrityError as error:
            faults += [error.message, *error.faults]
    for name, facts in found.items():
        said = "" if facts["published"] else ": whole and of the right shape; no checksum is published for it"
        session.reporter.line(f"ok  {name}{said}")
    if faults:
        bad = len(wanted) - len(found)
        raise IntegrityError(
            f"the weights of {bad} of {len(wanted)} names are not what was published",
            hint="delete them and run `ldpbench weights get` again",
            faults=faults,
        )
    return Answer(found)


def _all_here(session: Session) -> list[str]:
    from ldpbench.blurmap.clip.weights import kept_file
    from ldpbench.methods.weights import fetched_weights

    clip = [name for name, model in _models().items() if kept_file(model, session.home.weights) is not None]
    return [*clip, *(name for name, method in _methods().items() if fetched_weights(method) is not None)]


def _verify_clip(session: Session, name: str) -> dict[str, Any]:
    """Of a safetensors file nobody published a checksum: there it is looked at whether it is whole and fits."""
    from ldpbench.blurmap.clip.weights import kept_file, load_encoder
    from ldpbench.core.hashing import sha256_file

    model = _models()[name]
    path = kept_file(model, session.home.weights)
    assert path is not None, "looked for before"
    found = sha256_file(path)
    published = path.name == model.file
    if published and found != model.sha256:
        raise IntegrityError(f"{path}: expected sha256 {model.sha256}, found {found}")
    if not published:
        load_encoder(name, str(path))
    return {"path": path, "sha256": found, "published": published}


def _verify_method(name: str) -> dict[str, Any]:
    from ldpbench.methods.fetch_weights import verify_weights

    verified = verify_weights(_methods()[name])
    return {"path": list(verified.paths), "sha256": list(verified.sha256), "published": verified.published}
