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
    rows = _weights(planes.shape[-2], height, planes.device)
    columns = _weights(planes.shape[-1], width, planes.device)
    return rows @ planes.to(torch.float64) @ columns.T


def _weights(size: int, new_size: int, device: torch.device) -> Tensor:
    """What each old sample adds to each new one, float64 (new_size, size)."""
    centre = (torch.arange(new_size, dtype=torch.float64, device=device) + 0.5) * (size / new_size) - 0.5
    first = torch.floor(centre).to(torch.int64) - 1
    weights = torch.zeros(new_size, size, dtype=torch.float64, device=device)
    for tap in range(4):
        index = first + tap
        mirrored = torch.where(index < 0, -1 - index, torch.where(index >= size, 2 * size - 1 - index, index))
        weights.scatter_add_(1, mirrored.clamp(0, size - 1)[:, None], _cubic(index - centre)[:, None])
    return weights / weights.sum(dim=1, keepdim=True)


def _cubic(distance: Tensor) -> Tensor:
    d = distance.abs()
    near = ((_A + 2) * d - (_A + 3)) * d**2 + 1
    far = ((_A * d - 5 * _A) * d + 8 * _A) * d - 4 * _A
    return torch.where(d <= 1, near, torch.where(d <= 2, far, 0.0))
