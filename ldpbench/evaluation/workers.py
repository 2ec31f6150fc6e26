"""Several processes on one cell: who does which image. Nobody talks; what is done is read from the run folder."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ldpbench.core.errors import UsageError


@dataclass(frozen=True)
class Worker:
    """One of several workers that share the images of every cell.

    Which images it does follows from its number alone, so adding workers changes who does an image and nothing of
    how it is done.

    Args:
        index: From 0.
        count: Of all workers.

    Raises:
        UsageError: If the index is not below the count.
    """

    index: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            raise UsageError(f"worker {self.index + 1} of {self.count}: expected a number from 1 to {self.count}")

    @property
    def is_alone(self) -> bool:
        """Whether it does everything."""
        return self.count == 1

    @property
    def name(self) -> str | None:
        """``2/3`` for people and rows; None for one alone."""
        return None if self.is_alone else f"{self.index + 1}/{self.count}"

    def mine(self, ids: Sequence[str]) -> list[str]:
        """Its share of some images, in their order: every so-manyth one."""
        return list(ids[self.index :: self.count])


ALONE = Worker()


def this_worker(array: str | None, environment: Mapping[str, str] = os.environ) -> Worker:
    """The worker that this process is, by ``--array`` and by what ``torchrun`` says.

    Under both, every task of the array is a group of processes: task I of N with W processes has workers
    (I - 1) W + 1 to I W of N W.

    Args:
        array: ``I/N``, counted from 1, as clusters number the tasks of a job array; None for no array.
        environment: Where ``torchrun`` leaves RANK and WORLD_SIZE.

    Raises:
        UsageError: If one of them cannot be.
    """
    task, tasks = 1, 1
    if array is not None:
        numbers = re.fullmatch(r"(\d+)/(\d+)", array)
        if numbers is None or not 1 <= int(numbers[1]) <= int(numbers[2]):
            raise UsageError(
                f"--array: expected I/N with I from 1 to N, found {array!r}",
                hint="such as --array $SLURM_ARRAY_TASK_ID/8",
            )
        task, tasks = int(numbers[1]), int(numbers[2])
    rank, world = int(environment.get("RANK", "0")), int(environment.get("WORLD_SIZE", "1"))
    return Worker((task - 1) * world + rank, tasks * world)


def local_device(device: str, environment: Mapping[str, str] = os.environ) -> str:
    """The device of this process: under ``torchrun`` plain ``cuda`` is the GPU of its local rank."""
    return f"cuda:{environment.get('LOCAL_RANK', '0')}" if device == "cuda" and "LOCAL_RANK" in environment else device
