"""Sensor noise in linear light: what the counting of photons adds, and what reading them out adds.

The variance of a value x is ``shot x + read^2``, the usual affine model (Foi et al., IEEE TIP 17(10), 2008).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from ldpbench.core.errors import UsageError
from ldpbench.core.names import unknown_name


@dataclass(frozen=True)
class SensorNoise:
    """Noise of one view, in units of light where white is 1.

    Args:
        shot: Variance per unit of light: one over the photons that make white.
        read: Standard deviation in the dark.

    Raises:
        UsageError: If a value is negative or not a number.
    """

    shot: float
    read: float

    def __post_init__(self) -> None:
        if not (0 <= self.shot < 1 and 0 <= self.read < 1):
            raise UsageError(f"noise: expected shot and read in [0, 1), found {self.shot} and {self.read}")


NOISE_PRESETS: Mapping[str, SensorNoise] = MappingProxyType(
    {
        "none": SensorNoise(0.0, 0.0),
        # Half a pixel of a phone gathers about 3000 electrons at base sensitivity and reads out with about 3.
        "low": SensorNoise(1 / 3000, 0.001),
        "medium": SensorNoise(1 / 750, 0.003),
        "high": SensorNoise(1 / 190, 0.010),
    }
)
"""Each step is two stops less light. The figures are typical orders of magnitude, not measured on a camera."""


def noise_preset(name: str) -> SensorNoise:
    """The noise of that name: ``none``, ``low``, ``medium`` or ``high``.

    Raises:
        UsageError: If there is no such preset.
    """
    if name not in NOISE_PRESETS:
        raise unknown_name("noise preset", name, NOISE_PRESETS)
    return NOISE_PRESETS[name]


def add_noise(light: Tensor, noise: SensorNoise, seed: int) -> Tensor:
    """Light with noise, not clipped. The same seed gives the same noise, whatever the device.

    Args:
        light: Floats, any shape, white is 1.
        noise: How much.
        seed: Decides the noise.
    """
    if noise.shot == 0 and noise.read == 0:
        return light
    generator = torch.Generator().manual_seed(seed)
    bell = torch.randn(light.shape, generator=generator, dtype=torch.float32).to(light.device)
    return light + torch.sqrt(noise.shot * light.clamp(min=0) + noise.read**2) * bell
