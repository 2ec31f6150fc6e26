"""Cutting, flipping and stacking crops on the device that holds the scenes, one step ahead of the network."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType

import torch
from torch import Tensor

from ldpbench.training.sampler import Draw
from ldpbench.training.scenes import Scene, Scenes

AHEAD = 2
"""Steps whose batches are made before they are asked for."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Patches for one forward pass, float32 on the training device.

    Args:
        left: (N, 3, H, W), 1 is the scene's white; the same for right and target.
        right: As ``left``.
        target: As ``left``.
        logits: (N, 1, H, W), blur logits; None where no maps are used.
        probability: (N, 1, H, W) in [0, 1].
    """

    left: Tensor
    right: Tensor
    target: Tensor
    logits: Tensor | None
    probability: Tensor | None

    def tensors(self) -> dict[str, Tensor]:
        """What is there, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


def make_batch(
    scenes: Scenes,
    draws: Sequence[Draw],
    device: torch.device,
    layout: torch.memory_format = torch.contiguous_format,
) -> Batch:
    """The crops of one forward pass.

    All draws have one size. Flips are those that dual-pixel geometry allows (see ``data.training.augment``): a mirror
    image exchanges the views, and a blur map goes with its picture.
    """
    # Codes travel to the device as they are and become floats there: half the bytes.
    moved = [[plane.to(device, non_blocking=True) for plane in _cut(scenes.scenes[draw.scene], draw)] for draw in draws]
    values = torch.stack(
        [_values(planes[0], scenes.scenes[draw.scene]) for planes, draw in zip(moved, draws, strict=True)]
    )
    left, right, target = (_three(part) for part in values.chunk(3, dim=1))
    swap = torch.tensor([draw.mirrored for draw in draws], device=device)[:, None, None, None]
    maps = torch.stack([planes[1] for planes in moved]).float() if len(moved[0]) > 1 else None
    return Batch(
        left=torch.where(swap, right, left).contiguous(memory_format=layout),
        right=torch.where(swap, left, right).contiguous(memory_format=layout),
        target=target.contiguous(memory_format=layout),
        logits=None if maps is None else maps[:, :1],
        probability=None if maps is None else maps[:, 1:],
    )


def _cut(scene: Scene, draw: Draw) -> list[Tensor]:
    rows = slice(draw.top, draw.top + draw.size_px)
    columns = slice(draw.left, draw.left + draw.size_px)
    axes = [axis for axis, wanted in ((-1, draw.mirrored), (-2, draw.upside_down)) if wanted]
    planes = [scene.pictures] if scene.maps is None else [scene.pictures, scene.maps]
    return [plane[:, rows, columns].flip(axes) for plane in planes]


def _values(codes: Tensor, scene: Scene) -> Tensor:
    """Codes as values; int16 holds the bits of uint16, which torch cannot flip."""
    numbers = codes.to(torch.int32) & 0xFFFF if codes.dtype == torch.int16 else codes
    return numbers.to(torch.float32) / scene.scale


def _three(part: Tensor) -> Tensor:
    return part if part.shape[1] == 3 else part.expand(-1, 3, -1, -1)


class BatchesAhead:
    """Makes the batches of the coming steps in a thread of its own.

    Args:
        make: Batches of a step, a pure function.
        steps: How many steps there are.
    """

    def __init__(self, make: Callable[[int], list[Batch]], steps: int) -> None:
        self._make = make
        self._steps = steps
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._coming: dict[int, Future[list[Batch]]] = {}
        self.waited_s = 0.0
        """Time that ``take`` spent waiting."""

    def __enter__(self) -> "BatchesAhead":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def take(self, step: int) -> list[Batch]:
        """The batches of a step; those of the next steps are begun."""
        for coming in range(step, min(step + 1 + AHEAD, self._steps)):
            if coming not in self._coming:
                self._coming[coming] = self._pool.submit(self._make, coming)
        start = time.perf_counter()
        batches = self._coming.pop(step).result()
        self.waited_s += time.perf_counter() - start
        return batches
