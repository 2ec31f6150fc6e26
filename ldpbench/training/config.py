"""Everything that decides a training run: frozen, checked, written beside its results. Imports no torch."""

import math
from typing import Literal

from pydantic import Field, model_validator

from ldpbench.data.training.patches import PatchRule
from ldpbench.networks.config import NetworkConfig
from ldpbench.records import Record
from ldpbench.training.losses.weights import LossWeights

CacheWhere = Literal["gpu", "ram", "disk"]


class CropPhase(Record):
    """From a share of a stage on, crops have this size: progressive training goes from small to large."""

    start: float = Field(default=0.0, ge=0, lt=1)
    """Share of the stage's steps."""
    size_px: int = Field(ge=16)


class Stage(Record):
    """A part of a run with its own loss and its own cosine from ``lr`` to ``final_lr``."""

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    steps: int = Field(ge=1)
    loss: LossWeights = LossWeights(charbonnier=1.0, blur_aware=0.0, blur_weighting=0.0)
    lr: float = Field(default=2e-4, gt=0)
    final_lr: float = Field(default=1e-6, ge=0)
    warmup_steps: int = Field(default=0, ge=0)
    """Steps over which the rate rises to ``lr`` in a straight line."""
    crops: tuple[CropPhase, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _in_order(self) -> "Stage":
        starts = [phase.start for phase in self.crops]
        if starts[0] != 0 or starts != sorted(set(starts)):
            raise ValueError("crops must begin at 0 and come in rising order")
        if self.warmup_steps >= self.steps:
            raise ValueError("warmup_steps must be fewer than steps")
        if self.final_lr > self.lr:
            raise ValueError("final_lr must not exceed lr")
        return self

    def crop_px(self, step: int) -> int:
        """Side of the crops at a step of this stage, counted from 0."""
        return next(phase.size_px for phase in reversed(self.crops) if self._first_step(phase) <= step)

    def crop_steps(self) -> dict[int, int]:
        """How many steps have crops of which size."""
        ends = [*map(self._first_step, self.crops[1:]), self.steps]
        counts: dict[int, int] = {}
        for phase, end in zip(self.crops, ends, strict=True):
            counts[phase.size_px] = counts.get(phase.size_px, 0) + end - self._first_step(phase)
        return counts

    def _first_step(self, phase: CropPhase) -> int:
        return math.ceil(phase.start * self.steps)


class TrainConfig(Record):
    """A training run.

    Two runs with equal configurations, data and number of processes give equal weights on a CPU, to the last bit.
    """

    schema_version: Literal[1] = Field(default=1, alias="schema")
    recipe: str
    """The recipe it started from."""
    network: NetworkConfig
    dataset: str
    split: str = "train"
    val_split: str = "val"
    blur_map: str = "disparity"
    """The estimator of the blur maps, as users type it; without meaning for a network without a blur map."""
    loss_clip: str = "clip-vit-b-32"
    """CLIP weights of the blur-aware loss."""
    stages: tuple[Stage, ...] = Field(min_length=1)
    global_batch: int = Field(ge=1)
    """Patches of one optimiser step, over all devices."""
    micro_batch: int = Field(ge=1)
    """Patches that one device takes at a time, at most; the rest is accumulated."""
    patches: PatchRule = PatchRule()
    augmentation: Literal["dual-pixel", "none"] = "dual-pixel"
    seed: int = Field(default=0, ge=0)
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = Field(default=0.0, ge=0)
    grad_clip: float = Field(default=1.0, gt=0)
    """Largest norm of the gradient of one step."""
    ema: float = Field(default=0.999, ge=0, lt=1)
    """Decay of the averaged weights, which are the ones that are validated and kept; 0 for none."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """``bfloat16``: autocast; weights, norms, softmax, blur maths and losses stay in float32."""
    channels_last: bool = False
    compile: bool = False
    cache: CacheWhere = "ram"
    """Where the decoded scenes lie."""
    journal_every: int = Field(default=10, ge=1)
    validate_every: int = Field(default=1000, ge=1)
    validate_scenes: int | None = Field(default=None, ge=1)
    """The first so many scenes of the split; None for all."""
    checkpoint_every: int = Field(default=500, ge=1)
    keep_last: int = Field(default=3, ge=1)
    pictures_every: int = Field(default=0, ge=0)
    """Steps between sample pictures; 0 for none."""
    overfit_one_batch: bool = False
    """See the first batch in every step: a sound network learns it by heart."""
    allow_test: bool = False
    """Somebody said that training or validating on the test split, or both on one split, is meant."""

    @property
    def steps(self) -> int:
        """Optimiser steps of all stages."""
        return sum(stage.steps for stage in self.stages)

    @property
    def largest_crop_px(self) -> int:
        """Side of the largest crop of any stage."""
        return max(phase.size_px for stage in self.stages for phase in stage.crops)

    @property
    def wants_clip(self) -> bool:
        """Whether a stage uses the blur-aware loss."""
        return any(stage.loss.blur_aware > 0 for stage in self.stages)

    @property
    def wants_probability(self) -> bool:
        """Whether a stage weighs errors by the blur map."""
        return any(stage.loss.blur_weighting > 0 for stage in self.stages)

    @property
    def wants_maps(self) -> bool:
        """Whether blur maps have to be estimated at all."""
        return self.network.needs_blur_map or self.wants_probability

    @model_validator(mode="after")
    def _fits(self) -> "TrainConfig":
        names = [stage.name for stage in self.stages]
        if len(names) != len(set(names)):
            raise ValueError("two stages share a name")
        multiple = self.network.multiple_of
        for stage in self.stages:
            for phase in stage.crops:
                if phase.size_px % multiple:
                    raise ValueError(f"crops of {self.network.name} must be multiples of {multiple} px")
        if self.largest_crop_px > self.patches.size_px:
            raise ValueError(f"a crop of {self.largest_crop_px} px does not fit a patch of {self.patches.size_px} px")
        return self

    def stage_at(self, step: int) -> tuple[Stage, int]:
        """The stage of a step, and the step's number within it, both counted from 0."""
        for stage in self.stages:
            if step < stage.steps:
                return stage, step
            step -= stage.steps
        raise IndexError(f"{step} steps behind the last one")
