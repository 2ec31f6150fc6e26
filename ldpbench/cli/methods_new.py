"""``methods new``: the folder of one's own method."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ldpbench.cli.session import Answer, Session, command
from ldpbench.core.errors import UsageError


def register(group: typer.Typer) -> None:
    """Add the command to the group ``methods``."""
    command(group, "new", schema="methods.new", example="ldpbench methods new my-net")(_new)


class Skeleton(StrEnum):
    """What to start from."""

    NETWORK = "network"
    TRAINING_FREE = "training-free"


def _new(
    session: Session,
    method: Annotated[str, typer.Argument(help="Its id: small letters, digits and dashes.")],
    parent: Annotated[
        Path | None, typer.Option("--in", help="Write the folder into this one; left out: baselines.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write this very folder, named after the id.")] = None,
    kind: Annotated[
        Skeleton, typer.Option("--kind", help="A network with weights, or a method without any.")
    ] = Skeleton.NETWORK,
) -> Answer:
    """Write the folder of a new method: small, and it runs as it is."""
    from ldpbench.methods.new import new_method

    if parent is not None and out is not None:
        raise UsageError("--in and --out exclude each other", hint="choose one of them")
    folder = (out if out is not None else (parent or Path("baselines")) / method).expanduser()
    files = new_method(method, folder, kind.value)
    commands = _next_commands(method, folder, kind)
    say = session.reporter.line
    for path in files:
        say(f"{path}")
    say()
    say("Next:")
    width = max(len(line) for line, _ in commands)
    for line, what in commands:
        say(f"  {line:<{width}}  # {what}")
    return Answer({"method": method, "folder": folder, "files": files, "next": [line for line, _ in commands]})


def _next_commands(method: str, folder: Path, kind: Skeleton) -> list[tuple[str, str]]:
    """Command lines and what they are for."""
    evaluate = f"ldpbench evaluate --method {folder} --dataset sample"
    check = (f"ldpbench check {folder}", "after every change")
    if kind is Skeleton.TRAINING_FREE:
        return [check, (evaluate, "its scores"), ("ldpbench leaderboard build", "its page")]
    return [
        check,
        (f"{evaluate} --untrained", "its time, before it is trained"),
        (f"{evaluate} --weights {method}=FILE", "its scores, with the weights you trained"),
    ]
