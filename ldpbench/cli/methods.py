"""``methods`` and ``deblur``: who can run, and running one on one pair."""

from pathlib import Path
from typing import Annotated

import typer

from ldpbench.cli.options import DeviceOption, TileOption, TlcOption, demand_device
from ldpbench.cli.session import Answer, Session, command

DEFAULT_METHOD = "dp-wiener"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Look at the methods.", epilog="Example: ldpbench methods list", no_args_is_help=True)
    command(group, "list", schema="methods.list", example="ldpbench methods list")(_list)
    command(group, "info", schema="methods.info", example="ldpbench methods info dp-wiener")(_info)
    app.add_typer(group, name="methods")
    command(app, "deblur", schema="deblur", example="ldpbench deblur left.png right.png -o sharp.png")(_deblur)


def _list(session: Session) -> Answer:
    """List every installed method."""
    from ldpbench.methods.loading import baseline_records

    records = baseline_records()
    session.reporter.table(
        ("method", "title", "kind", "inputs", "licence", "parameters"),
        (
            (
                record.id,
                record.title,
                record.kind,
                ", ".join(record.inputs),
                record.licence_code,
                "none" if not record.parameters else f"{record.parameters:,}",
            )
            for record in records.values()
        ),
        numbers=1,
    )
    return Answer([record.model_dump(mode="json", by_alias=True) for record in records.values()])


def _info(session: Session, method: Annotated[str, typer.Argument(help="A method's id or plugin folder.")]) -> Answer:
    """Show a method's record."""
    from ldpbench.methods.loading import load_method

    loaded = load_method(method)
    record = loaded.record
    say = session.reporter.line
    say(f"{record.title} ({record.id}, version {record.version})")
    say(record.summary)
    say()
    paper = f"{record.paper.title}, {record.paper.venue} {record.paper.year}" if record.paper else "none"
    for label, text in (
        ("kind", record.kind),
        ("paper", paper),
        ("inputs", ", ".join(record.inputs)),
        ("licence", record.licence_code),
        ("code", f"sha256 {loaded.code_sha256}"),
    ):
        say(f"  {label:<8} {text}")
    for issue in record.known_issues:
        say(f"  - {issue}")
    return Answer({**record.model_dump(mode="json", by_alias=True), "code_sha256": loaded.code_sha256})


def _deblur(
    session: Session,
    left: Annotated[Path, typer.Argument(help="The left view, 8- or 16-bit.")],
    right: Annotated[Path, typer.Argument(help="The right view.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The PNG to write, of the views' bit depth.")],
    method: Annotated[
        str, typer.Option("--method", "-m", help="A method's id, its plugin folder, or a checkpoint folder.")
    ] = DEFAULT_METHOD,
    tile: TileOption = None,
    tlc: TlcOption = None,
    device: DeviceOption = "cpu",
) -> Answer:
    """Restore one dual-pixel pair."""
    from ldpbench.core.allocator import keep_freed_memory
    from ldpbench.data import png16
    from ldpbench.methods.inference import Inference
    from ldpbench.methods.loading import load_method
    from ldpbench.methods.runtime import restore_pair
    from ldpbench.methods.tiling import Tiling

    demand_device(device)
    keep_freed_memory()
    views = [png16.read(path) for path in (left, right)]
    bits = 8 * views[0].itemsize
    loaded = load_method(method, device=device, inference=Inference(None if tile is None else Tiling(tile), tlc))
    session.reporter.note(f"{loaded.record.title}: {views[0].shape[1]}x{views[0].shape[0]} px, {bits} bits")
    image = restore_pair(loaded.deblurrer, *views)
    png16.write(out, png16.to_codes(image, bits))
    session.reporter.line(f"{out}")
    return Answer({"out": out, "method": loaded.record.id, "bits": bits, "shape": list(views[0].shape)})
