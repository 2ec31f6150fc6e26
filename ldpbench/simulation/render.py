"""Gather rendering: every pixel sees the whole sharp picture through the kernel of its own circle of confusion.

There is no occlusion: a blurred foreground does not bleed over what lies behind it. That is how RDPD made its data.

Weights are fixed-point integers and pictures are 8-bit codes, so each weighted sum is an exact integer below 2^32. An
FFT product is off by less than 1e-3 and is rounded back to that integer. The result therefore depends neither on the
number of threads nor on the FFT library or the device.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from scipy.fft import next_fast_len
from torch import Tensor

from ldpbench.core.errors import IntegrityError
from ldpbench.simulation.checks import require_codes, require_integers, require_map
from ldpbench.simulation.gather import gather_sums
from ldpbench.simulation.psf import FIXED_POINT_BITS, IntegerKernel, PsfShape, fixed_point, signed_kernels
from ldpbench.simulation.windows import extent, mirrored_window

_FFT_TOLERANCE = 0.125
"""How far an FFT product may lie from an integer. Sound libraries stay below 1e-3 for pictures of 2 megapixels."""


class Views(NamedTuple):
    """What the sensor sees, uint8 (N, C, H, W) each. ``center`` is the mean of the two before rounding."""

    left: Tensor
    right: Tensor
    center: Tensor


class ViewSums(NamedTuple):
    """The two views before rounding: int64 (N, C, H, W), in units of 2^-24 codes."""

    left: Tensor
    right: Tensor


def render_views(sharp: Tensor, coc: Tensor, shape: PsfShape, *, zero_as_one: bool = False) -> Views:
    """The dual-pixel views of a sharp picture.

    Args:
        sharp: uint8 (N, C, H, W).
        coc: Signed radius in pixels, any integer type, (N, H, W); negative: nearer than the focus.
        shape: What the kernels look like.
        zero_as_one: Blur pixels of radius 0 like those of radius +1, as the RDPD code does.

    Raises:
        UsageError: If types or shapes do not fit.
    """
    return round_views(render_sums(sharp, coc, shape, zero_as_one=zero_as_one))


def render_sums(sharp: Tensor, coc: Tensor, shape: PsfShape, *, zero_as_one: bool = False) -> ViewSums:
    """As ``render_views``, before rounding: the place to add noise.

    On the CPU every pixel is summed directly, elsewhere each radius is one product of Fourier transforms. Both give the
    same integers. On two CPU cores the direct way is far faster up to radius 10; above that the two are within a factor
    of two or three of each other, either way round, so there is no switch between them.
    """
    require_codes(sharp, "sharp picture")
    require_map(coc, sharp, "blur radii")
    require_integers(coc, "blur radii")
    kernels = [(c, *_fixed_kernels(c, shape, zero_as_one)) for c in torch.unique(coc).tolist()]
    if sharp.device.type == "cpu":
        return _direct_sums(sharp, coc, kernels)
    return fourier_sums(sharp, coc, kernels)


SignedKernels = tuple[int, IntegerKernel, IntegerKernel]
"""A radius and the fixed-point weights of its left and right view."""


@lru_cache(maxsize=512)
def _fixed_kernels(c: int, shape: PsfShape, zero_as_one: bool) -> tuple[IntegerKernel, IntegerKernel]:
    left, right = (fixed_point(kernel) for kernel in signed_kernels(c, shape, zero_as_one=zero_as_one))
    return left, right


def _direct_sums(sharp: Tensor, coc: Tensor, kernels: Sequence[SignedKernels]) -> ViewSums:
    pairs = [
        gather_sums(picture.numpy(), radii.to(torch.int64).numpy(), kernels)
        for picture, radii in zip(sharp, coc, strict=True)
    ]
    left, right = (torch.from_numpy(np.stack(views)) for views in zip(*pairs, strict=True))
    return ViewSums(left, right)


def fourier_sums(sharp: Tensor, coc: Tensor, kernels: Sequence[SignedKernels]) -> ViewSums:
    """The sums by one product of Fourier transforms per radius, on any device.

    Args:
        sharp: uint8 (N, C, H, W).
        coc: Signed radius in pixels, any integer type, (N, H, W).
        kernels: The weights of every radius that occurs.

    Raises:
        IntegrityError: As ``correlate``.
    """
    picture = sharp.to(torch.float64)
    left, right = (torch.empty(sharp.shape, dtype=torch.int64, device=sharp.device) for _ in range(2))
    for c, *views in kernels:
        layer = coc == c
        items = layer.flatten(1).any(dim=1).nonzero().flatten()
        rows, columns = extent(layer)
        weights = torch.from_numpy(np.stack(views)).to(sharp.device)
        sums = correlate(mirrored_window(picture[items], rows, columns, weights.shape[-1] // 2), weights)
        inside = layer[items, rows, columns][:, None]
        for view, layer_sums in zip((left, right), sums, strict=True):
            window = view[items, :, rows, columns]
            view[items, :, rows, columns] = torch.where(inside, layer_sums, window)
    return ViewSums(left, right)


def round_views(sums: ViewSums) -> Views:
    """To 8 bit: half a code and more goes up, then values are clipped to [0, 255]."""
    return Views(
        left=_to_codes(sums.left, FIXED_POINT_BITS),
        right=_to_codes(sums.right, FIXED_POINT_BITS),
        center=_to_codes(sums.left + sums.right, FIXED_POINT_BITS + 1),
    )


def correlate(picture: Tensor, weights: Tensor) -> Tensor:
    """Correlate every plane with every kernel, where the kernel fits: exact integers.

    One Fourier transform of the picture is shared by all kernels.

    Args:
        picture: float64 (N, C, H + m - 1, W + m - 1) holding codes from 0 to 255.
        weights: int64 (V, m, m), each kernel summing to 2^24.

    Returns:
        int64 (V, N, C, H, W).

    Raises:
        IntegrityError: If a product is not near an integer, which no sound FFT library brings about.
    """
    height, width = picture.shape[-2:]
    margin = weights.shape[-1] - 1
    size = (next_fast_len(height, real=True), next_fast_len(width, real=True))
    spectrum = torch.fft.rfft2(picture, s=size)
    kernels = torch.fft.rfft2(weights.to(torch.float64), s=size).conj()
    # The transform is circular; only the part where the kernel fits into the picture is kept, and nothing wraps there.
    products = torch.fft.irfft2(spectrum[None] * kernels[:, None, None], s=size)
    sums = products[..., : height - margin, : width - margin]
    integers = torch.round(sums)
    worst = float((sums - integers).abs().max())
    if not worst < _FFT_TOLERANCE:
        raise IntegrityError(
            f"FFT of {height} x {width} pixels: expected products within {_FFT_TOLERANCE} of an integer, found {worst}",
            hint="the FFT library or the machine computes wrongly; try another PyTorch build or device",
        )
    return integers.to(torch.int64)


def _to_codes(sums: Tensor, bits: int) -> Tensor:
    return ((sums + (1 << (bits - 1))) >> bits).clamp(0, 255).to(torch.uint8)
