"""From what a caller hands over to a checked pair. Nothing is broadcast, guessed or dropped."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ldpbench.core.errors import UsageError
from ldpbench.metrics import fused
from ldpbench.metrics.pair import Mask, Pair, Pixels, read_only

Task = Literal["deblur", "blurmap", "disparity"]

_PEAKS: dict[np.dtype[Any], float] = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0}


def open_mask(mask: Mask | None, shape: tuple[int, ...], name: str) -> Mask | None:
    """A region as the kernels take it: None, or a contiguous read-only (H, W) array.

    Raises:
        UsageError: If it is not boolean or not of that shape.
    """
    if mask is None:
        return None
    found = np.asarray(mask)
    if found.dtype != np.bool_ or found.shape != shape:
        raise UsageError(
            f"region {name!r}: expected a bool mask of shape {shape}, found {found.dtype} {found.shape}",
            hint="masks are (H, W), true inside the region",
        )
    return read_only(np.ascontiguousarray(found))


def open_pair(pred: NDArray[Any], target: NDArray[Any], task: Task, *, clip: bool, fuse: bool) -> Pair | None:
    """Check two pictures or maps and bring them to one element type.

    Args:
        pred: As ``ldpbench.metrics.engine.score``.
        target: As there.
        task: What the metrics are for; it decides which values a target may have.
        clip: Clip predicted pictures to [0, 1]; maps are never clipped.
        fuse: As ``Pair``.

    Returns:
        None if the prediction holds NaN or infinity.

    Raises:
        UsageError: If the shapes differ, a type is not supported, or the target is not finite or leaves its range.
    """
    if pred.shape != target.shape:
        raise UsageError(
            f"prediction is {pred.shape}, target is {target.shape}",
            hint="the shapes must be equal: crop or reshape first, nothing is broadcast",
        )
    if pred.ndim not in (2, 3) or not pred.size:
        raise UsageError(f"expected (H, W) or (H, W, C) with at least one pixel, found {pred.shape}")
    x, y = _as_pixels(pred, "prediction"), _as_pixels(target, "target")
    _check_target(y, task)
    if _outside_unit(x):
        if not np.isfinite(x).all():
            return None
        if clip and task == "deblur":
            x = np.clip(x, 0.0, 1.0)
    if x.dtype == y.dtype:
        return Pair(read_only(x), read_only(y), _PEAKS.get(x.dtype, 1.0), fuse)
    return Pair(read_only(_as_unit(x)), read_only(_as_unit(y)), 1.0, fuse)


def _as_pixels(image: NDArray[Any], name: str) -> Pixels:
    """(H, W, C), contiguous, in the machine's byte order, of a type the kernels take."""
    dtype = image.dtype.newbyteorder("=")
    if np.issubdtype(dtype, np.floating):
        dtype = dtype if dtype in (np.float32, np.float64) else np.dtype(np.float64)
    elif dtype not in _PEAKS:
        raise UsageError(
            f"the {name} is {image.dtype}; expected floats in [0, 1] or uint8/uint16 codes",
            hint="convert it: nothing says which value of another type is white",
        )
    return np.ascontiguousarray(image, dtype).reshape(*image.shape[:2], -1)


def _as_unit(pixels: Pixels) -> NDArray[np.float64]:
    return pixels / np.float64(_PEAKS.get(pixels.dtype, 1.0))


def _outside_unit(pixels: Pixels) -> bool:
    """Whether floats leave [0, 1] or are not finite; codes cannot."""
    if pixels.dtype in _PEAKS:
        return False
    return bool(fused.count_outside(read_only(pixels.reshape(-1)), 0.0, 1.0))


def _check_target(target: Pixels, task: Task) -> None:
    if task == "blurmap":
        if target.dtype in _PEAKS:
            raise UsageError(
                f"the true blur is {target.dtype}; expected floats, signed blur in pixels",
                hint="map the codes of the blur map to pixels first",
            )
        if not np.isfinite(target).all():
            raise UsageError("the true blur holds NaN or infinity", hint="set invalid pixels to 0 and mask them out")
    elif _outside_unit(target):
        if not np.isfinite(target).all():
            raise UsageError("the target holds NaN or infinity", hint="the target must be a valid picture")
        raise UsageError(
            f"the target lies in {float(target.min()):.4g} to {float(target.max()):.4g}; expected [0, 1]",
            hint="divide codes by 2^bits - 1; a target is never clipped",
        )
