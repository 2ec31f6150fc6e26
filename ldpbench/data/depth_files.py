"""Reading a depth map that a user has: 16-bit PNG in millimetres, .npy or .pfm in metres."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from ldpbench.core.atomic import explaining_storage
from ldpbench.core.errors import ImageError
from ldpbench.data import png16
from ldpbench.data.pfm import read_pfm

SUFFIXES = (".png", ".npy", ".pfm")
MAX_HOLES = 0.5
"""Share of unknown pixels above which a map is refused instead of filled."""


def read_depth(path: Path) -> tuple[NDArray[np.float64], float]:
    """A depth map in metres and the share of its pixels that were unknown.

    Unknown pixels (0 mm, or not a finite number above 0) take the depth of the nearest known one.

    Args:
        path: 16-bit grey PNG in millimetres, or float .npy or .pfm in metres.

    Returns:
        Metres, float64 (H, W), all above 0; and the share that was filled.

    Raises:
        MissingPrerequisiteError: If the file cannot be read.
        ImageError: If it is not such a map, or most of it is unknown.
    """
    metres = _metres(path)
    known = np.isfinite(metres) & (metres > 0)
    holes = 1.0 - float(known.mean())
    if holes > MAX_HOLES:
        raise ImageError(
            f"{path}: expected depths above 0, found {holes:.0%} of the pixels unknown", hint="give a filled map"
        )
    if holes > 0:
        rows, columns = distance_transform_edt(~known, return_distances=False, return_indices=True)
        metres = metres[rows, columns]
    return metres, holes


def _metres(path: Path) -> NDArray[np.float64]:
    if path.suffix.lower() == ".npy":
        return _from_npy(path)
    if path.suffix.lower() == ".pfm":
        with explaining_storage("read", path):
            data = path.read_bytes()
        return read_pfm(data, str(path)).astype(np.float64)
    codes = png16.read(path)
    if codes.dtype != np.uint16 or codes.ndim != 2:
        raise ImageError(
            f"{path}: expected a 16-bit grey picture in millimetres, found {codes.dtype} {codes.shape}",
            hint="save depth as 16-bit PNG in millimetres, or as .npy or .pfm in metres",
        )
    return codes.astype(np.float64) / 1000


def _from_npy(path: Path) -> NDArray[np.float64]:
    with explaining_storage("read", path):
        try:
            values = np.load(path, allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise ImageError(f"{path}: not a plain .npy array: {error}", hint="save it with numpy.save") from error
    if values.ndim != 2 or not np.issubdtype(values.dtype, np.floating):
        raise ImageError(
            f"{path}: expected floats (H, W) in metres, found {values.dtype} {values.shape}",
            hint="save metres as a two-dimensional float array",
        )
    return np.asarray(values, dtype=np.float64)
