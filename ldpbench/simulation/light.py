"""Display codes and light: the sRGB transfer function both ways. Source: IEC 61966-2-1."""

import torch
from torch import Tensor

from ldpbench.core.errors import UsageError

_MAX_CODE = {torch.uint8: 255, torch.uint16: 65535}


def srgb_to_linear(values: Tensor) -> Tensor:
    """Display values in [0, 1] as light in [0, 1], of the same floating type."""
    toe = values / 12.92
    return torch.where(values <= 0.04045, toe, ((values.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(light: Tensor) -> Tensor:
    """Light in [0, 1] as display values in [0, 1]; what lies outside is clipped."""
    light = light.clamp(0, 1)
    return torch.where(light <= 0.0031308, light * 12.92, 1.055 * light.clamp(min=0.0031308) ** (1 / 2.4) - 0.055)


def unit_values(codes: Tensor) -> Tensor:
    """Codes as float32 in [0, 1]: code / (2^bits - 1).

    Raises:
        UsageError: If they are neither 8- nor 16-bit codes.
    """
    if codes.dtype not in _MAX_CODE:
        raise UsageError(f"expected uint8 or uint16 codes, found {codes.dtype}", hint="give the codes of a picture")
    # torch converts uint16 only by way of a wider integer on some devices.
    return codes.to(torch.int32).to(torch.float32) / _MAX_CODE[codes.dtype]


def codes_of(values: Tensor, dtype: torch.dtype) -> Tensor:
    """Values in [0, 1] as codes of a type, half a code rounded up; what lies outside is clipped."""
    scaled = torch.floor(values.clamp(0, 1).to(torch.float64) * _MAX_CODE[dtype] + 0.5)
    return scaled.to(torch.int32).to(dtype)
