"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

MethodsOption = Annotated[
    list[str] | None, typer.Option("--method", "-m", help="A method's id or plugin folder; may be given several times.")
]
DatasetsOption = Annotated[
    list[str] | None, typer.Option("--dataset", "-d", help="A dataset's id; may be given several times.")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Do it again even if it is done.")]
PartialOption = Annotated[
    bool, typer.Option("--allow-partial", help="Accept a subset; it is marked as one everywhere.")
]
SourceOption = Annotated[
    str | None, typer.Option("--source", help="A folder or fsspec URI with the set in the publisher's layout.")
]
OutOption = Annotated[Path | None, typer.Option("--out", "-o", help="Where to write.")]
