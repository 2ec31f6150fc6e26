"""``methods`` and ``deblur``: who can run, and running one on one pair."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ldpbench.cli import methods_new
from ldpbench.cli.options import (
    DeviceOption,
    MemoryOption,
    OverlapOption,
    OwnStatisticsOption,
    TileOption,
    TlcOption,
    WholeOption,
    WindowsOption,
    chosen_inference,
    demand_device,
)
from ldpbench.cli.session import Answer, Session, command

if TYPE_CHECKING:
    from ldpbench.records import BaselineRecord

DEFAULT_METHOD = "dp-wiener"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Look at the methods.", epilog="Example: ldpbench methods list", no_args_is_help=True)
    command(group, "list", schema="methods.list", example="ldpbench methods list")(_list)
    command(group, "info", schema="methods.info", example="ldpbench methods info dp-wiener")(_info)
    methods_new.register(group)
    app.add_typer(group, name="methods")
    command(app, "deblur", schema="deblur", example="ldpbench deblur left.png right.png -o sharp.png")(_deblur)


def _list(session: Session) -> Answer:
    """List every installed method, and whether it can run."""
    from ldpbench.methods.find import find_methods
    from ldpbench.methods.weights import lacking

    methods = list(find_methods().values())
    reasons = {method.record.id: method.record.skipped or lacking(method) for method in methods}
    session.reporter.table(
        ("method", "title", "kind", "inputs", "parameters", "can run"),
        (
            (
                method.record.id,
                method.record.title,
                method.record.kind,
                ", ".join(method.record.inputs),
                "none" if not method.record.parameters else f"{method.record.parameters:,}",
                "needs weights" if reasons[method.record.id] else "yes",
            )
            for method in methods
        ),
        numbers=2,
    )
    return Answer(
        [
            {**method.record.model_dump(mode="json", by_alias=True), "cannot_run": reasons[method.record.id]}
            for method in methods
        ]
    )


def _info(session: Session, method: Annotated[str, typer.Argument(help="A method's id or plugin folder.")]) -> Answer:
    """Show a method's record."""
    from ldpbench.methods.find import find_method
    from ldpbench.methods.loading import load_method
    from ldpbench.methods.weights import lacking

    found = find_method(method)
    if found.is_checkpoint or not found.record.needs_weights:
        load_method(found)  # a folder that cannot be loaded is no method
    record = found.record
    say = session.reporter.line
    say(f"{record.title} ({record.id}, version {record.version})")
    say(record.summary)
    say()
    for label, text in _facts(record):
        say(f"  {label:<12} {text}")
    say(f"  {'code':<12} sha256 {found.code_sha256}")
    reason = record.skipped or lacking(found)
    say(f"  {'can run':<12} {reason or 'yes'}")
    for issue in record.known_issues:
        say(f"  - {issue}")
    facts = record.model_dump(mode="json", by_alias=True)
    return Answer({**facts, "code_sha256": found.code_sha256, "cannot_run": reason})


def _facts(record: "BaselineRecord") -> list[tuple[str, str]]:
    paper = f"{record.paper.title}, {record.paper.venue} {record.paper.year}" if record.paper else "none"
    facts = [("kind", record.kind), ("paper", paper), ("inputs", ", ".join(record.inputs))]
    facts.append(("licence", record.licence_code))
    if record.kind != "network" or record.code is None:
        return facts
    low, high = record.value_range
    others = [kind for kind in record.inference.supported if kind != record.inference.default.partition(":")[0]]
    cost = "unknown" if record.macs_256 is None else f"{record.macs_256 / 1e9:.2f} G multiply-adds at 256x256"
    return [
        *facts,
        ("fed with", f"{record.channel_order.upper()} in [{low:g}, {high:g}], {record.bits or 'any'} bits"),
        ("size", f"multiples of {record.size.multiple_of} px, at least {record.size.minimum_px} px"),
        ("adds", record.residual),
        ("inference", "; also ".join(filter(None, [record.inference.default, ", ".join(others)]))),
        ("parameters", f"{record.parameters:,}" if record.parameters else "unknown"),
        ("cost", cost),
        ("weights", ", ".join(ref.name for ref in record.weights) or "nobody published any"),
    ]


def _deblur(
    session: Session,
    left: Annotated[Path, typer.Argument(help="The left view, 8- or 16-bit.")],
    right: Annotated[Path, typer.Argument(help="The right view.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The PNG to write, of the views' bit depth.")],
    method: Annotated[
        str, typer.Option("--method", "-m", help="A method's id, its plugin folder, or a checkpoint folder.")
    ] = DEFAULT_METHOD,
    tile: TileOption = None,
    overlap: OverlapOption = 32,
    memory: MemoryOption = None,
    own_statistics: OwnStatisticsOption = False,
    tlc: TlcOption = None,
    windows: WindowsOption = None,
    whole: WholeOption = False,
    weights: Annotated[
        str | None, typer.Option("--weights", help="Weights in place of the published ones; several with commas.")
    ] = None,
    device: DeviceOption = "cpu",
) -> Answer:
    """Restore one dual-pixel pair."""
    from ldpbench.core.allocator import keep_freed_memory
    from ldpbench.data import png16
    from ldpbench.methods.loading import load_method
    from ldpbench.methods.runtime import restore_pair

    demand_device(device)
    keep_freed_memory()
    views = [png16.read(path) for path in (left, right)]
    bits = 8 * views[0].itemsize
    way = chosen_inference(
        whole=whole,
        tile=tile,
        windows=windows,
        tlc=tlc,
        overlap=overlap,
        memory=memory,
        own_statistics=own_statistics,
    )
    loaded = load_method(method, device=device, inference=way, weights=weights)
    for note in loaded.notes:
        session.reporter.note(note)
    session.reporter.note(f"{loaded.record.title}: {views[0].shape[1]}x{views[0].shape[0]} px, {bits} bits")
    image = restore_pair(loaded.deblurrer, *views)
    png16.write(out, png16.to_codes(image, bits))
    session.reporter.line(f"{out}")
    return Answer({"out": out, "method": loaded.record.id, "bits": bits, "shape": list(views[0].shape)})
