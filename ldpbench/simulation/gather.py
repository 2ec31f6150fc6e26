"""Gather rendering on the CPU: the same exact integers as the Fourier way, straight from the definition.

Depth changes slowly, so a row of the picture falls into runs of pixels that share a kernel. A run is summed tap by tap
over contiguous pixels, which the compiler turns into vector instructions. Weights sum to 2^24 and codes stay below 2^8,
so 32-bit unsigned arithmetic never overflows.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat

import numpy as np
import torch
from numpy.typing import NDArray

from ldpbench.metrics.jit import compiled
from ldpbench.simulation.psf import IntegerKernel
from ldpbench.simulation.windows import mirrored_window

_BAND_ROWS = 16
"""Rows that one thread takes at a time: few, because blur is dear in some parts of a picture and cheap in others."""
_SHORT_RUN_PX = 8
"""Below this a run is summed pixel by pixel along the rows of its kernel."""


@compiled
def _sum_run(
    rows: NDArray[np.uint8],
    left_weights: NDArray[np.uint32],
    right_weights: NDArray[np.uint32],
    left: NDArray[np.uint32],
    right: NDArray[np.uint32],
) -> None:
    """A long run: tap by tap over its pixels. ``rows`` starts at the first tap of its first pixel."""
    side = left_weights.shape[0]
    for dy in range(side):
        for dx in range(side):
            a = left_weights[dy, dx]
            b = right_weights[dy, dx]
            if a == 0 and b == 0:
                continue
            values = rows[dy, dx:]
            for i in range(left.size):
                value = np.uint32(values[i])
                left[i] = np.uint32(left[i] + np.uint32(a * value))
                right[i] = np.uint32(right[i] + np.uint32(b * value))


@compiled
def _sum_pixels(
    rows: NDArray[np.uint8],
    left_weights: NDArray[np.uint32],
    right_weights: NDArray[np.uint32],
    left: NDArray[np.uint32],
    right: NDArray[np.uint32],
) -> None:
    """A short run: pixel by pixel along the rows of the kernel."""
    side = left_weights.shape[0]
    for i in range(left.size):
        one = np.uint32(0)
        other = np.uint32(0)
        for dy in range(side):
            values = rows[dy, i:]
            for dx in range(side):
                value = np.uint32(values[dx])
                one = np.uint32(one + np.uint32(left_weights[dy, dx] * value))
                other = np.uint32(other + np.uint32(right_weights[dy, dx] * value))
        left[i] = one
        right[i] = other


@compiled
def _gather_rows(
    padded: NDArray[np.uint8],
    index: NDArray[np.int64],
    left_weights: NDArray[np.uint32],
    right_weights: NDArray[np.uint32],
    starts: NDArray[np.int64],
    sides: NDArray[np.int64],
    left: NDArray[np.uint32],
    right: NDArray[np.uint32],
    first: int,
    last: int,
) -> None:
    """Rows first to last - 1 of both views; the output must hold zeros."""
    channels, height, width = left.shape
    border = (padded.shape[1] - height) // 2
    for y in range(first, last):
        x = 0
        while x < width:
            kernel = index[y, x]
            stop = x + 1
            while stop < width and index[y, stop] == kernel:
                stop += 1
            side = sides[kernel]
            taps = slice(starts[kernel], starts[kernel] + side * side)
            a = left_weights[taps].reshape(side, side)
            b = right_weights[taps].reshape(side, side)
            offset = border - side // 2
            for channel in range(channels):
                rows = padded[channel, y + offset : y + offset + side, x + offset :]
                sums = (left[channel, y, x:stop], right[channel, y, x:stop])
                if stop - x < _SHORT_RUN_PX:
                    _sum_pixels(rows, a, b, sums[0], sums[1])
                else:
                    _sum_run(rows, a, b, sums[0], sums[1])
            x = stop


def gather_sums(
    picture: NDArray[np.uint8], radii: NDArray[np.int64], kernels: Sequence[tuple[int, IntegerKernel, IntegerKernel]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The weighted sums of the left and the right view.

    Args:
        picture: uint8 (C, H, W).
        radii: Signed radius of every pixel, int64 (H, W).
        kernels: (radius, left, right) for every radius that occurs; fixed-point weights (m, m) that sum to 2^24.

    Returns:
        int64 (C, H, W) each, in units of 2^-24 codes.
    """
    sides = np.array([left.shape[0] for _, left, _ in kernels], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(sides**2)[:-1]]).astype(np.int64)
    lefts, rights = (
        np.concatenate([np.ascontiguousarray(weights).ravel() for weights in views]).astype(np.uint32)
        for views in zip(*((left, right) for _, left, right in kernels), strict=True)
    )
    rows, columns = (slice(0, size) for size in picture.shape[1:])
    padded = mirrored_window(torch.from_numpy(picture), rows, columns, int(sides.max()) // 2).numpy()
    order = np.array([radius for radius, _, _ in kernels], dtype=np.int64)
    ranks = np.argsort(order)
    index = ranks[np.searchsorted(order[ranks], radii)]
    sums = [np.zeros(picture.shape, dtype=np.uint32) for _ in range(2)]
    bands = range(0, picture.shape[1], _BAND_ROWS)
    with ThreadPoolExecutor(max_workers=torch.get_num_threads()) as pool:
        # Our own threads: numba's may not be entered from two places at once, and scenes are rendered in parallel.
        done = pool.map(
            _gather_rows,
            *map(repeat, (padded, index, lefts, rights, starts, sides, *sums)),
            bands,
            (min(first + _BAND_ROWS, picture.shape[1]) for first in bands),
        )
        list(done)
    return sums[0].astype(np.int64), sums[1].astype(np.int64)
