"""The stored numbers of the released deconvolution, and pictures to try it on."""

import json
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent / "golden"
FACTS = json.loads((FOLDER / "hyper_laplacian.json").read_text())
GOLDEN = np.load(FOLDER / "hyper_laplacian.npz")
WITHIN = {"rtol": 0, "atol": FACTS["tolerance"]["atol"]}


def blurred() -> np.ndarray:
    return GOLDEN["blurred_uint8"] / 255.0


def green() -> np.ndarray:
    return np.ascontiguousarray(blurred()[:, :, FACTS["fast_deconv"]["channel"]])


def square_kernel(side: int, sigma: float) -> np.ndarray:
    line = np.exp(-((np.arange(side) - side // 2) ** 2) / (2 * sigma**2))
    return np.outer(line, line) / line.sum() ** 2


def released_kernel() -> np.ndarray:
    return square_kernel(FACTS["fast_deconv"]["kernel_side"], FACTS["fast_deconv"]["kernel_sigma"])


def pipeline_levels() -> np.ndarray:
    levels = np.zeros(GOLDEN["blurred_uint8"].shape[:2])
    for part in FACTS["pipeline"]["sigma"]:
        levels[slice(*part["rows"]), slice(*part["columns"])] = part["value"]
    return levels


def sharp_picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Patches of several sizes, float64 (H, W) in [0.1, 0.9]."""
    rng = np.random.default_rng(seed)
    layers = [
        np.kron(rng.random((height // side + 1, width // side + 1)), np.ones((side, side)))[:height, :width]
        for side in (3, 8, 21)
    ]
    return 0.1 + 0.8 * np.mean(layers, axis=0)
