"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from ldpbench.core.errors import MissingPrerequisiteError, UsageError

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
OutOption = Annotated[Path | None, typer.Option("--out", "-o", help="Where to write.")]


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
