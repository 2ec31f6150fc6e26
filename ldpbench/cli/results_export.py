"""``results export``: boards as files, as the pages show them or with every digit."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ldpbench.cli.options import DatasetsOption, OutOption
from ldpbench.cli.results_boards import EVERYTHING, Wanted, read_boards
from ldpbench.cli.session import Answer, Session, command
from ldpbench.core.errors import UsageError

if TYPE_CHECKING:
    from ldpbench.results.views import Board
    from ldpbench.site.exports import ShownTable


def register(group: typer.Typer) -> None:
    """Add the command."""
    example = "ldpbench results export --format latex --dataset sample --protocol srgb -o board.tex"
    command(group, "export", schema="results.export", example=example)(_export)


def _export(
    session: Session,
    format_: Annotated[str, typer.Option("--format", "-f", help="csv, json, markdown, latex or parquet.")] = "csv",
    dataset: DatasetsOption = None,
    protocol: Annotated[
        list[str] | None, typer.Option("--protocol", help="Only this protocol; may be given several times.")
    ] = None,
    region: Annotated[str | None, typer.Option("--region", help="Part of every picture, such as near.")] = None,
    group: Annotated[str | None, typer.Option("--group", help="Group of scenes, such as indoor.")] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", help="Only these, by key and with commas, such as rank,psnr,licence.")
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Every digit of every board, one line a row; csv or json.")
    ] = False,
    out: OutOption = None,
) -> Answer:
    """Export boards exactly as the pages show them at first; the pages' own downloads are the same."""
    from ldpbench.core.atomic import write_bytes

    wanted = Wanted(
        datasets=set(dataset) if dataset else None,
        protocols=set(protocol) if protocol else None,
        regions=_one(region, exact=exact),
        groups=_one(group, exact=exact),
    )
    found = read_boards(session, wanted)
    content = _exact(format_, found) if exact else _as_shown(format_, found, columns.split(",") if columns else None)
    if out is not None:
        write_bytes(Path(out), content)
        session.reporter.line(str(out))
    elif format_ == "parquet":
        raise UsageError("Parquet is not text", hint="name a file with --out")
    else:
        session.reporter.line(content.decode().rstrip("\n"))
    text = None if out else content.decode()
    return Answer({"format": format_, "out": out, "text": text})


def _one(name: str | None, *, exact: bool) -> frozenset[str] | None:
    """The named region or group; else every one of them, or the whole."""
    if name is None and exact:
        return None
    return frozenset({name or EVERYTHING})


def _exact(format_: str, found: "Sequence[Board]") -> bytes:
    from ldpbench.results.export import EXACT

    if format_ not in EXACT:
        raise UsageError(f"--exact has no format {format_!r}", hint=f"known: {', '.join(EXACT)}")
    return EXACT[format_](found).encode()


def _as_shown(format_: str, found: "Sequence[Board]", columns: Sequence[str] | None) -> bytes:
    from ldpbench.site.exports import FORMATS, TEXTS, to_document, to_parquet

    if format_ not in FORMATS:
        raise UsageError(f"no export format is called {format_!r}", hint=f"known: {', '.join(FORMATS)}")
    tables = _shown_tables(found, columns)
    if format_ == "json":
        return (json.dumps([to_document(table) for table in tables], indent=2, ensure_ascii=False) + "\n").encode()
    if format_ in ("csv", "parquet") and len(tables) != 1:
        names = ", ".join(f"{board.protocol.id} ({board.protocol.split})" for board in found)
        raise UsageError(
            f"{format_} holds one table, and {len(tables)} boards fit: {names or 'none'}",
            hint="choose with --dataset and --protocol, or take every board with --exact",
        )
    if format_ == "parquet":
        return to_parquet(tables[0])
    return "\n".join(TEXTS[format_](table) for table in tables).encode()


def _shown_tables(found: "Sequence[Board]", columns: Sequence[str] | None) -> "list[ShownTable]":
    from ldpbench.site.board import shown_board
    from ldpbench.site.build import known_facts
    from ldpbench.site.exports import shown
    from ldpbench.site.lookup import Lookup

    lookup = Lookup(known_facts(tuple(found)), {})
    return [shown(shown_board(board, lookup), columns) for board in found]
