"""dp-wiener beside scikit-image's Wiener filters on one view, in the same run: time, ratio and PSNR.

    python benchmarks/dp_wiener.py

The peers are told the true PSF; dp-wiener has to find it.
"""

import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.restoration import unsupervised_wiener, wiener

from ldpbench.api import deblur, load_method, psf_preset, rdpd_psf
from ldpbench.simulation.render import render_views

RADIUS = 6
SIZES = ((256, 256), (1008, 1344))

Picture = NDArray[np.float32]


def make_pair(height: int, width: int) -> tuple[Picture, Picture, Picture]:
    """Left, right and sharp picture, float32 (H, W), uniformly blurred, with noise of 1.5 codes."""
    rng = np.random.default_rng(0)
    layers = [
        np.kron(rng.random((height // size + 1, width // size + 1)), np.ones((size, size))) for size in (2, 5, 16)
    ]
    sharp = (60 + 140 * sum(layer[:height, :width] for layer in layers) / 3).astype(np.uint8)
    coc = torch.full((1, height, width), RADIUS)
    views = render_views(torch.from_numpy(sharp)[None, None], coc, psf_preset("realistic"))
    noisy = [np.clip(view[0, 0].numpy() + rng.normal(0, 1.5, (height, width)), 0, 255) / 255 for view in views]
    return noisy[0].astype(np.float32), noisy[1].astype(np.float32), sharp.astype(np.float32) / 255


def measured(call: Callable[[], NDArray[np.floating]], sharp: Picture) -> tuple[float, float]:
    """Best of three times in seconds, and the PSNR away from the borders."""
    best = np.inf
    for _ in range(3):
        start = time.perf_counter()
        result = call()
        best = min(best, time.perf_counter() - start)
    inner = (slice(16, -16), slice(16, -16))
    return best, float(-10 * np.log10(np.mean((np.clip(result, 0, 1)[inner] - sharp[inner]) ** 2)))


def main() -> None:
    method = load_method("dp-wiener")
    center = rdpd_psf(RADIUS, psf_preset("realistic")).center
    for height, width in SIZES:
        left, right, sharp = make_pair(height, width)
        mean = (left + right) / 2
        results = {
            "blurry input": measured(lambda mean=mean: mean, sharp),
            "dp-wiener": measured(lambda left=left, right=right: deblur(left, right, method), sharp),
            "skimage wiener": measured(lambda mean=mean: wiener(mean, center, 0.03), sharp),
            "skimage unsupervised_wiener": measured(
                lambda mean=mean: unsupervised_wiener(mean.astype(np.float64), center, rng=0)[0], sharp
            ),
        }
        print(f"{width}x{height}, grey, radius {RADIUS} px, 33 candidate radii x 2 shapes for dp-wiener")
        own = results["dp-wiener"][0]
        for name, (seconds, psnr) in results.items():
            print(f"  {name:<28} {seconds:8.3f} s   {seconds / own:6.2f} x dp-wiener   {psnr:6.2f} dB")


if __name__ == "__main__":
    main()
