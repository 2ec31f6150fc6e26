"""Several processes on one cell: who does which image. Nobody talks; what is done is read from the run folder."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from ldpbench.core.errors import UsageError

PATIENCE = timedelta(days=7)
"""How long the first process waits for slower ones."""


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


@dataclass(frozen=True)
class Launch:
    """The processes that ``torchrun`` started together; without it, this one alone."""

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """The one that talks, and takes the rows in when all are done."""
        return self.rank == 0

    def wait(self) -> None:
        """Wait until every process is here. If one dies, torchrun ends all of them."""
        if self.size == 1:
            return
        import torch.distributed as dist

        dist.init_process_group("gloo", timeout=PATIENCE)
        dist.barrier()
        dist.destroy_process_group()


def this_launch(environment: Mapping[str, str] = os.environ) -> Launch:
    """The launch that this process is part of, by what ``torchrun`` leaves in the environment."""
    return Launch(int(environment.get("RANK", "0")), int(environment.get("WORLD_SIZE", "1")))


def this_worker(array: str | None, launch: Launch) -> Worker:
    """The worker that this process is, by ``--array`` and by its launch.

    Under both, every task of the array is a group of processes: task I of N with W processes has workers
    (I - 1) W + 1 to I W of N W.

    Args:
        array: ``I/N``, counted from 1, as clusters number the tasks of a job array; None for no array.
        launch: The processes that were started together.

    Raises:
        UsageError: If the array is not one.
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
    return Worker((task - 1) * launch.size + launch.rank, tasks * launch.size)


def local_device(device: str, environment: Mapping[str, str] = os.environ) -> str:
    """The device of this process: under ``torchrun`` plain ``cuda`` is the GPU of its local rank."""
    return f"cuda:{environment.get('LOCAL_RANK', '0')}" if device == "cuda" and "LOCAL_RANK" in environment else device
