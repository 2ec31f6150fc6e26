"""What every simulator asks of its inputs."""

import torch
from torch import Tensor

from ldpbench.core.errors import UsageError


def require_codes(pictures: Tensor, name: str) -> None:
    """Pictures must be 8-bit codes (N, C, H, W), at least one pixel of them.

    Raises:
        UsageError: If they are not.
    """
    if pictures.dtype != torch.uint8 or pictures.ndim != 4 or pictures.numel() == 0:
        raise UsageError(
            f"{name}: expected uint8 (N, C, H, W), none of them 0, found {pictures.dtype} {tuple(pictures.shape)}",
            hint="give 8-bit codes with the channels in front",
        )


def require_map(values: Tensor, pictures: Tensor, name: str) -> None:
    """A map must have one value a pixel: (N, H, W), on the device of the pictures (N, C, H, W).

    Raises:
        UsageError: If it has not.
    """
    expected = (pictures.shape[0], *pictures.shape[2:])
    if values.shape != expected or values.device != pictures.device:
        raise UsageError(
            f"{name}: expected {expected} on {pictures.device}, found {tuple(values.shape)} on {values.device}",
            hint="give one value a pixel, on the device of the pictures",
        )


def require_integers(values: Tensor, name: str) -> None:
    """A map must hold integers.

    Raises:
        UsageError: If it holds fractions or truth values.
    """
    if values.dtype.is_floating_point or values.dtype.is_complex or values.dtype == torch.bool:
        raise UsageError(f"{name}: expected integers, found {values.dtype}")
