"""The journal in TensorBoard, for those who look at curves there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ldpbench.core.errors import MissingPrerequisiteError

TENSORBOARD_FOLDER = "tensorboard"


def mirror_to(run: Path) -> Callable[[str, int, dict[str, Any]], None]:
    """A function that gets every journal line and writes its numbers for TensorBoard.

    Raises:
        MissingPrerequisiteError: If TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingPrerequisiteError(
            "--tensorboard: TensorBoard is not installed", hint="pip install 'ldpbench[tensorboard]'"
        ) from error
    writer: Any = SummaryWriter(run / TENSORBOARD_FOLDER)

    def write(kind: str, step: int, line: dict[str, Any]) -> None:
        for name, value in line.items():
            writer.add_scalar(f"{kind}/{name}", value, step)
        writer.flush()

    return write
