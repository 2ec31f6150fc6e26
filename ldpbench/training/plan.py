"""What a run will cost: parameters, operations, memory, time per step measured on this machine, and when it is done."""

import resource
import time
from dataclasses import asdict, dataclass
from typing import Any

import torch

from ldpbench.networks.cost import macs, parameters
from ldpbench.training.averaging import AveragedWeights
from ldpbench.training.batches import Batch
from ldpbench.training.config import TrainConfig
from ldpbench.training.loop import new_optimizer, one_update
from ldpbench.training.losses.total import TotalLoss
from ldpbench.training.losses.weights import LossWeights
from ldpbench.training.setup import accumulation, new_network

MAC_SIZE_PX = 256
WARM_UP, MEASURED = 3, 3


@dataclass(frozen=True, kw_only=True)
class Pace:
    """What one crop size costs."""

    crop_px: int
    steps: int
    seconds_per_step: float


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """The cost of a run on this machine, alone."""

    parameters: int
    macs_256: int
    """Multiply-adds at 256 x 256, one picture, forward."""
    steps: int
    patches: int
    """Patches of all steps."""
    accumulation: int
    """Micro-batches of a step."""
    paces: tuple[Pace, ...]
    peak_bytes: int
    """Peak memory while the largest crop was measured: of the GPU, or of this process."""

    @property
    def seconds(self) -> float:
        """Of all steps, without validation."""
        return sum(pace.steps * pace.seconds_per_step for pace in self.paces)

    def document(self) -> dict[str, Any]:
        """JSON-like."""
        return {**asdict(self), "seconds": self.seconds}


def plan_training(config: TrainConfig, device: torch.device) -> TrainingPlan:
    """Measure a few steps of each crop size on made-up patches; nothing is written and no data is needed.

    The blur-aware loss is left out: its CLIP is not loaded for a plan. Its price is in the journal of a run.
    """
    sizes: dict[int, int] = {}
    for stage in config.stages:
        for size, steps in stage.crop_steps().items():
            sizes[size] = sizes.get(size, 0) + steps
    paces = tuple(
        Pace(crop_px=size, steps=steps, seconds_per_step=_measure(config, size, device))
        for size, steps in sorted(sizes.items())
        if steps
    )
    network = new_network(config, torch.device("cpu"))
    return TrainingPlan(
        parameters=parameters(network),
        macs_256=macs(network, MAC_SIZE_PX, MAC_SIZE_PX),
        steps=config.steps,
        patches=config.steps * config.global_batch,
        accumulation=accumulation(config.global_batch, config.micro_batch),
        paces=paces,
        peak_bytes=_peak(device),
    )


def _measure(config: TrainConfig, crop_px: int, device: torch.device) -> float:
    network = new_network(config, device).train()
    optimizer, averaged = new_optimizer(config, network), AveragedWeights(network, config.ema)
    loss = TotalLoss(LossWeights(charbonnier=1, blur_aware=0, blur_weighting=0))
    parts = accumulation(config.global_batch, config.micro_batch)
    batches = [_made_up(config.global_batch // parts, crop_px, config, device)] * parts
    times = []
    for _ in range(WARM_UP + MEASURED):
        start = time.perf_counter()
        one_update(config, network, network, loss, batches, optimizer, device)
        averaged.update(network, 0)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - start)
    return min(times[WARM_UP:])


def _made_up(count: int, crop_px: int, config: TrainConfig, device: torch.device) -> Batch:
    generator = torch.Generator().manual_seed(0)
    layout = torch.channels_last if config.channels_last else torch.contiguous_format
    pictures = [
        torch.rand(count, 3, crop_px, crop_px, generator=generator).to(device, memory_format=layout) for _ in range(3)
    ]
    logits = torch.rand(count, 1, crop_px, crop_px, generator=generator).to(device)
    left, right, target = pictures
    return Batch(left, right, target, logits, logits)


def _peak(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
