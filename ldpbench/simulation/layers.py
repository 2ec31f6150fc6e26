"""Blur in floating point, layer by layer: plain, and with a foreground that covers what is behind it.

A layer is the set of pixels of one signed radius. Radii grow with depth, so their order is the order of depths.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from scipy.fft import next_fast_len
from torch import Tensor

from ldpbench.simulation.psf import PsfShape, signed_kernels
from ldpbench.simulation.windows import extent, mirrored_window

_SEEN = 1e-3
"""Coverage below which a pixel counts as uncovered by any layer."""


class LightViews(NamedTuple):
    """The light of the two halves of the lens, float32 (N, C, H, W)."""

    left: Tensor
    right: Tensor


class _Layer(NamedTuple):
    """One layer, blurred: its light times its coverage, and its coverage, for both views."""

    light: Tensor
    """(2, N, C, h, w)"""
    cover: Tensor
    """(2, N, 1, h, w)"""
    rows: slice
    columns: slice


def blur_without_occlusion(light: Tensor, coc: Tensor, shape: PsfShape) -> LightViews:
    """Every pixel sees the whole sharp picture through its own kernel, as the published models have it.

    Args:
        light: float32 (N, C, H, W).
        coc: Signed radius in pixels, int64 (N, H, W).
        shape: What the kernels look like.
    """
    views = light.new_zeros((2, *light.shape))
    for c in torch.unique(coc).tolist():
        weights = _weights(c, shape, light.device)
        margin = weights.shape[-1] // 2
        inside = coc == c
        rows, columns = extent(inside)
        seen = mirrored_window(light, rows, columns, margin)
        blurred = _correlate(seen, weights)
        part = views[..., rows, columns]
        views[..., rows, columns] = torch.where(inside[:, None, rows, columns], blurred, part)
    return LightViews(views[0], views[1])


def blur_with_occlusion(light: Tensor, coc: Tensor, shape: PsfShape) -> LightViews:
    """A blurred foreground spreads over what is behind it; what is behind never spreads over a foreground.

    Layers are composed from back to front: each spreads its own light and its own coverage, and covers what is behind
    by its coverage. What a foreground hides is not known; where some of it would be seen past a blurred edge, the light
    of the layers that are known there stands in for it: the sum is divided by the coverage that came together.

    Args:
        light: float32 (N, C, H, W).
        coc: Signed radius in pixels, int64 (N, H, W).
        shape: What the kernels look like.
    """
    total = light.new_zeros((2, *light.shape))
    cover = light.new_zeros((2, light.shape[0], 1, *light.shape[2:]))
    for layer in _layers_from_the_back(light, coc, shape):
        place = (..., layer.rows, layer.columns)
        behind = 1 - layer.cover
        total[place] = layer.light + behind * total[place]
        cover[place] = layer.cover + behind * cover[place]
    known = cover > _SEEN
    views = torch.where(known, total / torch.where(known, cover, 1.0), light)
    return LightViews(views[0], views[1])


def _layers_from_the_back(light: Tensor, coc: Tensor, shape: PsfShape) -> Iterator[_Layer]:
    for c in sorted(torch.unique(coc).tolist(), reverse=True):
        weights = _weights(c, shape, light.device)
        margin = weights.shape[-1] // 2
        mask = (coc == c)[:, None].to(light.dtype)
        rows, columns = extent(coc == c, margin)
        planes = torch.cat([light * mask, mask], dim=1)
        # Beyond the border the picture is mirrored, as in the plain blur: a layer goes on there.
        blurred = _correlate(mirrored_window(planes, rows, columns, margin), weights).clamp(min=0)
        yield _Layer(blurred[:, :, :-1], blurred[:, :, -1:].clamp(max=1), rows, columns)


def _weights(c: int, shape: PsfShape, device: torch.device) -> Tensor:
    """Correlation weights of the two views, float32 (2, m, m)."""
    return torch.from_numpy(np.stack(signed_kernels(c, shape))).to(device, torch.float32)


def _correlate(planes: Tensor, weights: Tensor) -> Tensor:
    """Correlate (N, C, h + m - 1, w + m - 1) with (V, m, m), where the kernels fit: (V, N, C, h, w)."""
    height, width = planes.shape[-2:]
    margin = weights.shape[-1] - 1
    if margin == 0:
        return weights[:, None, None] * planes[None]
    size = (next_fast_len(height, real=True), next_fast_len(width, real=True))
    spectrum = torch.fft.rfft2(planes, s=size)
    kernels = torch.fft.rfft2(weights, s=size).conj()
    products: Tensor = torch.fft.irfft2(spectrum[None] * kernels[:, None, None], s=size)
    return products[..., : height - margin, : width - margin]
