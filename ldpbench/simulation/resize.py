"""Bicubic resizing as MATLAB's ``imresize`` does it when it enlarges.

OpenCV and Pillow use other coefficients or borders, and their results differ in many codes.
"""

import torch
from torch import Tensor

from ldpbench.core.errors import UsageError

_A = -0.5
"""Keys's coefficient."""


def enlarge_bicubic(planes: Tensor, height: int, width: int) -> Tensor:
    """Enlarge by cubic convolution with a = -0.5, pixel centres at halves, borders mirrored with the edge repeated.

    Args:
        planes: (..., H, W), any type.
        height: New height, at least H.
        width: New width, at least W.

    Returns:
        float64 (..., height, width), not clipped.

    Raises:
        UsageError: If it would shrink: then MATLAB widens the kernel against aliasing, which this does not.
    """
    if height < planes.shape[-2] or width < planes.shape[-1]:
        raise UsageError(
            f"enlarging: expected at least {planes.shape[-2]} x {planes.shape[-1]}, found {height} x {width}"
        )
    tall = _along_rows(planes.to(torch.float64), height)
    return _along_rows(tall.transpose(-1, -2), width).transpose(-1, -2)


def _along_rows(planes: Tensor, new_size: int) -> Tensor:
    """Enlarge the second last axis: four weighted samples for each new one."""
    size = planes.shape[-2]
    centre = (torch.arange(new_size, dtype=torch.float64, device=planes.device) + 0.5) * (size / new_size) - 0.5
    taps = (torch.floor(centre).to(torch.int64) - 1)[:, None] + torch.arange(4, device=planes.device)
    weights = _cubic(taps - centre[:, None])
    weights = weights / weights.sum(dim=1, keepdim=True)
    mirrored = torch.where(taps < 0, -1 - taps, torch.where(taps >= size, 2 * size - 1 - taps, taps)).clamp(0, size - 1)
    parts = (planes.index_select(-2, mirrored[:, tap]) * weights[:, tap, None] for tap in range(4))
    return sum(parts, start=planes.new_zeros(()))


def _cubic(distance: Tensor) -> Tensor:
    d = distance.abs()
    near = ((_A + 2) * d - (_A + 3)) * d**2 + 1
    far = ((_A * d - 5 * _A) * d + 8 * _A) * d - 4 * _A
    return torch.where(d <= 1, near, torch.where(d <= 2, far, 0.0))
