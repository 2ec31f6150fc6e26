"""Edge tapering: make a picture go on smoothly over its borders, so that it can be taken for periodic."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Plane = NDArray[np.float64]
Span = NDArray[np.intp]


def edge_taper(picture: Plane, kernel: Plane, times: int = 1) -> Plane:
    """Mix a picture with its blurred self, the more the nearer a border.

    The picture's own share is 0 on the borders, grows with the autocorrelation of the kernel's projections and is 1
    from a kernel's width on. So only a frame of that width has to be computed.

    Args:
        picture: (H, W).
        kernel: (n, m) of sum 1, n and m odd.
        times: How often, one after the other.

    Returns:
        A new picture, float64 (H, W), within the range of the given one.
    """
    tapered = np.array(picture, dtype=np.float64)
    shares = [_own_share(kernel.sum(axis=1 - axis), size) for axis, size in enumerate(tapered.shape)]
    parts = [_Part(rows, columns, tapered.shape, kernel) for rows, columns in _frame(tapered.shape, kernel.shape)]
    for _ in range(times):
        low, high = tapered.min(), tapered.max()
        blurred = [part.blurred(tapered) for part in parts]
        for part, smooth in zip(parts, blurred, strict=True):
            share = np.outer(shares[0][part.rows], shares[1][part.columns])
            place = np.ix_(part.rows, part.columns)
            tapered[place] = np.clip(share * tapered[place] + (1 - share) * smooth, low, high)
    return tapered


def _own_share(projection: Plane, size: int) -> Plane:
    """The picture's own share along one axis: 1 less the kernel's normalised autocorrelation around the border."""
    period = max(size - 1, 1)
    folded = np.bincount(np.arange(projection.size) % period, weights=projection, minlength=period)
    correlation = fft.irfft(np.abs(fft.rfft(folded)) ** 2, n=period)
    return np.asarray(1 - np.append(correlation, correlation[0])[:size] / correlation.max(), dtype=np.float64)


def _frame(shape: tuple[int, ...], reach: tuple[int, ...]) -> list[tuple[Span, Span]]:
    """Rows and columns of the frame's parts: those around the top and bottom border, and the rest of the sides."""
    (height, width), (tall, wide) = shape, reach
    if 2 * tall >= height or 2 * wide >= width:
        return [(np.arange(height), np.arange(width))]
    return [(np.arange(-tall, tall), np.arange(width)), (np.arange(tall, height - tall), np.arange(-wide, wide))]


class _Part:
    """A part of a periodic picture, blurred by a kernel. Negative rows and columns count from the end."""

    def __init__(self, rows: Span, columns: Span, shape: tuple[int, ...], kernel: Plane) -> None:
        self.rows, self.columns = rows, columns
        # The part and what the kernel sees around it; a transform of any size that holds both will do.
        wanted = [_widened(span, reach // 2) for span, reach in zip((rows, columns), kernel.shape, strict=True)]
        self._seen = np.ix_(*(span % size for span, size in zip(wanted, shape, strict=True)))
        self._grid = tuple(fft.next_fast_len(span.size, real=True) for span in wanted)
        self._spectrum = fft.rfft2(kernel, s=self._grid)
        self._valid = tuple(slice(reach - 1, span.size) for span, reach in zip(wanted, kernel.shape, strict=True))

    def blurred(self, picture: Plane) -> Plane:
        """The part of the blurred picture, float64 (rows, columns)."""
        spectrum = fft.rfft2(picture[self._seen], s=self._grid)
        spectrum *= self._spectrum
        return np.asarray(fft.irfft2(spectrum, s=self._grid)[self._valid], dtype=np.float64)


def _widened(span: Span, margin: int) -> Span:
    return np.arange(span[0] - margin, span[-1] + margin + 1)
