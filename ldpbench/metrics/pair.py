"""A checked pair of pictures, a region of it, and what several metrics share.

Everything a metric needs is a cached property, so it is computed once however many metrics and regions ask for it.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ldpbench.metrics import fused
from ldpbench.metrics.ssim3d import gauss3d_ssim_map

Pixels = NDArray[Any]
"""(H, W, C), C-contiguous and read-only: uint8, uint16, float32 or float64."""
Mask = NDArray[np.bool_]
"""(H, W), true inside a region."""

LUMA_WEIGHTS = (65.481, 128.553, 24.966)
LUMA_OFFSET = 16.0
"""Studio-swing luma of ITU-R BT.601 in 0..255, from red, green and blue in [0, 1]."""


def read_only(array: NDArray[Any]) -> NDArray[Any]:
    """A read-only view, so that the kernels are compiled for one array type per element type."""
    view = array.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, eq=False)
class SsimMap:
    """SSIM of every window of a picture, averaged over the channels.

    Args:
        mean: Mean over all windows; NaN if the picture is smaller than the window.
        values: One value per window, (H - 2 * margin_px, W - 2 * margin_px).
        margin_px: Distance of the first window's centre from the border.
    """

    mean: float
    values: NDArray[np.float64]
    margin_px: int

    def over(self, mask: Mask | None) -> float:
        """Mean over the windows whose centre lies inside the mask; NaN if there is none."""
        if mask is None or not self.values.size:
            return self.mean
        margin = self.margin_px
        height, width = mask.shape
        inside = np.ascontiguousarray(mask[margin : height - margin, margin : width - margin])
        return float(fused.masked_mean(self.values, read_only(inside)))


@dataclass(frozen=True)
class Errors:
    """Mean squared and mean absolute error, white = 1; NaN over an empty region."""

    mse: float
    mae: float


@dataclass(frozen=True, eq=False)
class Pair:
    """Prediction and target of one shape and element type, finite, with white at ``peak``.

    Args:
        pred: The prediction.
        target: The target.
        peak: 255 or 65535 for codes, 1 for floats.
        fuse: SSIM is going to be asked for, so the errors come out of the same pass.
    """

    pred: Pixels
    target: Pixels
    peak: float = 1.0
    fuse: bool = False

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.pred.shape[2])

    @cached_property
    def rows(self) -> tuple[Pixels, Pixels]:
        """Both pictures as (H, W * C)."""
        shape = (self.pred.shape[0], -1)
        return read_only(self.pred.reshape(shape)), read_only(self.target.reshape(shape))

    @cached_property
    def unit(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Both pictures as float64 with white at 1."""
        if self.peak == 1.0:
            return self.pred.astype(np.float64, copy=False), self.target.astype(np.float64, copy=False)
        return self.pred / np.float64(self.peak), self.target / np.float64(self.peak)

    @cached_property
    def errors(self) -> Errors:
        """Errors over the whole picture."""
        if self.fuse and self._fits(fused.BOX_PX):
            return self._fused[0]
        square, absolute = fused.error_sums(*self.rows)
        return self.mean_errors(square, absolute, self.pred.size)

    def mean_errors(self, square: float, absolute: float, n_values: int) -> Errors:
        """Mean errors from sums in code units."""
        if n_values == 0:
            return Errors(np.nan, np.nan)
        return Errors(square / n_values / self.peak**2, absolute / n_values / self.peak)

    @property
    def box_ssim(self) -> SsimMap:
        """Uniform 7x7 window, sample covariance."""
        return self._fused[1]

    @cached_property
    def box_ssim_population(self) -> SsimMap:
        """Uniform 7x7 window, population covariance."""
        return self._box_pass(fused.POPULATION)[1]

    @cached_property
    def gauss_ssim(self) -> SsimMap:
        """Gaussian 11x11 window, sample covariance."""
        return self._gauss_pass(fused.GAUSS_SAMPLE)

    @cached_property
    def gauss_ssim_population(self) -> SsimMap:
        """Gaussian 11x11 window, population covariance."""
        return self._gauss_pass(fused.POPULATION)

    @cached_property
    def gauss3d_ssim(self) -> SsimMap:
        """Gaussian window of 11 taps over rows, columns and channels; windows reach over the replicated border."""
        values = gauss3d_ssim_map(*self.unit, fused.GAUSS_WEIGHTS)
        return SsimMap(float(values.mean()), values, 0)

    @cached_property
    def luma(self) -> "Pair | None":
        """The pair of Y channels; None unless there are three channels."""
        if self.channels != 3:
            return None
        weights = np.array(LUMA_WEIGHTS) / 255
        pred, target = ((picture @ weights + LUMA_OFFSET / 255)[:, :, None] for picture in self.unit)
        return Pair(pred, target)

    @cached_property
    def rounded_u8(self) -> "Pair":
        """Both pictures clipped and rounded to 8 bits, halves up."""
        return self._rounded(np.uint8)

    @cached_property
    def rounded_u16(self) -> "Pair":
        """Both pictures clipped and rounded to 16 bits, halves up."""
        return self._rounded(np.uint16)

    def _fits(self, window_px: int) -> bool:
        return min(int(size) for size in self.pred.shape[:2]) >= window_px

    @cached_property
    def _fused(self) -> tuple[Errors, SsimMap]:
        return self._box_pass(fused.BOX_SAMPLE)

    def _empty_map(self, window_px: int) -> NDArray[np.float64]:
        height, width = self.pred.shape[:2]
        return np.empty((max(height - window_px + 1, 0), max(width - window_px + 1, 0)))

    def _box_pass(self, cov: float) -> tuple[Errors, SsimMap]:
        margin = fused.BOX_PX // 2
        values = self._empty_map(fused.BOX_PX)
        if not values.size:
            return self.errors, SsimMap(np.nan, values, margin)
        constants = fused.ssim_constants(cov, self.peak)
        square, absolute, mean = fused.box_pass(*self.rows, self.channels, constants, values)
        return self.mean_errors(square, absolute, self.pred.size), SsimMap(mean, values, margin)

    def _gauss_pass(self, cov: float) -> SsimMap:
        values = self._empty_map(fused.GAUSS_PX)
        margin = fused.GAUSS_PX // 2
        if not values.size:
            return SsimMap(np.nan, values, margin)
        constants = fused.ssim_constants(cov, self.peak)
        return SsimMap(fused.gauss_pass(*self.rows, self.channels, constants, values), values, margin)

    def _rounded(self, code: type[np.uint8] | type[np.uint16]) -> "Pair":
        if self.pred.dtype == code:
            return self
        white = float(np.iinfo(code).max)
        pred, target = (np.floor(np.clip(picture, 0.0, 1.0) * white + 0.5).astype(code) for picture in self.unit)
        return Pair(pred, target, white)


@dataclass(frozen=True, eq=False)
class Region:
    """The part of a pair that is scored: all of it, or the pixels of a mask."""

    pair: Pair
    mask: Mask | None = None

    @cached_property
    def errors(self) -> Errors:
        """Errors over the region's values."""
        if self.mask is None:
            return self.pair.errors
        square, absolute = fused.masked_error_sums(*self.pair.rows, self.mask)
        return self.pair.mean_errors(square, absolute, int(self.mask.sum()) * self.pair.channels)

    @cached_property
    def values(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The region's predicted and true values as two one-dimensional arrays, white = 1."""
        pred, target = self.pair.unit
        if self.mask is None:
            return pred.ravel(), target.ravel()
        return pred[self.mask].ravel(), target[self.mask].ravel()

    def of(self, pair: Pair) -> "Region":
        """The same region of a pair made from this one."""
        return Region(pair, self.mask)
