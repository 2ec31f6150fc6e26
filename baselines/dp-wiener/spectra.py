"""The two views, padded so that circular convolution never shows, and their spectra."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Picture = NDArray[np.float32]
Spectrum = NDArray[np.complex64]

_SECOND_DIFFERENCE_GAIN = 6.0
"""By how much second differences along both axes, [1 -2 1] twice, raise the deviation of white noise."""
_MAD_TO_SIGMA = 0.6745


class PaddedViews:
    """Left and right view, (C, H, W), mirrored at the borders and grown to a size that transforms fast.

    Args:
        left: float32 (C, H, W).
        right: float32 (C, H, W).
        margin_px: At least this much is added on every side.
    """

    def __init__(self, left: Picture, right: Picture, margin_px: int) -> None:
        self.left, self.right = left, right
        self.margin = margin_px
        rows, columns = (fft.next_fast_len(size + 2 * margin_px, real=True) for size in left.shape[-2:])
        self.grid = (rows, columns)

    @cached_property
    def spectra(self) -> tuple[Spectrum, Spectrum]:
        """Half spectra of both views, (C, rows, columns // 2 + 1)."""
        return self._spectrum(self.left), self._spectrum(self.right)

    def _spectrum(self, view: Picture) -> Spectrum:
        pads = [
            (self.margin, wanted - size - self.margin) for size, wanted in zip(view.shape[-2:], self.grid, strict=True)
        ]
        padded = np.pad(view, [(0, 0), *pads], mode="symmetric")
        return np.asarray(fft.rfft2(padded, workers=-1), dtype=np.complex64)

    def inverse(self, spectrum: Spectrum) -> Picture:
        """Back from half spectra (..., rows, columns // 2 + 1), cropped to the views."""
        planes = fft.irfft2(spectrum, s=self.grid, workers=-1)
        height, width = self.left.shape[-2:]
        rows, columns = slice(self.margin, self.margin + height), slice(self.margin, self.margin + width)
        return np.asarray(planes[..., rows, columns], dtype=np.float32)

    @cached_property
    def noise(self) -> float:
        """Standard deviation of one view's noise: the median of its second differences, which detail hardly moves."""
        differences = [
            np.abs(np.diff(np.diff(view, 2, axis=-1), 2, axis=-2)).ravel() for view in (self.left, self.right)
        ]
        return float(np.median(np.concatenate(differences)) / _MAD_TO_SIGMA / _SECOND_DIFFERENCE_GAIN)


def squared_frequency(grid: tuple[int, int]) -> NDArray[np.float32]:
    """Squared spatial frequency of each bin of a half spectrum, in (cycles per pixel)^2."""
    vertical, horizontal = fft.fftfreq(grid[0])[:, None], fft.rfftfreq(grid[1])[None, :]
    return np.asarray(vertical**2 + horizontal**2, dtype=np.float32)
