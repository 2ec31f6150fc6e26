"""The scenes of ``mixed-train``: what each is made of, and how it becomes a dual-pixel pair.

Photographs that anybody may use, prints and patterns stand at drawn depths, or a procedural scene is drawn; the blur is
that of a phone's fitted kernel, of RDPD or of DDD-syn. Half of the scenes are linear light, some are grey.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ldpbench.core.seeding import derive_seed
from ldpbench.simulation.ddd import DDD_CAMERAS
from ldpbench.simulation.draws import Draws
from ldpbench.simulation.light import codes_of, srgb_to_linear, unit_values
from ldpbench.simulation.mixed_scenes import MixedScene, draw_mixed_scene
from ldpbench.simulation.models import DddModel, Model, RealisticModel, SimulatedViews, simulate
from ldpbench.simulation.noise import noise_preset
from ldpbench.simulation.procedural.recipes import RECIPES
from ldpbench.simulation.procedural.scene import draw_scene
from ldpbench.simulation.psf import psf_preset

BASE_SEED = 90210
COUNTS = {"train": 1080, "val": 24}
SIDE_PX, MARGIN_PX = 256, 24
"""The margin is rendered and cut away, so that no border effect is learned."""
VALIDATION_PHOTOS = ("05", "13", "19")
"""Seen by no scene of the training split."""
_OPTICS = ("realistic",) * 11 + ("rdpd/0", "rdpd/1", "rdpd/2", "rdpd/3", "rdpd/4", "rdpd/2") + ("ddd",) * 3
_NOISE = ("none", "low", "low", "low", "medium", "medium", "medium", "high")
_REACH_PX = (2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16)


@dataclass(frozen=True)
class MixedPlan:
    """One scene.

    Args:
        id: Its name.
        split: ``train`` or ``val``.
        recipe: Of a procedural scene; None for photographs.
        optics: A PSF preset, or ``ddd`` for the box model, which has one side of the focus only.
        reach_px: Largest blur radius; 0 for a scene that is in focus everywhere.
        noise: Preset of the noise of each view.
        is_linear: Codes are proportional to light, 1 is the brightest value of both views.
        is_grey: All three channels are the same.
    """

    id: str
    split: str
    recipe: str | None
    optics: str
    reach_px: int
    noise: str
    is_linear: bool
    is_grey: bool

    @property
    def seed(self) -> int:
        """Of everything that is drawn."""
        return derive_seed(BASE_SEED, "scene", self.id)


@dataclass(frozen=True, kw_only=True, eq=False)
class MixedPair:
    """One scene as it is stored: 16-bit codes (256, 256, 3), signed radius in px (256, 256), negative: nearer."""

    left: NDArray[np.uint16]
    right: NDArray[np.uint16]
    center: NDArray[np.uint16]
    target: NDArray[np.uint16]
    coc: NDArray[np.int8]


def _plan(split: str, number: int) -> MixedPlan:
    name = f"{split}-{number:04d}"
    draws = Draws(derive_seed(BASE_SEED, "plan", name))
    optics = draws.choice(_OPTICS)
    return MixedPlan(
        id=name,
        split=split,
        recipe=draws.choice(sorted(RECIPES)) if draws.integer(4) == 0 else None,
        optics=optics,
        reach_px=0 if draws.integer(25) == 0 else draws.choice(_REACH_PX),
        noise=draws.choice(_NOISE),
        is_linear=optics != "ddd" and draws.integer(2) == 0,
        is_grey=draws.integer(5) < 2,
    )


PLANS = tuple(_plan(split, number) for split, count in COUNTS.items() for number in range(count))


def render_mixed(plan: MixedPlan, photos: Mapping[str, NDArray[np.uint8]]) -> MixedPair:
    """Draw a scene, blur it, add noise, cut the margin away.

    Args:
        plan: Which scene.
        photos: uint8 (H, W, 3) by name; those of ``VALIDATION_PHOTOS`` are for that split.
    """
    scene = _scene(plan, photos)
    sharp = torch.from_numpy(scene.sharp).permute(2, 0, 1)[None]
    if plan.is_grey:
        sharp = sharp.float().mean(dim=1, keepdim=True).add(0.5).to(torch.uint8).expand(-1, 3, -1, -1)
    depth_m = torch.from_numpy(scene.depth_m)[None]
    if plan.reach_px == 0:
        depth_m = torch.full_like(depth_m, float(depth_m.mean()))
    views = _views(sharp, depth_m, plan)
    codes = [_wide(picture) for picture in (views.left, views.right, views.center, views.target)]
    if plan.is_grey:  # the noise too: a grey sensor has one plane
        codes = [picture[:, :1].expand(-1, 3, -1, -1) for picture in codes]
    if plan.is_linear:
        codes = _brightest_is_white(codes)
    inner = slice(MARGIN_PX, MARGIN_PX + SIDE_PX)
    left, right, center, target = (
        picture[0, :, inner, inner].permute(1, 2, 0).numpy().astype(np.uint16) for picture in codes
    )
    coc = views.blur_px[0, inner, inner].round().numpy().astype(np.int8)
    return MixedPair(left=left, right=right, center=center, target=target, coc=coc)


def _scene(plan: MixedPlan, photos: Mapping[str, NDArray[np.uint8]]) -> MixedScene:
    side = SIDE_PX + 2 * MARGIN_PX
    if plan.recipe is not None:
        drawn = draw_scene(RECIPES[plan.recipe], plan.seed, side)
        return MixedScene(drawn.sharp, drawn.depth_mm.astype(np.float64) / 1000)
    mine = [name for name in sorted(photos) if (name in VALIDATION_PHOTOS) == (plan.split == "val")]
    return draw_mixed_scene([photos[name] for name in mine], plan.seed, side)


def _views(sharp: torch.Tensor, depth_m: torch.Tensor, plan: MixedPlan) -> SimulatedViews:
    if plan.optics == "ddd" and plan.reach_px > 0:
        return simulate(sharp, depth_m, DddModel(camera=DDD_CAMERAS["ddd/test"], centred=True), seed=plan.seed)
    near, far = 1 / float(depth_m.min()), 1 / float(depth_m.max())
    share = Draws(derive_seed(plan.seed, "focus")).between(0.05, 0.95)
    # A flat scene is focused at its very depth: one rounding off, and its blur would be what the lens is scaled to.
    focus_m = float(depth_m.min()) if near == far else 1 / (far + share * (near - far))
    model: Model = RealisticModel(
        shape=psf_preset("realistic" if plan.optics == "ddd" else plan.optics),
        max_blur_px=max(1, plan.reach_px),
        focus_m=focus_m,
        noise=noise_preset(plan.noise),
        occlusion=True,
        is_linear=plan.is_linear,
    )
    codes = codes_of(_encoded(sharp, plan), torch.uint16)
    return simulate(codes, depth_m, model, seed=plan.seed)


def _encoded(sharp: torch.Tensor, plan: MixedPlan) -> torch.Tensor:
    """Values in [0, 1]; of a linear scene light, from what the sRGB picture shows."""
    values = unit_values(sharp)
    return srgb_to_linear(values) if plan.is_linear else values


def _wide(codes: torch.Tensor) -> torch.Tensor:
    """16-bit codes as int32, whatever they were."""
    wide = codes.to(torch.int32)
    return wide * 257 if codes.dtype == torch.uint8 else wide


def _brightest_is_white(pictures: list[torch.Tensor]) -> list[torch.Tensor]:
    """Scaled so that the brightest value of both views is white, as the published linear set is read."""
    white = max(1, int(torch.maximum(pictures[0].max(), pictures[1].max())))
    return [((picture * (65535 / white)) + 0.5).floor().clamp(0, 65535).to(torch.int32) for picture in pictures]
