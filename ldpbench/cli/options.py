"""Options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ldpbench.core.errors import MissingPrerequisiteError, UsageError

if TYPE_CHECKING:
    from ldpbench.methods.auto_tiles import AutoTiling
    from ldpbench.methods.inference import Inference
    from ldpbench.methods.tiling import Tiling

AUTO = "auto"
MIN_TILE_PX = 64

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
    str | None,
    typer.Option(
        "--tile",
        help="Side in px of the tiles a network sees, or auto: the largest that fit. Left out: whole pictures.",
    ),
]
OverlapOption = Annotated[int, typer.Option("--overlap", min=0, help="Pixels that neighbouring tiles share.")]
MemoryOption = Annotated[
    str | None,
    typer.Option("--memory", help="With --tile auto: what may be taken, such as 3GB; left out: what is free."),
]
OwnStatisticsOption = Annotated[
    bool,
    typer.Option(
        "--own-statistics",
        help="Every tile takes its own means where a network takes them over the picture: less memory, other numbers.",
    ),
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


def chosen_inference(
    *,
    whole: bool,
    tile: str | None,
    windows: int | None,
    tlc: int | None,
    overlap: int = 32,
    memory: str | None = None,
    own_statistics: bool = False,
) -> "Inference | None":
    """How methods see a picture by the options; None for each method's own way.

    Raises:
        UsageError: If more than one way is asked for, or an option does not go with the others.
    """
    from ldpbench.methods.inference import Inference

    if memory is not None and tile != AUTO:
        raise UsageError("--memory goes with --tile auto", hint="add --tile auto")
    if own_statistics and tile is None:
        raise UsageError("--own-statistics goes with --tile", hint="add --tile")
    if not whole and tile is None and windows is None and tlc is None:
        return None
    tiles = None if tile is None else _tiles(tile, overlap, memory, shared=not own_statistics)
    asked = Inference(tiles=tiles, windows_px=windows, tlc_px=tlc)
    if whole and asked.kind != "whole":
        raise UsageError("--whole excludes --tile, --windows and --tlc", hint="choose one of them")
    return asked


def _tiles(text: str, overlap: int, memory: str | None, *, shared: bool) -> "Tiling | AutoTiling":
    from ldpbench.methods.auto_tiles import AutoTiling
    from ldpbench.methods.memory import parse_memory
    from ldpbench.methods.tiling import Tiling

    if text == AUTO:
        return AutoTiling(None if memory is None else parse_memory(memory), overlap, shared)
    if not text.isdecimal() or int(text) < MIN_TILE_PX:
        raise UsageError(f"--tile: expected auto or a side of at least {MIN_TILE_PX} px, found {text!r}")
    return Tiling(int(text), overlap, shared)


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
