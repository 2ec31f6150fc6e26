"""Reading and writing PFM: one plane of float32, lowest row first."""

import re
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ldpbench.core.errors import ImageError, UsageError
from ldpbench.data.picture_files import container_fault

_HEADER = re.compile(rb"(P[fF])\s+(\d+)\s+(\d+)\s+(\S+)\s")
_HINT = "write or fetch the file again"


def read_pfm(data: bytes, name: str) -> NDArray[np.float32]:
    """Decode a PFM of one channel, of either byte order.

    Args:
        data: The encoded file.
        name: What to call it in an error.

    Returns:
        float32 (H, W), top row first.

    Raises:
        ImageError: If it is not a PFM, has colours, a scale other than 1 or -1, or another size than its header says.
    """
    header = _HEADER.match(data)
    if header is None:
        raise ImageError(f"{name}: {container_fault(data) or 'expected a PFM, found another kind of file'}", hint=_HINT)
    magic, width, height, scale = header.groups()
    if magic == b"PF":
        raise ImageError(f"{name}: expected a PFM of one channel (Pf), found colours (PF)", hint=_HINT)
    order = _byte_order(scale)
    if order is None:
        found = scale.decode("latin-1")
        raise ImageError(f"{name}: expected a PFM with scale 1 or -1, found {found!r}", hint=_HINT)
    shape = (int(height), int(width))
    expected, found_bytes = 4 * shape[0] * shape[1], len(data) - header.end()
    if expected != found_bytes or not expected:
        raise ImageError(
            f"{name}: expected {expected} bytes for {shape[1]}x{shape[0]} px after the header, found {found_bytes}",
            hint=_HINT,
        )
    rows = np.frombuffer(data, order + "f4", offset=header.end()).reshape(shape)
    return np.ascontiguousarray(rows[::-1], dtype=np.float32)


def _byte_order(scale: bytes) -> str | None:
    try:
        value = float(scale)
    except ValueError:
        return None
    return {-1.0: "<", 1.0: ">"}.get(value)


def write_pfm(values: NDArray[Any]) -> bytes:
    """Encode a plane as PFM, little endian: the same values give the same bytes on every machine.

    Args:
        values: float32 (H, W), top row first.

    Raises:
        UsageError: For another type or shape.
    """
    if values.dtype != np.float32 or values.ndim != 2 or not values.size:
        raise UsageError(f"a PFM holds float32 (H, W), not {values.dtype} {values.shape}")
    height, width = values.shape
    rows = np.ascontiguousarray(values[::-1])
    return f"Pf\n{width} {height}\n-1\n".encode() + (rows if sys.byteorder == "little" else rows.byteswap()).tobytes()
