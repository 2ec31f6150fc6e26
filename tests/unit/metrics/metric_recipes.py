"""Pairs of pictures and maps made from the recipes of the golden files, and helpers shared by the metric tests."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

GOLDEN = Path(__file__).parents[2] / "golden"

Array = NDArray[Any]


def golden(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((GOLDEN / name).read_text(encoding="utf-8"))
    return document


def number(value: float | str | None) -> float:
    """A golden number: null and "nan" are NaN, "inf" is infinite."""
    return float("nan") if value is None else float(value)


def sha256(array: Array) -> str:
    little = array.astype(array.dtype.newbyteorder("<"))
    return hashlib.sha256(np.ascontiguousarray(little).tobytes()).hexdigest()


def noise_pair(shape: tuple[int, ...], seed: int, strength: float = 0.3) -> tuple[Array, Array]:
    """A smooth-ish random target in [0, 1] and a noisy, clipped prediction, float64."""
    random = np.random.default_rng(seed)
    blocks = random.random([-(-size // 4) for size in shape[:2]] + list(shape[2:])).repeat(4, 0).repeat(4, 1)
    target = 0.7 * blocks[: shape[0], : shape[1]] + 0.3 * random.random(shape)
    return np.clip(target + strength * (random.random(shape) - 0.5), 0.0, 1.0), target


def to_codes(picture: Array, bits: int) -> Array:
    return np.floor(picture * (2**bits - 1) + 0.5).astype(np.uint8 if bits == 8 else np.uint16)


def restoration_pair(recipe: Mapping[str, Any]) -> tuple[Array, Array]:
    """Prediction and target of a synthetic case of ``metrics.json``."""
    height, width, channels = recipe["h"], recipe["w"], recipe["c"]
    if "constant_target" in recipe:
        shape = (height, width, channels)
        return np.full(shape, recipe["constant_pred"]), np.full(shape, recipe["constant_target"])
    random = np.random.RandomState(recipe["seed"])
    blocks = random.random_sample((-(-height // 8), -(-width // 8), channels))
    texture = random.random_sample((height, width, channels))
    noise = random.random_sample((height, width, channels))
    target = 0.7 * blocks.repeat(8, 0).repeat(8, 1)[:height, :width] + 0.3 * texture
    target, pred = _degraded(recipe["mode"], target, noise, recipe["strength"])
    if recipe["clip_pred"]:
        pred = np.clip(pred, 0.0, 1.0)
    if channels == 1:
        pred, target = pred[:, :, 0], target[:, :, 0]
    if recipe["bits"]:
        return to_codes(pred, recipe["bits"]), to_codes(target, recipe["bits"])
    return pred, target


def _degraded(mode: str, target: Array, noise: Array, strength: float) -> tuple[Array, Array]:
    if mode == "noise":
        return target, target + strength * (noise - 0.5)
    if mode == "negate":
        return target, 1.0 - target
    if mode == "bright":
        target = 0.95 + 0.001 * (target - 0.5)
        return target, target + 0.0005 * (noise - 0.5)
    if mode == "blur":
        padded = np.pad(target, ((1, 1), (1, 1), (0, 0)), mode="edge")
        height, width = target.shape[:2]
        total = np.zeros_like(target)
        for row in range(3):
            for column in range(3):
                total += padded[row : row + height, column : column + width]
        return target, total / 9
    assert mode.startswith("identical"), mode
    return target, target.copy()


def q8(values: Array) -> Array:
    return np.asarray(np.floor(np.clip(values, 0.0, 1.0) * 255 + 0.5) / 255)


def disparity_pair(name: str) -> tuple[Array, Array, Array | None]:
    """Prediction, target and mask of a synthetic case of ``disparity.json``."""
    random = np.random.RandomState(31)
    t, u, v = (random.random_sample((60, 80)) for _ in range(3))
    pairs: dict[str, tuple[Array, Array]] = {
        "continuous": (2 * t - 0.3 + 0.4 * (u - 0.5), t),
        "quantised_8bit": (q8(0.2 + 0.6 * t + 0.1 * (u - 0.5)), q8(t)),
        "perfect_negative_affine": (0.7 - 0.5 * t, t),
        "outliers_5pct": (np.where(v < 0.05, u, 0.8 * t + 0.1 + 0.02 * (u - 0.5)), t),
        "cubic_quantised": (q8(t**3), q8(t)),
        "masked": (2 * t - 0.3 + 0.4 * (u - 0.5), t),
        "constant_pred": (np.full_like(t, 0.5), t),
        "constant_target": (t, np.full_like(t, 0.25)),
    }
    pred, target = pairs[name]
    return pred, target, v >= 0.25 if name == "masked" else None


def blur_pair() -> tuple[Array, Array, Array]:
    """Predicted probability, true signed blur and mask of the blur-map case of ``disparity.json``."""
    random = np.random.RandomState(41)
    t, u, v = (random.random_sample((60, 80)) for _ in range(3))
    blur = 6 * (t - 0.5)
    blur[0, :10] = [1, -1, 1.0000001, -1.0000001, 0, 2, -2, 0.5, -0.5, 3]
    probability = np.clip(0.5 + 0.25 * (np.abs(blur) - 1) + 0.6 * (u - 0.5), 0.0, 1.0)
    probability[1, :4] = [0.5, 0.49999999, 0.50000001, 0.5]
    return probability, blur, v >= 0.25
