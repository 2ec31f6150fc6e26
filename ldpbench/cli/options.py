"""Options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ldpbench.core.errors import MissingPrerequisiteError, UsageError

if TYPE_CHECKING:
    from ldpbench.methods.inference import Inference

MethodsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--method", "-m", help="A method's id, plugin folder or checkpoint folder; may be given several times."
    ),
]
DatasetsOption = Annotated[
    list[str] | None, typer.Option("--dataset", "-d", help="A dataset's id; may be given several times.")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Do it again even if it is done.")]
PartialOption = Annotated[
    bool, typer.Option("--allow-partial", help="Accept a subset; it is marked as one everywhere.")
]
SourceOption = Annotated[
    str | None, typer.Option("--source", help="A folder, archive or fsspec URI with the set in any known layout.")
]
SplitsOption = Annotated[list[str] | None, typer.Option("--split", help="Only this split; may be given several times.")]
OfflineOption = Annotated[
    bool, typer.Option("--offline", envvar="LDPBENCH_OFFLINE", help="Open no connection; use what was fetched before.")
]
JobsOption = Annotated[int, typer.Option("--jobs", "-j", min=1, max=64, help="Files or scenes to work on at a time.")]
DeviceOption = Annotated[str, typer.Option("--device", help="cpu or cuda.")]
TileOption = Annotated[
    int | None, typer.Option("--tile", min=64, help="Side in px of the tiles a network sees; left out: whole pictures.")
]
TlcOption = Annotated[
    int | None,
    typer.Option("--tlc", min=16, help="Local averages (TLC) for a network trained on patches of so many px."),
]
WindowsOption = Annotated[
    int | None,
    typer.Option("--windows", min=16, help="Side in px of windows side by side, as DeepRFT is tested."),
]
WholeOption = Annotated[
    bool, typer.Option("--whole", help="Whole pictures also for methods whose authors test in another way.")
]
WeightsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--weights",
        help="NAME=FILE: weights for a method in place of the published ones; several files with commas. May be given "
        "several times.",
    ),
]
RunsOption = Annotated[
    str | None,
    typer.Option("--runs", help="Where run folders are: a folder, or an address such as s3://bucket/runs."),
]
OutOption = Annotated[Path | None, typer.Option("--out", "-o", help="Where to write.")]


def chosen_inference(*, whole: bool, tile: int | None, windows: int | None, tlc: int | None) -> "Inference | None":
    """How methods see a picture by the options; None for each method's own way.

    Raises:
        UsageError: If more than one way is asked for.
    """
    from ldpbench.methods.inference import Inference
    from ldpbench.methods.tiling import Tiling

    if not whole and tile is windows is tlc is None:
        return None
    asked = Inference(tiles=None if tile is None else Tiling(tile), windows_px=windows, tlc_px=tlc)
    if whole and asked.kind != "whole":
        raise UsageError("--whole excludes --tile, --windows and --tlc", hint="choose one of them")
    return asked


def demand_device(device: str) -> None:
    """Check a ``--device``.

    Raises:
        UsageError: If it is neither the CPU nor a CUDA device.
        MissingPrerequisiteError: If there is no CUDA device here.
    """
    if device.partition(":")[0] not in ("cpu", "cuda"):
        raise UsageError(f"--device: expected cpu or cuda, found {device!r}")
    if device.startswith("cuda"):
        import torch

        if not torch.cuda.is_available():
            raise MissingPrerequisiteError(
                "--device cuda: no CUDA device can be used here", hint="leave it out for the CPU"
            )
