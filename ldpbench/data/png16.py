"""Reading and writing pictures exactly, at 8 and at 16 bits.

OpenCV with ``IMREAD_UNCHANGED`` is the reader: Pillow, and with it ``datasets.Image``, imageio and scikit-image, open a
16-bit RGB PNG as 8 bit without a word.
"""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ldpbench.core.atomic import explaining_storage, write_bytes
from ldpbench.core.errors import ImageError, UsageError
from ldpbench.data.picture_files import container_fault

Codes = NDArray[np.uint8] | NDArray[np.uint16]


def decode(data: bytes, name: str) -> Codes:
    """Decode a picture to its stored codes.

    Args:
        data: The encoded file.
        name: What to call it in an error.

    Returns:
        (H, W) for grey or (H, W, 3) in RGB order, uint8 or uint16.

    Raises:
        ImageError: If it is truncated, a web page, not a picture, or of a type we do not score.
    """
    fault = container_fault(data)
    if fault:
        raise ImageError(f"{name}: {fault}", hint="fetch the file again")
    codes: NDArray[Any] | None = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if codes is None:
        raise ImageError(f"{name}: no picture can be decoded from its {len(data)} bytes", hint="fetch the file again")
    if codes.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"{name}: expected 8- or 16-bit codes, found {codes.dtype}", hint="convert it to a PNG")
    if codes.ndim == 3 and codes.shape[2] == 3:
        return np.ascontiguousarray(codes[:, :, ::-1])
    if codes.ndim == 3:
        raise ImageError(f"{name}: expected 1 or 3 channels, found {codes.shape[2]}", hint="remove the alpha channel")
    return np.ascontiguousarray(codes)


def read(path: Path) -> Codes:
    """Read a picture from disk; as ``decode``.

    Raises:
        MissingPrerequisiteError: If the file cannot be read.
        ImageError: As ``decode``.
    """
    with explaining_storage("read", path):
        data = path.read_bytes()
    return decode(data, str(path))


def encode(codes: Codes) -> bytes:
    """Encode codes as PNG, losslessly.

    Args:
        codes: (H, W) or (H, W, 3) in RGB order, uint8 or uint16.
    """
    if codes.dtype not in (np.uint8, np.uint16) or codes.ndim not in (2, 3):
        raise UsageError(f"a PNG holds uint8 or uint16 (H, W) or (H, W, 3), not {codes.dtype} {codes.shape}")
    pixels: NDArray[Any] = codes if codes.ndim == 2 else np.ascontiguousarray(codes[:, :, ::-1])
    done, data = cv2.imencode(".png", pixels)
    assert done, "OpenCV encodes every uint8 and uint16 picture"
    return data.tobytes()


def write(path: Path, codes: Codes) -> None:
    """Write codes as PNG in one step.

    Raises:
        StorageError: If the disk is full, read-only or not ours.
    """
    write_bytes(path, encode(codes))


def to_unit(codes: NDArray[Any]) -> NDArray[np.float32]:
    """Codes to floats in [0, 1]: code / (2^bits - 1). Floats must be in [0, 1] already and are only converted.

    Raises:
        UsageError: For another type, or for floats that are not finite or leave [0, 1].
    """
    if codes.dtype == np.uint8:
        return codes.astype(np.float32) / np.float32(255)
    if codes.dtype == np.uint16:
        return codes.astype(np.float32) / np.float32(65535)
    if not np.issubdtype(codes.dtype, np.floating):
        raise UsageError(f"expected floats in [0, 1] or uint8/uint16 codes, found {codes.dtype}")
    low, high = (float(codes.min()), float(codes.max())) if codes.size else (0.0, 0.0)
    if not (low >= 0.0 and high <= 1.0):
        raise UsageError(f"expected floats in [0, 1], found {low:.4g} to {high:.4g}", hint="divide codes by 2^bits - 1")
    return codes.astype(np.float32)


def to_codes(values: NDArray[np.floating[Any]], bits: int) -> Codes:
    """Floats to codes: clipped to [0, 1], scaled by 2^bits - 1, rounded half up."""
    scale = (1 << bits) - 1
    codes: NDArray[np.float64] = np.floor(np.clip(values, 0.0, 1.0).astype(np.float64) * scale + 0.5)
    return codes.astype(np.uint8) if bits == 8 else codes.astype(np.uint16)
