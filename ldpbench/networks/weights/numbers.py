"""What an array of weights may be."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ldpbench.core.errors import IntegrityError
from ldpbench.networks.weights.faults import shown

_KINDS = "fiub"


def demand_numbers(name: str, dtype: np.dtype[Any], path: Path) -> None:
    """Refuse an entry of words, records or Python objects; the latter would have to be unpickled.

    Raises:
        IntegrityError: If it holds anything but real numbers.
    """
    if dtype.kind not in _KINDS:
        raise IntegrityError(
            f"{path}: the entry {shown(name)} is of type {dtype}, expected real numbers",
            hint="give the file with the weights",
        )


def native_order(array: NDArray[Any]) -> NDArray[Any]:
    """The same numbers in this machine's byte order."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)
