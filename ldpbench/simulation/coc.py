"""From depth to the signed circle of confusion: how many pixels a point is blurred, and on which side of the focus.

Source: thin-lens equation as used by the RDPD simulator (Abuolaim et al., ICCV 2021, section 4.1).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ldpbench.core.errors import UsageError

_BIN_M = 0.125
_LAST_BIN = 1999
"""2000 bins of 0.125 m cover [0, 250] m; what lies farther counts as 250 m."""
RDPD_LIMIT_PX = 40


@dataclass(frozen=True)
class RdpdCamera:
    """A camera set of RDPD. The numbers are used as they stand, although the first is a length in mm.

    Args:
        focal: Focal length f.
        f_number: Aperture number N.
        focus_m: Focus distance.
    """

    focal: float
    f_number: float
    focus_m: float

    @property
    def kappa(self) -> float:
        """Blur of a point at infinity, in pixels: f^2 / (N (focus - f)), in the order of the published code."""
        sensor = self.focal * self.focus_m / (self.focus_m - self.focal)
        return sensor * (self.focal / self.f_number) / self.focus_m


RDPD_CAMERAS = (
    RdpdCamera(4, 6, 5),
    RdpdCamera(5, 8, 6),
    RdpdCamera(7, 5, 8),
    RdpdCamera(10, 13, 12),
    RdpdCamera(22, 10, 30),
)


def signed_coc(depth_m: Tensor, kappa: float, focus_m: float, limit_px: int) -> Tensor:
    """The signed radius ``clip(round(kappa (z - focus) / z), -limit, limit)``, ties to even.

    Args:
        depth_m: Depth in metres, floating point or integer, any shape, all above 0.
        kappa: Blur of a point at infinity, in pixels.
        focus_m: Focus distance in metres.
        limit_px: Largest radius.

    Returns:
        int64 of the same shape, negative: nearer than the focus. Computed in float64 by subtraction, multiplication and
        division only, so it is the same on every machine.

    Raises:
        UsageError: If a depth is not a finite number above 0.
    """
    depth = depth_m.to(torch.float64)
    if not bool((torch.isfinite(depth) & (depth > 0)).all()):
        raise UsageError(
            f"depth: expected finite metres above 0, found {float(depth.min())} to {float(depth.max())}",
            hint="fill the holes of the depth map first",
        )
    return torch.round(kappa * (depth - focus_m) / depth).clamp(-limit_px, limit_px).to(torch.int64)


def rdpd_coc(depth_m: Tensor, camera: RdpdCamera) -> Tensor:
    """The circle of confusion as the RDPD code has it: from the centre of the 0.125 m bin that holds the depth.

    Args:
        depth_m: Depth in metres, any shape, not negative.
        camera: The camera set.

    Returns:
        int64 of the same shape in [-40, 40], before the rule "0 becomes 1"; ``signed_kernels(zero_as_one=True)`` and
        ``render_views(zero_as_one=True)`` apply that one.
    """
    bins = torch.floor(depth_m.to(torch.float64) / _BIN_M).clamp(max=_LAST_BIN)
    return signed_coc((bins + 0.5) * _BIN_M, camera.kappa, camera.focus_m, RDPD_LIMIT_PX)
