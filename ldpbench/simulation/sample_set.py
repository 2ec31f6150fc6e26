"""The eight scenes of the embedded sample set, the same to the last bit on every machine.

Everything that decides a pixel is integer arithmetic, or IEEE float64 addition, subtraction, multiplication, division
and square root, or was rounded to fixed point far from ties. The dataset's card pins the result.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ldpbench.core.seeding import derive_seed
from ldpbench.simulation.coc import signed_coc
from ldpbench.simulation.ddd import DDD_CAMERAS, box_average, box_disparity, box_radius, box_sides, scatter_boxes
from ldpbench.simulation.draws import Draws
from ldpbench.simulation.procedural.recipes import RECIPES
from ldpbench.simulation.procedural.scene import draw_scene
from ldpbench.simulation.psf import FIXED_POINT_BITS, psf_preset
from ldpbench.simulation.render import render_sums

SIDE_PX = 256
MARGIN_PX = 24
"""Rendered around each scene and cut away, so that no border effect enters a score."""
NOISE_CODES = 1.5
"""Standard deviation of the noise of each view, in 8-bit codes."""
BASE_SEED = 2024

_BELL_BITS = 16
"""``Draws.bell`` has a standard deviation of 2^16."""


@dataclass(frozen=True)
class ScenePlan:
    """What one scene is made of. The seeds were searched for: see ``tests/unit/simulation``."""

    id: str
    split: str
    recipe: str
    seed: int
    optics: str
    """A PSF preset, or ``ddd`` for the box model of DDD-syn."""
    reach_px: int = 8
    """Largest blur radius on either side of the focus; without meaning for ``ddd``."""
    base_seed: int = BASE_SEED
    """Sets of scenes with different base seeds share nothing."""


PLANS = (
    ScenePlan("scene-1", "test", "picnic", 0, "rdpd/0"),
    ScenePlan("scene-2", "test", "library", 0, "rdpd/1", 6),
    ScenePlan("scene-3", "test", "carnival", 0, "rdpd/2", 5),
    ScenePlan("scene-4", "test", "hall", 7, "rdpd/4", 6),
    ScenePlan("scene-5", "test", "orbit", 0, "realistic"),
    ScenePlan("scene-6", "test", "meadow", 0, "ddd"),
    ScenePlan("scene-7", "val", "kitchen", 0, "rdpd/3", 5),
    ScenePlan("scene-8", "val", "harbour", 0, "realistic", 7),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class SampleScene:
    """One scene of the set.

    Args:
        id: Its name.
        split: ``test`` or ``val``.
        left: uint8 (256, 256, 3); the same for right, center and target.
        right: As ``left``.
        center: The ordinary picture: the mean of the two noisy views, as a sensor that adds its halves gives it.
        target: The sharp picture.
        coc: Signed blur radius in px, int8 (256, 256), negative: nearer than the focus.
        depth_mm: uint16 (256, 256).
        facts: How it was made, JSON-like.
    """

    id: str
    split: str
    left: NDArray[np.uint8]
    right: NDArray[np.uint8]
    center: NDArray[np.uint8]
    target: NDArray[np.uint8]
    coc: NDArray[np.int8]
    depth_mm: NDArray[np.uint16]
    facts: Mapping[str, object]


def render_scene(plan: ScenePlan) -> SampleScene:
    """Draw a scene, blur it, add noise and cut the margin away."""
    seed = derive_seed(plan.base_seed, plan.recipe, plan.seed)
    drawn = draw_scene(RECIPES[plan.recipe], seed, SIDE_PX + 2 * MARGIN_PX)
    sharp = torch.from_numpy(drawn.sharp).permute(2, 0, 1)[None]
    depth_m = torch.from_numpy(drawn.depth_mm.astype(np.float64))[None] / 1000
    if plan.optics == "ddd":
        left, right, coc, facts = _box_views(sharp, depth_m)
    else:
        left, right, coc, facts = _lens_views(sharp, depth_m, plan)
    noisy = [
        _noisy(view, derive_seed(plan.base_seed, "noise", plan.id, side))
        for view, side in ((left, "left"), (right, "right"))
    ]
    center = ((noisy[0].astype(np.uint16) + noisy[1] + 1) >> 1).astype(np.uint8)
    inner = slice(MARGIN_PX, MARGIN_PX + SIDE_PX)
    return SampleScene(
        id=plan.id,
        split=plan.split,
        left=noisy[0][inner, inner],
        right=noisy[1][inner, inner],
        center=center[inner, inner],
        target=drawn.sharp[inner, inner],
        coc=coc[0, inner, inner].numpy().astype(np.int8),
        depth_mm=drawn.depth_mm[inner, inner],
        facts={"recipe": plan.recipe, "optics": plan.optics, "noise_codes": NOISE_CODES, **facts},
    )


_Optics = tuple[torch.Tensor, torch.Tensor, torch.Tensor, dict[str, object]]
"""Left and right view in 2^-24 codes, int64 (1, 3, H, W); signed radius, int64 (1, H, W); facts."""


def _lens_views(sharp: torch.Tensor, depth_m: torch.Tensor, plan: ScenePlan) -> _Optics:
    """A thin lens focused in the middle of the inverse depths: blur on both sides, at most ``reach_px``."""
    nearest, farthest = 1 / float(depth_m.min()), 1 / float(depth_m.max())
    focus_m = 2 / (nearest + farthest)
    kappa = plan.reach_px * (nearest + farthest) / (nearest - farthest)
    coc = signed_coc(depth_m, kappa, focus_m, plan.reach_px)
    sums = render_sums(sharp, coc, psf_preset(plan.optics))
    return sums.left, sums.right, coc, {"focus_m": round(focus_m, 6), "kappa_px": round(kappa, 6)}


def _box_views(sharp: torch.Tensor, depth_m: torch.Tensor) -> _Optics:
    """The boxes of DDD-syn's test set: only the near side exists, and both views hang down."""
    sides = box_sides(box_disparity(depth_m, DDD_CAMERAS["ddd/test"]))
    sums = scatter_boxes(sharp, sides)
    views = [
        torch.floor(box_average(*pair) * 2**FIXED_POINT_BITS + 0.5).to(torch.int64)
        for pair in ((sums.left, sums.left_count), (sums.right, sums.right_count))
    ]
    return views[0], views[1], box_radius(sides), {"camera": "DDD-syn testing", "side_of_focus": "near only"}


def _noisy(view: torch.Tensor, seed: int) -> NDArray[np.uint8]:
    """Add nearly Gaussian noise and round to 8 bit, half a code up, (H, W, 3). All in integers of 2^-24 codes."""
    sums = view[0].permute(1, 2, 0).numpy()
    scale = round(NOISE_CODES * 2 ** (FIXED_POINT_BITS - _BELL_BITS))
    noisy = sums + Draws(seed).bell(sums.shape) * scale
    codes = (noisy + (1 << (FIXED_POINT_BITS - 1))) >> FIXED_POINT_BITS
    return np.asarray(np.clip(codes, 0, 255), dtype=np.uint8)
