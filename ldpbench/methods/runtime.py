"""Running any method the same way: check, normalise, pad, call, clamp, crop, take the time."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import pad

from ldpbench.core.errors import LdpbenchError, MethodError, UsageError
from ldpbench.data.png16 import to_unit
from ldpbench.data.sample import Sample
from ldpbench.methods.protocol import Deblurrer, SizeRule, View

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Restored:
    """What came out of a method, after the runtime's share of the work."""

    image: Image
    """float32 (H, W, C), on the scale of the sample's views; NaN where the method said NaN."""
    seconds: float
    """Time inside the method alone."""
    clipped_fraction: float
    """Share of values outside [0, 1] before they were clamped."""


def restore_sample(deblurrer: Deblurrer, sample: Sample) -> Restored:
    """Restore one scene.

    Views are divided by the sample's white level first, so that every method sees [0, 1] used to the full; the result
    is multiplied by it again.

    Raises:
        MethodError: If the method fails, or returns something that is not a picture of the right shape.
        UsageError: If the method wants a view that the sample does not have.
    """
    white = np.float32(sample.white_level)
    views: dict[View, Image] = {
        "left": sample.left / white,
        "right": sample.right / white,
        "center": sample.center_view / white,
    }
    if sample.blur_map is not None:
        views["blur_map"] = sample.blur_map[:, :, None]
    restored = _restore(deblurrer, views)
    return Restored(restored.image * white, restored.seconds, restored.clipped_fraction)


def restore_pair(deblurrer: Deblurrer, left: NDArray[Any], right: NDArray[Any]) -> Image:
    """Restore one pair of pictures.

    Args:
        deblurrer: The method.
        left: (H, W, C) or (H, W) floats in [0, 1], or uint8/uint16 codes.
        right: Same shape and type.

    Returns:
        float32 in [0, 1], of the shape of ``left``.

    Raises:
        UsageError: If the views do not match.
        MethodError: As ``restore_sample``.
    """
    if left.shape != right.shape or left.dtype != right.dtype:
        raise UsageError(
            f"the views differ: left is {left.dtype} {left.shape}, right is {right.dtype} {right.shape}",
            hint="give two views of the same picture",
        )
    if left.ndim not in (2, 3) or (left.ndim == 3 and left.shape[2] not in (1, 3)):
        raise UsageError(f"expected (H, W), (H, W, 1) or (H, W, 3), found {left.shape}")
    views = [to_unit(view).reshape(*view.shape[:2], -1) for view in (left, right)]
    named: dict[View, Image] = {"left": views[0], "right": views[1], "center": (views[0] + views[1]) / np.float32(2)}
    return _restore(deblurrer, named).image.reshape(left.shape)


def _restore(deblurrer: Deblurrer, views: dict[View, Image]) -> Restored:
    lacking = [name for name in deblurrer.inputs if name not in views]
    if lacking:
        raise UsageError(f"{type(deblurrer).__name__} wants {', '.join(lacking)}, which this picture does not have")
    height, width, channels = views["left"].shape
    rows, columns = (size - size % (deblurrer.crop_px or 1) for size in (height, width))
    if not rows or not columns:
        raise UsageError(
            f"a picture of {width}x{height} px has no part whose sides are multiples of {deblurrer.crop_px}"
        )
    given = {name: _batch(views[name][:rows, :columns], name, deblurrer) for name in deblurrer.inputs}
    output, seconds = _timed_call(deblurrer, given)
    expected = next(iter(given.values())).shape[-2:]
    _check(output, type(deblurrer).__name__, expected)
    restored = output[0, :, :rows, :columns].detach().to("cpu", torch.float32)
    if deblurrer.channel_order == "bgr":
        restored = restored.flip(0)
    if restored.shape[0] != channels:
        restored = restored.mean(0, keepdim=True) if channels == 1 else restored.expand(channels, -1, -1)
    outside = float(((restored < 0) | (restored > 1)).float().mean())
    image = restored.clamp(0, 1).permute(1, 2, 0).contiguous().numpy()
    return Restored(_whole(image, views["center"]), seconds, outside)


def _whole(restored: Image, center: Image) -> Image:
    """What was cut off at the bottom and right is given back as it came."""
    if restored.shape == center.shape:
        return restored
    image = center.copy()
    image[: restored.shape[0], : restored.shape[1]] = restored
    return image


def _batch(view: Image, name: View, deblurrer: Deblurrer) -> torch.Tensor:
    """One view as a padded (1, C, H, W) tensor of the depth, channels and device that the method takes."""
    if name != "blur_map" and deblurrer.bits is not None:
        view = cut_to_bits(view, deblurrer.bits)
    tensor = torch.from_numpy(np.ascontiguousarray(view.transpose(2, 0, 1)))[None]
    if name != "blur_map":
        if tensor.shape[1] == 1 and 1 not in deblurrer.channels:
            tensor = tensor.expand(-1, 3, -1, -1).contiguous()
        if deblurrer.channel_order == "bgr":
            tensor = tensor.flip(1)
    return pad_to(tensor, deblurrer.size).to(deblurrer.device)


def cut_to_bits(view: Image, bits: int) -> Image:
    """What a reader of ``bits`` bits makes of a 16-bit file: the low bits are cut off, not rounded.

    Args:
        view: float32 in [0, 1].
        bits: 8 or 16.
    """
    codes = np.rint(view * np.float32(65535)).astype(np.uint16)
    return np.asarray((codes >> (16 - bits)).astype(np.float32) / np.float32(2**bits - 1))


def pad_to(tensor: torch.Tensor, rule: SizeRule) -> torch.Tensor:
    """Pad (N, C, H, W) at the bottom and right to the size rule: by reflection, by repetition where that is short."""
    height, width = tensor.shape[-2:]
    rows, columns = rule.padded(height) - height, rule.padded(width) - width
    if not rows and not columns:
        return tensor
    by_reflection = (min(columns, width - 1), min(rows, height - 1))
    padded = pad(tensor, (0, by_reflection[0], 0, by_reflection[1]), mode="reflect")
    rest = (columns - by_reflection[0], rows - by_reflection[1])
    return pad(padded, (0, rest[0], 0, rest[1]), mode="replicate") if any(rest) else padded


def _timed_call(deblurrer: Deblurrer, given: dict[View, torch.Tensor]) -> tuple[Any, float]:
    start = time.perf_counter()
    try:
        with torch.inference_mode():
            output = deblurrer.restore(
                left=given.get("left"),
                right=given.get("right"),
                center=given.get("center"),
                blur_map=given.get("blur_map"),
            )
        if isinstance(output, torch.Tensor) and output.is_cuda:
            torch.cuda.synchronize(output.device)  # a GPU works behind our back; the clock must wait for it
    except LdpbenchError:
        raise
    except Exception as error:
        # A method is somebody else's code: whatever it raises is its failure, and the other images go on.
        detail = " ".join(str(error).split())
        raise MethodError(f"{type(deblurrer).__name__} failed: {type(error).__name__}: {detail}") from error
    return output, time.perf_counter() - start


def _check(output: Any, name: str, expected: torch.Size) -> None:
    if not isinstance(output, torch.Tensor) or output.ndim != 4 or output.shape[0] != 1:
        found = f"shape {tuple(output.shape)}" if isinstance(output, torch.Tensor) else type(output).__name__
        raise MethodError(f"{name} returned {found}, expected a tensor (1, C, H, W)")
    if output.shape[-2:] != expected or output.shape[1] not in (1, 3):
        raise MethodError(f"{name} returned {tuple(output.shape)}, expected (1, 1 or 3, {expected[0]}, {expected[1]})")
    if not output.is_floating_point():
        raise MethodError(f"{name} returned {output.dtype}, expected floats")
