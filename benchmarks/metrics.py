"""How long one picture takes to score, beside scikit-image, on one thread, with the same values.

Run ``python benchmarks/metrics.py``; ``--size HxW`` and ``--repeats N`` change the picture and the number of tries.
"""

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import scipy.stats
import skimage
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from ldpbench.metrics.disparity import one_minus_abs_rho
from ldpbench.metrics.engine import measure, score

Image = NDArray[np.float64]
Values = dict[str, float]

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")

_TOLERANCE = {"psnr": 1e-6, "mae": 1e-10, "ssim": 1e-8, "ssim-matlab": 1e-8, "srcc": 1e-9, "ai2": 1e-9}


@dataclass(frozen=True)
class Timed:
    """Best time of several calls, time of the first call, and what it returned."""

    best_s: float
    first_s: float
    values: Values


def timed(call: Callable[[], Values], repeats: int) -> Timed:
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        values = call()
        times.append(time.perf_counter() - start)
    return Timed(min(times[1:]), times[0], values)


def picture_pair(height: int, width: int) -> tuple[Image, Image]:
    """A made-up picture with edges and texture, and a blurred, noisy copy of it."""
    random = np.random.default_rng(7)
    blocks = random.random((-(-height // 40), -(-width // 40), 3)).repeat(40, 0).repeat(40, 1)[:height, :width]
    target = 0.8 * blocks + 0.2 * random.random((height, width, 3))
    pred = cv2.GaussianBlur(target, (0, 0), 2.0) + 0.01 * random.standard_normal(target.shape)
    return np.clip(pred, 0.0, 1.0), target


def peer_default(pred: Image, target: Image) -> Values:
    return {
        "psnr": float(peak_signal_noise_ratio(target, pred, data_range=1.0)),
        "ssim": float(structural_similarity(target, pred, data_range=1.0, channel_axis=-1)),
        "mae": float(np.abs(pred - target).mean()),
    }


def peer_gaussian(pred: Image, target: Image) -> Values:
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    value = structural_similarity(target, pred, data_range=1.0, channel_axis=-1, **options)
    return {"ssim-matlab": float(value)}


def peer_disparity(pred: Image, target: Image) -> Values:
    p, t = pred.ravel(), target.ravel()
    design = np.stack([p, np.ones_like(p)], axis=1)
    residual = design @ np.linalg.lstsq(design, t, rcond=None)[0] - t
    return {
        "ai2": float(np.sqrt(np.square(residual).mean())),
        "srcc": 1.0 - abs(float(scipy.stats.spearmanr(p, t).statistic)),
    }


def compare(title: str, ours: Timed, peer_name: str, peer: Timed) -> float:
    """Print one comparison; give the ratio of the times.

    Raises:
        SystemExit: If the values do not agree.
    """
    difference = {name: abs(ours.values[name] - value) for name, value in peer.values.items()}
    ratio = peer.best_s / ours.best_s
    print(f"{title}")
    print(f"  ldpbench      {ours.best_s * 1e3:9.1f} ms   (first call {ours.first_s * 1e3:.0f} ms)")
    print(f"  {peer_name:13s} {peer.best_s * 1e3:9.1f} ms")
    print(
        f"  ratio         {ratio:9.1f} x    largest difference "
        + ", ".join(f"{k} {v:.1e}" for k, v in difference.items())
    )
    for name, found in difference.items():
        if not found <= _TOLERANCE[name]:
            raise SystemExit(f"{title}: {name} differs by {found:.3g}, more than {_TOLERANCE[name]:.0e}")
    return ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="1120x1680", help="height x width of the picture")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    height, width = map(int, options.size.split("x"))
    if not _ONE_THREAD.items() <= os.environ.items():  # libraries read these when they are loaded: start again
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **_ONE_THREAD})  # noqa: S606 - no shell
    cv2.setNumThreads(1)
    pred, target = picture_pair(height, width)
    pred_u16, target_u16 = (np.floor(picture * 65535 + 0.5).astype(np.uint16) for picture in (pred, target))
    map_pred, map_target = pred[:, :, 0], target[:, :, 0]
    few = max(2, options.repeats // 3)
    masks = {"all": None, **{f"band {i}": (target[:, :, 0] * 4).astype(int) == i for i in range(4)}}

    print(f"{height}x{width}x3, one thread, best of {options.repeats}, {platform.machine()}")
    print(f"NumPy {np.__version__}, scikit-image {skimage.__version__}, SciPy {scipy.__version__}")
    basic = ["psnr", "ssim", "mae"]
    peer = timed(lambda: peer_default(pred, target), options.repeats)
    compare(
        "psnr + ssim + mae, float64", timed(lambda: score(pred, target, basic), options.repeats), "scikit-image", peer
    )
    compare(
        "psnr + ssim + mae, uint16 codes (the peer gets floats)",
        timed(lambda: score(pred_u16, target_u16, basic), options.repeats),
        "scikit-image",
        timed(lambda: peer_default(pred_u16 / 65535, target_u16 / 65535), few),
    )
    compare(
        "ssim-matlab (Gaussian 11x11), float64",
        timed(lambda: score(pred, target, ["ssim-matlab"]), options.repeats),
        "scikit-image",
        timed(lambda: peer_gaussian(pred, target), few),
    )
    compare(
        "ai2 + srcc, float64, one channel",
        timed(lambda: score(map_pred, map_target, ["ai2", "srcc"]), few),
        "NumPy + SciPy",
        timed(lambda: peer_disparity(map_pred, map_target), few),
    )
    regions = timed(lambda: {"n": float(len(measure(pred, target, basic, masks)))}, options.repeats)
    ai1 = timed(lambda: score(map_pred, map_target, ["ai1"]), few)
    dense = timed(lambda: {"srcc-dense": one_minus_abs_rho(map_pred, map_target, ranks="dense")}, few)
    print("no peer in this run")
    print(f"  psnr + ssim + mae on the whole and 4 regions   {regions.best_s * 1e3:9.1f} ms")
    print(f"  ai1 (6 solves), one channel                    {ai1.best_s * 1e3:9.1f} ms")
    print(f"  dense ranks of unquantised values              {dense.best_s * 1e3:9.1f} ms")


if __name__ == "__main__":
    main()
