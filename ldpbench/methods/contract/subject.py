"""A method under examination: loaded, with pictures to ask it about."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from ldpbench.core.seeding import derive_seed
from ldpbench.methods.contract.finding import BrokenContractError, telling
from ldpbench.methods.contract.surroundings import watched
from ldpbench.methods.find import FoundMethod
from ldpbench.methods.loading import LoadedMethod
from ldpbench.methods.protocol import Deblurrer

Views = Mapping[str, Tensor]
VIEW_NAMES = ("left", "right", "center", "blur_map")
HEIGHT_PX = 24
"""Of the pictures that most checks use, before the size rule enlarges it; they are a little wider than high."""


@dataclass(frozen=True)
class Subject:
    """A loaded method.

    Args:
        method: Where it lies.
        loaded: The method, seeing whole pictures.
        device: Where it runs.
        fresh: Whether its weights are made up.
    """

    method: FoundMethod
    loaded: LoadedMethod
    device: str
    fresh: bool

    @property
    def deblurrer(self) -> Deblurrer:
        """What is asked."""
        return self.loaded.deblurrer

    @property
    def network(self) -> nn.Module:
        """Its network."""
        assert self.loaded.network is not None, "only asked of networks"
        return self.loaded.network

    @cached_property
    def pair(self) -> dict[str, Tensor]:
        """Two different items, of the declared views alone."""
        height = self.deblurrer.size.padded(HEIGHT_PX)
        return self.views(height, self.deblurrer.size.padded(height + 1), items=2)

    @cached_property
    def first(self) -> dict[str, Tensor]:
        """The first of the two items."""
        return item(self.pair, 0)

    @cached_property
    def observed(self) -> "Observed":
        """The answer to the first item, and what else the call did."""
        given = {name: view.clone() for name, view in self.first.items()}
        with watched() as changes:
            answer = ask(self.deblurrer, given)
        spoilt = tuple(name for name, view in self.first.items() if not torch.equal(given[name], view))
        return Observed(answer, spoilt, tuple(changes))

    @property
    def answer(self) -> Tensor:
        """The answer to the first item."""
        return self.observed.answer

    def views(self, height: int, width: int, *, items: int = 1) -> dict[str, Tensor]:
        """Made-up declared views (N, C, H, W), the same every time for one size."""
        made = made_up_views(height, width, items, channels=3 if 3 in self.deblurrer.channels else 1)
        return {name: made[name].to(self.deblurrer.device) for name in self.deblurrer.inputs}

    def ask(self, views: Views, *, inference_mode: bool = True) -> Tensor:
        """The method's answer, whatever it is, to copies of the views.

        Raises:
            BrokenContractError: If it raises, or does not give a tensor.
        """
        return ask(self.deblurrer, {name: view.clone() for name, view in views.items()}, inference_mode=inference_mode)


@dataclass(frozen=True)
class Observed:
    """One call."""

    answer: Tensor
    spoilt: tuple[str, ...]
    """Views that were changed in place."""
    changes: tuple[str, ...]
    """What of the process was changed."""


def ask(deblurrer: Deblurrer, views: Views, *, inference_mode: bool = True) -> Tensor:
    """A method's answer to these very tensors.

    Raises:
        BrokenContractError: If it raises, or does not give a tensor.
    """
    height, width = next(iter(views.values())).shape[-2:]
    mode = torch.inference_mode() if inference_mode else torch.no_grad()
    with (
        telling(f"restore() with pictures of {height}x{width} px", "make it run on all sizes of its size rule"),
        mode,
    ):
        answer = deblurrer.restore(
            left=views.get("left"),
            right=views.get("right"),
            center=views.get("center"),
            blur_map=views.get("blur_map"),
        )
    if not isinstance(answer, Tensor):
        raise BrokenContractError(
            f"restore() returned {type(answer).__name__}, expected a tensor (N, C, H, W)",
            "return the restored pictures alone",
        )
    return answer


def item(views: Views, number: int) -> dict[str, Tensor]:
    """One item of a batch."""
    return {name: view[number : number + 1] for name, view in views.items()}


def made_up_views(height: int, width: int, items: int, *, channels: int) -> dict[str, Tensor]:
    """Soft pictures with some noise; the right view is the left one, moved and blurred a little.

    Returns:
        ``left``, ``right`` and ``center`` (N, channels, H, W) and ``blur_map`` (N, 1, H, W), float32 in [0, 1].
    """
    rng = np.random.default_rng(derive_seed(0, "contract", f"{height}x{width}"))
    coarse = rng.random((items, channels, height // 4 + 2, width // 4 + 2), dtype=np.float32)
    scene = nn.functional.interpolate(
        torch.from_numpy(coarse), size=(height, width + 1), mode="bilinear", align_corners=True
    )
    left, right = scene[..., 1:], (scene[..., :-1] + scene[..., 1:]) / 2
    left, right = (
        (0.05 + 0.9 * view + 0.04 * torch.from_numpy(rng.random(view.shape, np.float32))).clamp(0, 1)
        for view in (left, right)
    )
    blur = torch.from_numpy(rng.random((items, 1, height, width), dtype=np.float32))
    return {"left": left, "right": right, "center": (left + right) / 2, "blur_map": blur}


def difference(one: Tensor, other: Tensor) -> float:
    """Largest absolute difference; infinite where the shapes differ or one is not a number."""
    if one.shape != other.shape:
        return float("inf")
    largest = float((one.double() - other.double()).abs().max())
    return float("inf") if math.isnan(largest) else largest
