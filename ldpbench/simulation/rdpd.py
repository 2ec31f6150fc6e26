"""The RDPD data model: thin lens, twelve kernel shapes, gather rendering, radial distortion of everything.

Source: "Learning to Reduce Defocus Blur by Realistically Modeling Dual-Pixel Data", Abuolaim et al., ICCV 2021, and the
numbers of its published code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ldpbench.core.errors import UsageError
from ldpbench.simulation.checks import require_codes, require_map
from ldpbench.simulation.coc import RDPD_CAMERAS, RdpdCamera, rdpd_coc
from ldpbench.simulation.distortion import RadialDistortion, distort
from ldpbench.simulation.psf import RDPD_SHAPES, PsfShape
from ldpbench.simulation.render import render_views


@dataclass(frozen=True)
class RdpdSet:
    """One of the five camera sets: a thin lens and the distortion that goes with it."""

    camera: RdpdCamera
    distortion: RadialDistortion


RDPD_SETS: Mapping[str, RdpdSet] = MappingProxyType(
    {
        f"rdpd/set{number}": RdpdSet(camera, RadialDistortion(*coefficients))
        for number, (camera, coefficients) in enumerate(
            zip(
                RDPD_CAMERAS,
                (
                    (0.0100, 0.0028, 0.0028, 0.900),
                    (0.0080, 0.0020, 0.0020, 0.920),
                    (-0.0055, -0.0013, -0.0013, 1.009),
                    (-0.0070, -0.0036, -0.0036, 1.015),
                    (-0.0080, -0.0050, -0.0050, 1.015),
                ),
                strict=True,
            )
        )
    }
)


class RdpdViews(NamedTuple):
    """One rendering. Pictures are uint8 (N, C, H, W)."""

    left: Tensor
    right: Tensor
    center: Tensor
    target: Tensor
    """The sharp picture, distorted like the views."""
    coc: Tensor
    """The signed radius that was rendered, int64 (N, H, W), before the distortion."""


def sequence_shape(sequence: int) -> PsfShape:
    """The kernel shape of a sequence, counted from 0 in the order of names: the twelve rows in turn."""
    return RDPD_SHAPES[sequence % len(RDPD_SHAPES)]


def synthia_depth_m(codes: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Depth of SYNTHIA-SF's 24-bit codes, red being the lowest byte.

    Args:
        codes: uint8 (..., 3), RGB.

    Returns:
        Metres from 0 to 1000, float64 (...).

    Raises:
        UsageError: If the codes are of another type or shape.
    """
    if codes.dtype != np.uint8 or codes.ndim == 0 or codes.shape[-1] != 3:
        raise UsageError(f"depth codes: expected uint8 (..., 3), found {codes.dtype} {codes.shape}")
    red, green, blue = (codes[..., channel].astype(np.int64) for channel in range(3))
    return np.asarray(1000.0 * (red + 256 * green + 65536 * blue) / (2**24 - 1), dtype=np.float64)


def simulate_rdpd(
    sharp: Tensor,
    depth_m: Tensor,
    camera: RdpdCamera,
    shape: PsfShape,
    *,
    distortion: RadialDistortion | None,
) -> RdpdViews:
    """Render as the published code does: radius 0 becomes 1, so that even the sharpest parts are slightly blurred.

    Args:
        sharp: uint8 (N, C, H, W).
        depth_m: Depth in metres (N, H, W), not negative; beyond 250 m counts as 250 m.
        camera: The thin lens.
        shape: The kernels' shape.
        distortion: The lens's distortion, applied to all four pictures; None for none.

    Raises:
        UsageError: If types or shapes do not fit, or a depth is negative or not a number.
    """
    require_codes(sharp, "sharp picture")
    require_map(depth_m, sharp, "depth")
    if not bool((depth_m >= 0).all()):
        raise UsageError(
            f"depth: expected metres of at least 0, found {float(depth_m.min())}",
            hint="fill the holes of the depth map first",
        )
    coc = rdpd_coc(depth_m, camera)
    coc = torch.where(coc == 0, 1, coc)
    views = render_views(sharp, coc, shape)
    pictures = torch.cat([views.left, views.right, views.center, sharp])
    if distortion is not None:
        pictures = distort(pictures, distortion)
    left, right, center, target = torch.split(pictures, len(sharp))
    return RdpdViews(left, right, center, target, coc)
