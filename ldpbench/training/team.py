"""The processes of one run: alone, or started by ``torchrun`` on any number of devices and hosts."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ldpbench.core.errors import LdpbenchError, MissingPrerequisiteError, UsageError

PATIENCE = timedelta(minutes=30)
"""How long one process waits for the others before it takes them for lost; a validation must fit in."""


class LostWorkerError(LdpbenchError):
    """Another process of the run is gone."""

    kind = "lost-worker"


@dataclass(frozen=True)
class Team:
    """This process and its companions."""

    rank: int
    world: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """The one that writes files and talks."""
        return self.rank == 0

    def wrap(self, network: nn.Module) -> nn.Module:
        """The network with gradients that are averaged over all processes."""
        if self.world == 1:
            return network
        from torch.nn.parallel import DistributedDataParallel

        ids = [self.device.index] if self.device.type == "cuda" else None
        return DistributedDataParallel(network, device_ids=ids, gradient_as_bucket_view=True)

    def sum(self, values: Tensor) -> Tensor:
        """Element-wise sum over all processes."""
        if self.world > 1:
            with _noticing_loss():
                dist.all_reduce(values)
        return values

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process."""
        if self.world == 1:
            return flag
        return bool(self.sum(torch.tensor(float(flag), device=self.device)) > 0)

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.world > 1:
            with _noticing_loss():
                dist.barrier()


@contextmanager
def _noticing_loss() -> Iterator[None]:
    try:
        yield
    except (RuntimeError, dist.DistError) as error:
        raise lost_worker(error) from error


def lost_worker(error: Exception) -> LostWorkerError:
    """What to tell when a collective operation failed."""
    detail = " ".join(str(error).split())[:160]
    return LostWorkerError(
        f"a process of this run was lost: {detail}",
        hint="start it again with --resume; it goes on from its last checkpoint",
    )


@contextmanager
def joined_team(device: str) -> Iterator[Team]:
    """Join the processes that ``torchrun`` started; without it, be alone.

    Args:
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``. Under torchrun every process takes the GPU of its local rank.

    Raises:
        UsageError: If the device is none of those.
        MissingPrerequisiteError: If it is not there.
    """
    world = int(os.environ.get("WORLD_SIZE", "1"))
    chosen = _device(device, int(os.environ.get("LOCAL_RANK", "0")))
    if world == 1:
        yield Team(0, 1, chosen)
        return
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield Team(dist.get_rank(), dist.get_world_size(), chosen)
    finally:
        dist.destroy_process_group()


def _device(name: str, local_rank: int) -> torch.device:
    available = torch.cuda.is_available()
    if name == "auto":
        name = "cuda" if available else "cpu"
    if name.partition(":")[0] not in ("cpu", "cuda"):
        raise UsageError(f"--device: expected auto, cpu or cuda, found {name!r}")
    if name.startswith("cuda") and not available:
        raise MissingPrerequisiteError("--device cuda: no CUDA device can be used here", hint="choose cpu or auto")
    return torch.device("cuda", local_rank) if name == "cuda" else torch.device(name)
