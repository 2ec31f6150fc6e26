"""Dual-pixel point-spread functions: a disc, a Butterworth high-pass, a linear ramp per view, a slight blur.

Kernels here are correlation weights: ``out[y, x] = sum w[dy, dx] * image[y + dy, x + dx]``. ``c`` is the signed radius
of the circle of confusion in pixels, negative for points nearer than the focus.

Source: the RDPD simulator of "Learning to Reduce Defocus Blur by Realistically Modeling Dual-Pixel Data", Abuolaim et
al., ICCV 2021, section 4.2. The numbers agree with its published code.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ldpbench.core.errors import UsageError

Kernel = NDArray[np.float64]
IntegerKernel = NDArray[np.int64]

FIXED_POINT_BITS = 24
"""Fixed-point kernels sum to 2^24, so that 8-bit codes weighted by them sum to integers below 2^32."""


@dataclass(frozen=True)
class PsfShape:
    """What a point-spread function looks like, whatever its size.

    Args:
        order: Order n of the Butterworth filter, an integer of at least 1. Higher: a sharper ring.
        cutoff: Cut-off factor a: the filter reaches one half at (2 / a) of the radius.
        floor: Beta in [0, 1]: the relative weight of the middle. 1 is a plain disc, 0 is a ring.
        smoothing: Width of the final Gaussian as a share of the kernel's side, in [0, 1].

    Raises:
        UsageError: If a value is outside its range.
    """

    order: int
    cutoff: float
    floor: float
    smoothing: float

    def __post_init__(self) -> None:
        faults = [
            text
            for is_fine, text in (
                (self.order >= 1, f"order >= 1, found {self.order}"),
                (self.cutoff > 0 and math.isfinite(self.cutoff), f"cutoff > 0, found {self.cutoff}"),
                (0 <= self.floor <= 1, f"floor in [0, 1], found {self.floor}"),
                (0 <= self.smoothing <= 1, f"smoothing in [0, 1], found {self.smoothing}"),
            )
            if not is_fine
        ]
        if faults:
            raise UsageError(f"PSF shape: expected {'; '.join(faults)}", hint="see docs/simulation.md for the ranges")


class Psf(NamedTuple):
    """The kernels of one radius for points behind the focus (c > 0). Float64 (m, m), m odd, each sums to 1.

    ``right`` is the left-right mirror of ``left`` and ``(left + right) / 2`` is ``center``.
    """

    center: Kernel
    left: Kernel
    right: Kernel


RDPD_SMOOTHING = 1 / 7
RDPD_SHAPES = tuple(PsfShape(n, a, beta, RDPD_SMOOTHING) for n, a, beta in product((3, 6, 9), (2.5, 2.0), (0.1, 0.2)))
"""The 12 rows of the RDPD paper. The published sequences use rows 0 to 5 only."""
REALISTIC = PsfShape(order=3, cutoff=2.5, floor=0.8, smoothing=0.4)
"""Fitted to the calibrated kernels of a phone camera: correlation 0.995 with their mean, 0.93 for the best RDPD row."""
PSF_PRESETS: Mapping[str, PsfShape] = MappingProxyType(
    {**{f"rdpd/{row}": shape for row, shape in enumerate(RDPD_SHAPES)}, "realistic": REALISTIC}
)


def psf_preset(name: str) -> PsfShape:
    """The shape of that name: ``rdpd/0`` to ``rdpd/11`` or ``realistic``.

    Raises:
        UsageError: If there is no such preset.
    """
    try:
        return PSF_PRESETS[name]
    except KeyError:
        raise UsageError(f"unknown PSF preset {name!r}", hint=f"one of: {', '.join(PSF_PRESETS)}") from None


def rdpd_psf(radius_px: int, shape: PsfShape) -> Psf:
    """The dual-pixel kernels of a circle of confusion.

    Args:
        radius_px: Radius |c| of the disc, at least 1. The kernel's side is 2 |c| + 1 plus the smoothing's margin.
        shape: The filter's parameters.

    Raises:
        UsageError: If the radius is below 1.
    """
    if radius_px < 1:
        raise UsageError(f"PSF radius: expected at least 1 px, found {radius_px}", hint="a radius of 0 has no PSF")
    kernel = _smooth(_ring(radius_px, shape), _gaussian_taps(2 * radius_px + 1, shape.smoothing))
    side = kernel.shape[1]
    ramp = np.arange(side, dtype=np.float64) / (side - 1)
    left = kernel * ramp
    left /= left.sum()
    return Psf(center=kernel / kernel.sum(), left=left, right=np.ascontiguousarray(left[:, ::-1]))


def signed_kernels(c: int, shape: PsfShape, *, zero_as_one: bool = False) -> tuple[Kernel, Kernel]:
    """The correlation weights of the left and right view for a signed circle of confusion.

    Far points (c > 0) move to -x in the left view and to +x in the right one; near points move the other way.

    Args:
        c: Signed radius in pixels, negative: nearer than the focus.
        shape: The filter's parameters.
        zero_as_one: What c = 0 means. False: no blur, a 1 x 1 kernel. True: c = +1, as the RDPD code does.

    Returns:
        (left, right), float64 (m, m), m odd, each summing to 1.
    """
    if c == 0 and not zero_as_one:
        identity = np.ones((1, 1))
        return identity, identity
    psf = rdpd_psf(max(abs(c), 1), shape)
    return (psf.left, psf.right) if c >= 0 else (psf.right, psf.left)


def fixed_point(kernel: Kernel, bits: int = FIXED_POINT_BITS) -> IntegerKernel:
    """The kernel as integers that sum to exactly 2^bits.

    Each weight is rounded; what is then missing or too much goes to the middle tap, so that mirrored kernels stay
    mirrored. A weight within 1e-9 of a tie is the only way for two machines to differ; tests keep ours away from ties.

    Args:
        kernel: Float weights (h, w), both odd, summing to 1.
        bits: The exponent of the sum.

    Raises:
        UsageError: If the sides are even or the sum is not 1.
    """
    height, width = kernel.shape
    if height % 2 == 0 or width % 2 == 0 or abs(float(kernel.sum()) - 1.0) > 1e-9:
        raise UsageError(
            f"fixed-point kernel: expected odd sides and a sum of 1, found {height} x {width} and {kernel.sum():.9g}",
            hint="normalise the kernel and pad it to odd sides",
        )
    scale = 1 << bits
    weights = np.rint(kernel * scale).astype(np.int64)
    weights[height // 2, width // 2] += scale - int(weights.sum())
    return weights


def _ring(radius_px: int, shape: PsfShape) -> Kernel:
    """The disc times the Butterworth high-pass, float64 (2 |c| + 1, 2 |c| + 1), not normalised."""
    axis = np.arange(-radius_px, radius_px + 1)
    squared = axis[:, None] ** 2 + axis**2
    cutoff_px = 2 * radius_px / shape.cutoff
    ratio = squared / (cutoff_px * cutoff_px)
    # Products instead of a power: IEEE arithmetic fixes their last bit, libraries differ in that of pow.
    power = math.prod([ratio] * shape.order, start=np.ones_like(ratio))
    butterworth = power / (1 + power)
    # 0 in the middle; the largest value sits in the corners of the square, outside the disc.
    lifted = shape.floor + (1 - shape.floor) * (butterworth / butterworth.max())
    return np.where(squared <= radius_px * radius_px, lifted, 0.0)


def _gaussian_taps(side: int, smoothing: float) -> Kernel:
    """The taps of the final blur for a kernel of that side, float64 (g,), g odd, summing to 1."""
    count = round(side * smoothing) + 1
    count += 1 - count % 2
    half = count // 2
    # The rule by which OpenCV derives a sigma from the number of taps.
    sigma = 0.3 * (half - 1) + 0.8
    taps = np.array([math.exp(-(offset * offset) / (2 * sigma * sigma)) for offset in range(-half, half + 1)])
    normalised: Kernel = taps / taps.sum()
    return normalised


def _smooth(kernel: Kernel, taps: Kernel) -> Kernel:
    """Blur along both axes; the kernel grows by half the taps on each side.

    The border mirrors about the outermost, empty ring (reflect-101), as the RDPD code has it. It doubles some of the
    values next to the ring; zeros beyond the border would change small kernels by up to 40 % of their peak.
    """
    half = len(taps) // 2
    grown = np.pad(kernel, half)
    side = grown.shape[0]
    mirrored = np.pad(grown, half, mode="reflect")
    rows = np.zeros((side, side + 2 * half))
    blurred = np.zeros((side, side))
    for i, tap in enumerate(taps):
        rows += tap * mirrored[i : i + side]
    for i, tap in enumerate(taps):
        blurred += tap * rows[:, i : i + side]
    return blurred
