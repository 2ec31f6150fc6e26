"""Random numbers that are the same on every machine and with every library version.

NumPy promises the raw stream of a bit generator for a seed; it does not promise what its distributions make of it. So
only raw 64-bit integers are taken, and exact arithmetic turns them into what is needed.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.random import PCG64
from numpy.typing import NDArray

T = TypeVar("T")


class Draws:
    """A stream of random numbers from one seed."""

    def __init__(self, seed: int) -> None:
        self._generator = PCG64(seed)

    def raw(self, count: int) -> NDArray[np.uint64]:
        """The next ``count`` integers in [0, 2^64)."""
        return np.asarray(self._generator.random_raw(count), dtype=np.uint64)

    def units(self, count: int) -> NDArray[np.float64]:
        """Multiples of 2^-53 in [0, 1): the top 53 bits of each integer, an exact conversion."""
        return (self.raw(count) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def between(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return low + (high - low) * float(self.units(1)[0])

    def integer(self, stop: int) -> int:
        """An integer in [0, stop)."""
        return int(self.raw(1)[0]) % stop

    def sign(self) -> int:
        """-1 or 1."""
        return 1 - 2 * self.integer(2)

    def choice(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[self.integer(len(options))]

    def shuffled(self, options: Sequence[T]) -> list[T]:
        """The options in random order (Fisher-Yates)."""
        items = list(options)
        for last in range(len(items) - 1, 0, -1):
            other = self.integer(last + 1)
            items[last], items[other] = items[other], items[last]
        return items

    def bell(self, shape: tuple[int, ...]) -> NDArray[np.int64]:
        """Nearly Gaussian integers of mean 0 and standard deviation 2^16: the sum of twelve 16-bit integers, centred.

        Its kurtosis is 2.9 instead of 3 and it ends at 6 standard deviations.
        """
        count = int(np.prod(shape))
        words = self.raw(3 * count).reshape(3, count)
        total = np.zeros(count, dtype=np.int64)
        for shift in (0, 16, 32, 48):
            parts = (words >> np.uint64(shift)) & np.uint64(0xFFFF)
            total += parts.astype(np.int64).sum(axis=0)
        return (total - 6 * 0xFFFF).reshape(shape)
