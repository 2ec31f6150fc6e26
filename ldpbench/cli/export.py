"""``export``: a trained network for other people and other programs."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ldpbench.cli.options import ForceOption
from ldpbench.cli.session import Answer, Session, command
from ldpbench.core.errors import UsageError


class ExportFormat(StrEnum):
    """What a checkpoint can be written as."""

    ONNX = "onnx"
    SAFETENSORS = "safetensors"


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "export", schema="export", example="ldpbench export runs/ldp-small/final -o ldp-small.onnx")(_export)


def _export(
    session: Session,
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint: the `final` folder of a training run.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The file NAME.onnx, or the folder, to make.")],
    form: Annotated[
        ExportFormat | None, typer.Option("--format", help="Taken from --out: onnx for NAME.onnx, else safetensors.")
    ] = None,
    push: Annotated[
        str | None, typer.Option("--push", help="Push the folder to this model repository: hf://owner/name.")
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
    force: ForceOption = False,
) -> Answer:
    """Write a trained network as one ONNX file, or as a folder with weights, record and model card.

    The ONNX file takes pictures of any size and is compared with the network before it is written. The folder is a
    method like any other: `ldpbench evaluate --method FOLDER`.
    """
    is_onnx = out.suffix == ".onnx"
    chosen = form or (ExportFormat.ONNX if is_onnx else ExportFormat.SAFETENSORS)
    if (chosen is ExportFormat.ONNX) != is_onnx:
        raise UsageError(
            f"--format {chosen.value} does not go with --out {out}",
            hint="an ONNX file is called NAME.onnx, and a folder is not",
        )
    if chosen is ExportFormat.ONNX:
        if push is not None or private:
            raise UsageError("--push and --private are for --format safetensors", hint="push the folder instead")
        return _onnx(session, checkpoint, out, force=force)
    return _folder(session, checkpoint, out, push=push, private=private, force=force)


def _onnx(session: Session, checkpoint: Path, out: Path, *, force: bool) -> Answer:
    from ldpbench.training.export.onnx import export_onnx

    if out.is_dir() or (out.exists() and not force):
        raise UsageError(f"--out {out} is there already", hint="choose another, or --force for a file")
    session.reporter.note("translating the network; this takes a while")
    done = export_onnx(checkpoint, out)
    sizes = " and ".join(f"{height} x {width}" for height, width in done.compared_px)
    session.reporter.line(f"{checkpoint} written as {out}")
    session.reporter.line(f"  takes     multiples of {done.multiple_of} px, from {done.smallest_px} px on")
    session.reporter.line(f"  compared  {done.largest_difference:.1e} from torch at most, on {sizes} px")
    data: dict[str, Any] = {"format": "onnx", **vars(done)}
    return Answer(data)


def _folder(session: Session, checkpoint: Path, out: Path, *, push: str | None, private: bool, force: bool) -> Answer:
    from ldpbench.training.export.hub import push_folder, repository_of
    from ldpbench.training.export.safetensors import export_folder

    if private and push is None:
        raise UsageError("--private is for --push", hint="leave it out")
    if push is not None:
        repository_of(push)  # before anything is written
    done = export_folder(checkpoint, out, runs=session.home.runs, force=force)
    session.reporter.line(f"{checkpoint} written as {out}: {', '.join(done.files)}")
    if not done.measured:
        session.reporter.note("the model card has no scores: these weights were not evaluated in this home")
    data: dict[str, Any] = {
        "format": "safetensors",
        "folder": out,
        "files": done.files,
        "weights_sha256": done.record.weights.sha256,
        "scores": len(done.measured),
    }
    if push is not None:
        data["pushed"] = push_folder(out, push, private=private)
        session.reporter.line(f"  pushed to  {push}")
    return Answer(data)
