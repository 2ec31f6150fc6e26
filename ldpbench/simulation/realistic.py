"""Optics as a phone's sensor has them: blur in linear light, a kernel fitted to a real one, noise, and occlusion.

The kernel is the RDPD form with parameters fitted to the calibrated kernels of a Pixel 4 (``psf.REALISTIC``). Neither
published model blurs light, adds noise or lets a foreground cover what is behind it.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ldpbench.core.errors import UsageError
from ldpbench.core.seeding import derive_seed
from ldpbench.simulation.coc import signed_coc
from ldpbench.simulation.layers import blur_with_occlusion, blur_without_occlusion
from ldpbench.simulation.light import codes_of, linear_to_srgb, srgb_to_linear, unit_values
from ldpbench.simulation.noise import SensorNoise, add_noise
from ldpbench.simulation.psf import PsfShape


class RealisticViews(NamedTuple):
    """One rendering. Pictures have the codes' type of the sharp one, (N, C, H, W)."""

    left: Tensor
    right: Tensor
    center: Tensor
    """What the whole pixels see: the mean light of the two noisy halves."""
    coc: Tensor
    """Signed radius in pixels, int64 (N, H, W)."""


class ThinLens(NamedTuple):
    """A focus and how fast blur grows away from it."""

    focus_m: float
    kappa_px: float
    """Blur radius of a point at infinity."""


def thin_lens(depth_m: Tensor, max_blur_px: int, focus_m: float | None) -> ThinLens:
    """The lens that blurs a scene by ``max_blur_px`` where it is blurred most.

    Args:
        depth_m: Depth of one scene in metres, all above 0.
        max_blur_px: Largest radius.
        focus_m: Focus distance; None for the middle of the inverse depths, which blurs both ends alike.

    Raises:
        UsageError: If a depth or the focus is not a finite number above 0.
    """
    nearest, farthest = float(depth_m.min()), float(depth_m.max())
    if not (0 < nearest <= farthest < float("inf")):
        raise UsageError(
            f"depth: expected finite metres above 0, found {nearest} to {farthest}", hint="fill the holes first"
        )
    if focus_m is not None and not 0 < focus_m < float("inf"):
        raise UsageError(f"focus: expected metres above 0, found {focus_m}")
    focus = focus_m or 2 / (1 / nearest + 1 / farthest)
    # The radius at depth z is kappa (1 - focus / z).
    reach = max(abs(1 - focus / nearest), abs(1 - focus / farthest))
    return ThinLens(focus, max_blur_px / reach if reach > 0 else 0.0)


def simulate_realistic(
    sharp: Tensor,
    depth_m: Tensor,
    shape: PsfShape,
    *,
    max_blur_px: int,
    focus_m: float | None,
    noise: SensorNoise,
    occlusion: bool,
    is_linear: bool = False,
    seed: int = 0,
) -> RealisticViews:
    """Render in linear light.

    Args:
        sharp: uint8 or uint16 codes (N, C, H, W).
        depth_m: Depth in metres (N, H, W), all above 0.
        shape: The kernels' shape.
        max_blur_px: Largest radius in a picture, at least 1.
        focus_m: Focus distance; None for the middle of each picture's inverse depths.
        noise: Of each half; it is independent in the two.
        occlusion: Let a blurred foreground cover what is behind it.
        is_linear: The codes are proportional to light; otherwise they are sRGB.
        seed: Decides the noise.

    Raises:
        UsageError: If types, shapes or values do not fit.
    """
    if max_blur_px < 1:
        raise UsageError(f"max blur: expected at least 1 px, found {max_blur_px}")
    expected = (sharp.shape[0], *sharp.shape[2:])
    if sharp.ndim != 4 or depth_m.shape != expected:
        raise UsageError(f"depth: expected shape {expected}, found {tuple(depth_m.shape)}")
    light = unit_values(sharp) if is_linear else srgb_to_linear(unit_values(sharp))
    radii = []
    for depth in depth_m:
        lens = thin_lens(depth, max_blur_px, focus_m)
        radii.append(signed_coc(depth, lens.kappa_px, lens.focus_m, max_blur_px))
    coc = torch.stack(radii)
    clean = (blur_with_occlusion if occlusion else blur_without_occlusion)(light, coc, shape)
    left, right = (
        add_noise(view, noise, derive_seed(seed, "noise", side))
        for view, side in zip(clean, ("left", "right"), strict=True)
    )
    encoded = (
        codes_of(view if is_linear else linear_to_srgb(view), sharp.dtype) for view in (left, right, (left + right) / 2)
    )
    left_codes, right_codes, center_codes = encoded
    return RealisticViews(left_codes, right_codes, center_codes, coc)
