"""Box-scatter rendering: every pixel spreads over a square of its own size, then overlaps are averaged.

Source: the DDD-syn data of "Dual-Pixel Exploration: Simultaneous Depth Estimation and Image Restoration", Pan et al.,
CVPR 2021. The focus lies behind the farthest point, so all pixels are on the near side. The square hangs below and
beside its pixel: the left view spreads to +x, the right view to -x, and both to +y, so both views are shifted down by
half a square against the sharp picture. That shift is a property of the published data and is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor

from ldpbench.core.errors import UsageError
from ldpbench.simulation.checks import require_codes, require_integers, require_map
from ldpbench.simulation.resize import enlarge_bicubic


@dataclass(frozen=True)
class DddCamera:
    """One parameter set of DDD-syn.

    Args:
        focal_m: Focal length in metres.
        focal_px: Focal length in pixels; the two together give the pixel pitch.
        aperture_px: Aperture in pixels.
        focus_offset_px: How far the sensor lies short of the farthest point's image.
        depth_divisor: Depths are divided by this.
        crop_px: Rows and columns ``crop_px`` to ``size - crop_px``, counted from 1 and both included, are kept.
    """

    focal_m: float
    focal_px: float
    aperture_px: float
    focus_offset_px: float
    depth_divisor: float
    crop_px: int


DDD_CAMERAS: Mapping[str, DddCamera] = MappingProxyType(
    {
        "ddd/train0": DddCamera(0.006, 3000, 500, 10, 4, 15),
        "ddd/train1": DddCamera(0.004, 2000, 1000, 12, 4, 15),
        "ddd/train2": DddCamera(0.008, 3000, 1500, 6, 3, 20),
        "ddd/train3": DddCamera(0.035, 3000, 600, 6, 0.5, 20),
        "ddd/train4": DddCamera(0.035, 3000, 1500, 7, 1, 20),
        "ddd/test": DddCamera(0.030, 3000, 1500, 7, 0.2, 20),
        "ddd/test1": DddCamera(0.030, 3000, 1500, 11, 0.8, 20),
        "ddd/sample": DddCamera(0.035, 3000, 1500, 5, 0.2, 20),
    }
)
"""The published sets: five to train with, ``testing`` (350 scenes), ``testing1`` (150, strong), and the sample's."""


class DddViews(NamedTuple):
    """One rendering. Pictures are uint8 (N, C, H, W)."""

    left: Tensor
    right: Tensor
    target: Tensor
    """The sharp picture, cropped and enlarged like the views."""
    disparity: Tensor
    """The blur in pixels of the source, not cut to whole ones, float32 (N, H, W), cropped and enlarged likewise."""
    sides: Tensor
    """The side of each source pixel's square, int64 (N, H, W), neither cropped nor enlarged."""


class BoxSums(NamedTuple):
    """Sums over all pixels that spread to a place, int64 (N, C, H, W), and their number, int64 (N, 1, H, W)."""

    left: Tensor
    left_count: Tensor
    right: Tensor
    right_count: Tensor


def box_disparity(depth_m: Tensor, camera: DddCamera) -> Tensor:
    """The blur in pixels, before it is cut to whole pixels.

    All arithmetic is float32, operation by operation as in the published code, because the cut depends on it.

    Args:
        depth_m: Depth in metres (N, H, W), all above 0.
        camera: The parameter set.

    Returns:
        float32 (N, H, W), above 0, smallest at each picture's farthest point.

    Raises:
        UsageError: If a point lies nearer than the focal length or is not a finite number.
    """
    depth = depth_m.to(torch.float32)

    def single(value: float) -> Tensor:
        return torch.tensor(value, dtype=torch.float32, device=depth.device)

    focal = single(camera.focal_px)
    depth_px = depth / single(camera.depth_divisor) * single(camera.focal_px / camera.focal_m)
    if not bool((torch.isfinite(depth_px) & (depth_px > focal)).all()):
        nearest = camera.focal_m * camera.depth_divisor
        raise UsageError(
            f"depth: expected finite metres above {nearest:g}, found {float(depth.min())} to {float(depth.max())}",
            hint="fill the holes of the depth map first",
        )
    image_px = focal * depth_px / (depth_px - focal)
    sensor_px = image_px.amin(dim=(-2, -1), keepdim=True) - single(camera.focus_offset_px)
    return (image_px - sensor_px) / image_px * single(camera.aperture_px) / single(2)


def box_sides(disparity_px: Tensor) -> Tensor:
    """The side of each pixel's square: whole pixels, at least 1. int64 of the same shape."""
    return torch.floor(disparity_px).clamp(min=1).to(torch.int64)


def box_radius(sides: Tensor) -> Tensor:
    """The signed radius that goes with a square: the two views together spread over 2 k - 1 columns, so -(k - 1)."""
    return 1 - sides


def simulate_ddd(sharp: Tensor, depth_m: Tensor, camera: DddCamera, *, centred: bool = False) -> DddViews:
    """Render as the published data were: boxes, crop, bicubic enlargement to the old size, 8-bit rounding.

    Args:
        sharp: uint8 (N, C, H, W).
        depth_m: Depth in metres (N, H, W), above the camera's nearest depth.
        camera: The parameter set.
        centred: Centre the boxes vertically on their pixels. The published data have them hang below.

    Raises:
        UsageError: If types or shapes do not fit, a depth is too small, or nothing is left after the crop.
    """
    require_codes(sharp, "sharp picture")
    require_map(depth_m, sharp, "depth")
    disparity = box_disparity(depth_m, camera)
    return render_boxes(sharp, disparity, box_sides(disparity), camera.crop_px, centred=centred)


def render_boxes(
    sharp: Tensor, disparity_px: Tensor, sides: Tensor, crop_px: int, *, centred: bool = False
) -> DddViews:
    """As ``simulate_ddd``, from a given map of squares.

    Args:
        sharp: uint8 (N, C, H, W).
        disparity_px: The label that goes with it, float32 (N, H, W).
        sides: Side of each pixel's square, any integer type (N, H, W), at least 1.
        crop_px: As in ``DddCamera``.
        centred: As in ``simulate_ddd``.

    Raises:
        UsageError: As ``simulate_ddd``.
    """
    _check(sharp, sides)
    require_map(disparity_px, sharp, "disparity")
    height, width = sharp.shape[-2:]
    rows, columns = (slice(crop_px - 1, size - crop_px) for size in (height, width))
    if len(range(height)[rows]) < 2 or len(range(width)[columns]) < 2:
        raise UsageError(f"a crop of {crop_px} px leaves nothing of {width} x {height} px", hint="give larger pictures")
    sums = scatter_boxes(sharp, sides, centred=centred)
    planes = [box_average(sums.left, sums.left_count), box_average(sums.right, sums.right_count), sharp]
    left, right, target = (_to_codes(enlarge_bicubic(plane[..., rows, columns], height, width)) for plane in planes)
    label = enlarge_bicubic(disparity_px[..., rows, columns], height, width).to(torch.float32)
    return DddViews(left, right, target, label, sides.to(torch.int64))


def _to_codes(values: Tensor) -> Tensor:
    return torch.floor(values + 0.5).clamp(0, 255).to(torch.uint8)


def scatter_boxes(sharp: Tensor, sides: Tensor, *, centred: bool = False) -> BoxSums:
    """Spread every pixel over its square, exactly.

    The last row and column stay empty, as in the published code, which crops them away.

    Args:
        sharp: uint8 (N, C, H, W).
        sides: Side of each pixel's square, any integer type (N, H, W), at least 1.
        centred: Let the square begin (side - 1) / 2 rows above its pixel, half a row more for even sides, instead of
            at its row.

    Raises:
        UsageError: If types or shapes do not fit or a side is below 1.
    """
    _check(sharp, sides)
    sides = sides.to(torch.int64)
    # The number of pixels is the sum of a picture of ones.
    planes = torch.cat([sharp.to(torch.int64), torch.ones_like(sides)[:, None]], dim=1)
    columns = torch.arange(sides.shape[2], device=sides.device).expand_as(sides)
    rows = torch.arange(sides.shape[1], device=sides.device)[:, None].expand_as(sides)
    top = rows - sides // 2 if centred else rows
    left = _scatter(planes, top, top + sides, columns, columns + sides)
    right = _scatter(planes, top, top + sides, columns - sides + 1, columns + 1)
    return BoxSums(left[:, :-1], left[:, -1:], right[:, :-1], right[:, -1:])


def _check(sharp: Tensor, sides: Tensor) -> None:
    require_codes(sharp, "sharp picture")
    require_map(sides, sharp, "sides of squares")
    require_integers(sides, "sides of squares")
    if int(sides.min()) < 1:
        raise UsageError(
            f"sides of squares: expected at least 1, found {int(sides.min())}", hint="`box_sides` makes them from depth"
        )


def box_average(sums: Tensor, counts: Tensor) -> Tensor:
    """The mean of what spread to each place, float64; 0 where nothing did."""
    return sums.to(torch.float64) / counts.clamp(min=1)


def _scatter(planes: Tensor, top: Tensor, bottom: Tensor, start: Tensor, stop: Tensor) -> Tensor:
    """Add each pixel to rows top .. bottom - 1 and columns start .. stop - 1, by marking corners and summing up.

    Integers make it exact and independent of the order in which the corners are added.
    """
    n, channels, height, width = planes.shape
    top, bottom = top.clamp(0, height - 1), bottom.clamp(0, height - 1)
    start, stop = start.clamp(0, width - 1), stop.clamp(0, width - 1)
    corners = torch.zeros(n, channels, height * width, dtype=torch.int64, device=planes.device)
    values = planes.flatten(2)
    for rows, cols, sign in ((top, start, 1), (top, stop, -1), (bottom, start, -1), (bottom, stop, 1)):
        index = (rows * width + cols).flatten(1)[:, None].expand_as(values)
        corners.scatter_add_(2, index, sign * values)
    return corners.reshape(n, channels, height, width).cumsum(-2).cumsum(-1)
