"""How long one picture takes to score, and what it scores, beside scikit-image, torchmetrics and pyiqa, on one thread.

Run ``python benchmarks/metrics.py``; ``--size HxW`` and ``--repeats N`` change the picture and the number of tries. The
table of peers is made on scikit-image's astronaut; ``--markdown`` prints it, alone, as docs/metrics.md shows it.
"""

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version

import cv2
import numpy as np
import scipy.stats
import skimage
import torch
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from ldpbench.metrics.catalogue import METRICS
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


@dataclass(frozen=True)
class Peer:
    """Another package's way to compute the metric with our id.

    Args:
        metric: Our id.
        package: Its distribution.
        call: What is called, as its users write it.
        differs: Why its value is another one; empty if it has to be ours.
        compute: Prediction and target, float64 (H, W, C) in [0, 1], to its value.
    """

    metric: str
    package: str
    call: str
    differs: str
    compute: Callable[[Image, Image], float]


PACKAGES = ("scikit-image", "torchmetrics", "pyiqa")


def peers() -> Iterator[Peer]:
    """Those whose package is installed; scikit-image is what the tests need anyway."""
    yield from skimage_peers()
    if installed("torchmetrics"):
        yield from torchmetrics_peers()
    if installed("pyiqa"):
        yield from pyiqa_peers()


def installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def skimage_peers() -> Iterator[Peer]:
    def peer(metric: str, call: str, function: Callable[..., float], **options: object) -> Peer:
        return Peer(metric, "scikit-image", call, "", lambda p, t: float(function(t, p, data_range=1.0, **options)))

    ssim = partial(structural_similarity, channel_axis=-1)
    gaussian = {"gaussian_weights": True, "sigma": 1.5}
    yield peer("psnr", "peak_signal_noise_ratio", peak_signal_noise_ratio)
    yield peer("ssim", "structural_similarity", ssim)
    yield peer("ssim-popcov", "structural_similarity(use_sample_covariance=False)", ssim, use_sample_covariance=False)
    yield peer("ssim-gauss", "structural_similarity(gaussian_weights=True)", ssim, **gaussian)
    yield peer("ssim-matlab", "structural_similarity(both)", ssim, **gaussian, use_sample_covariance=False)


def torchmetrics_peers() -> Iterator[Peer]:
    import torchmetrics.functional as plain
    from torchmetrics.functional import image

    def peer(metric: str, call: str, differs: str, function: Callable[..., torch.Tensor], scale: float = 1.0) -> Peer:
        return Peer(
            metric, "torchmetrics", call, differs, lambda p, t: float(function(scale * batch(p), scale * batch(t)))
        )

    psnr = partial(image.peak_signal_noise_ratio, data_range=1.0)
    ssim = partial(image.structural_similarity_index_measure, data_range=1.0)
    uniform = partial(ssim, gaussian_kernel=False, kernel_size=7)
    multiscale = partial(image.multiscale_structural_similarity_index_measure, data_range=1.0)
    reflected = "border reflected, nothing cut"
    other = f"RGB, not rounded, {reflected}; ours: luma of 8 bits"
    yield peer("psnr", "peak_signal_noise_ratio", "logarithm in float32; pools a batch's MSE", psnr)
    yield peer("mae", "mean_absolute_error", "float32", plain.mean_absolute_error)
    yield peer("mse", "mean_squared_error", "float32", plain.mean_squared_error)
    yield peer("ssim", "structural_similarity_index_measure, uniform 7x7", f"divisor 49 for 48; {reflected}", uniform)
    yield peer("ssim-matlab", "structural_similarity_index_measure", reflected, ssim)
    yield peer("ms-ssim", "multiscale_structural_similarity_index_measure", other, multiscale)
    vif = "pixel domain, Gaussian scales, RGB; ours: steerable pyramid, luma"
    yield peer("vif", "visual_information_fidelity", vif, image.visual_information_fidelity, 255.0)


def pyiqa_peers() -> Iterator[Peer]:
    import pyiqa

    def peer(metric: str, name: str, differs: str) -> Peer:
        network = pyiqa.create_metric(name, device="cpu")
        return Peer(metric, "pyiqa", name, differs, lambda p, t: float(network(batch(p), batch(t))))

    yield peer("psnr", "psnr", "adds 1e-8 to the MSE: at most 80 dB")
    yield peer("psnr-y", "psnry", "YIQ luma over the full range; ours: 16 to 235")
    yield peer("ssim-matlab", "ssimc", "rounds to 8 bits; contrast term at least 0; float64")
    yield peer("ssim-y-matlab", "ssim", "YIQ luma over the full range, rounded to 8 bits; float64")
    for metric, name in (("ms-ssim", "ms_ssim"), ("cw-ssim", "cw_ssim"), *((m, m) for m in WRAPPED)):
        yield peer(metric, name, "")


WRAPPED = ("fsim", "gmsd", "nlpd", "vif")


def batch(picture: Image) -> torch.Tensor:
    """(H, W, C) to (1, C, H, W) in float32, which is what users of torch have."""
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)[None], dtype=np.float32))


def astronaut() -> tuple[Image, Image]:
    """scikit-image's 512x512 astronaut, and a copy blurred by a Gaussian of 2 px with noise of 0.01."""
    target = skimage.data.astronaut() / 255.0
    noise = 0.01 * np.random.default_rng(7).standard_normal(target.shape)
    return np.clip(cv2.GaussianBlur(target, (0, 0), 2.0) + noise, 0.0, 1.0), target


def peer_score(peer: Peer, pred: Image, target: Image) -> Values:
    with torch.inference_mode():
        return {peer.metric: peer.compute(pred, target)}


def peer_rows(repeats: int) -> Iterator[tuple[str, ...]]:
    """Metric, our value and time, the peer, its value and time, the ratio, and why the value differs.

    Raises:
        SystemExit: If a value differs that has to be ours.
    """
    pred, target = astronaut()
    ours: dict[str, Timed] = {}
    for peer in sorted(peers(), key=lambda peer: list(METRICS).index(peer.metric)):
        if peer.metric not in ours:
            ours[peer.metric] = timed(partial(score, pred, target, [peer.metric]), repeats)
        own = ours[peer.metric]
        other = timed(partial(peer_score, peer, pred, target), repeats)
        value, theirs = own.values[peer.metric], other.values[peer.metric]
        if not peer.differs and not abs(value - theirs) <= 1e-8:
            raise SystemExit(f"{peer.metric}: {peer.package} finds {theirs:.10f}, we find {value:.10f}")
        yield (
            peer.metric,
            f"{value:.6f}",
            f"{own.best_s * 1e3:.1f}",
            f"{peer.package} `{peer.call}`",
            f"{theirs:.6f}",
            f"{other.best_s * 1e3:.1f}",
            f"{other.best_s / own.best_s:.1f}",
            peer.differs or "the same",
        )


HEADINGS = ("metric", "ours", "ms", "peer", "value", "ms", "times ours", "why it differs")


def print_peers(repeats: int, *, markdown: bool) -> None:
    found = ", ".join(f"{package} {installed(package) or 'ABSENT: no row'}" for package in PACKAGES)
    print(f"Peers: {found}")
    rows = list(peer_rows(repeats))
    if markdown:
        print("\n".join(f"| {' | '.join(row)} |" for row in (HEADINGS, ("---",) * len(HEADINGS), *rows)))
        return
    widths = [max(len(row[column]) for row in (HEADINGS, *rows)) for column in range(len(HEADINGS))]
    for row in (HEADINGS, *rows):
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


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
    parser.add_argument("--markdown", action="store_true", help="only the table of peers, in Markdown")
    options = parser.parse_args()
    height, width = map(int, options.size.split("x"))
    if not _ONE_THREAD.items() <= os.environ.items():  # libraries read these when they are loaded: start again
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **_ONE_THREAD})  # noqa: S606 - no shell
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    few = max(2, options.repeats // 3)
    if not options.markdown:
        at_full_size(height, width, options.repeats, few)
    print_peers(few, markdown=options.markdown)


def at_full_size(height: int, width: int, repeats: int, few: int) -> None:
    """One picture of the benchmark's size, each comparison against one peer with the same values."""
    pred, target = picture_pair(height, width)
    pred_u16, target_u16 = (np.floor(picture * 65535 + 0.5).astype(np.uint16) for picture in (pred, target))
    map_pred, map_target = pred[:, :, 0], target[:, :, 0]
    masks = {"all": None, **{f"band {i}": (target[:, :, 0] * 4).astype(int) == i for i in range(4)}}

    print(f"{height}x{width}x3, one thread, best of {repeats}, {platform.machine()}")
    print(f"NumPy {np.__version__}, scikit-image {skimage.__version__}, SciPy {scipy.__version__}")
    basic = ["psnr", "ssim", "mae"]
    peer = timed(lambda: peer_default(pred, target), repeats)
    compare("psnr + ssim + mae, float64", timed(lambda: score(pred, target, basic), repeats), "scikit-image", peer)
    compare(
        "psnr + ssim + mae, uint16 codes (the peer gets floats)",
        timed(lambda: score(pred_u16, target_u16, basic), repeats),
        "scikit-image",
        timed(lambda: peer_default(pred_u16 / 65535, target_u16 / 65535), few),
    )
    compare(
        "ssim-matlab (Gaussian 11x11), float64",
        timed(lambda: score(pred, target, ["ssim-matlab"]), repeats),
        "scikit-image",
        timed(lambda: peer_gaussian(pred, target), few),
    )
    compare(
        "ai2 + srcc, float64, one channel",
        timed(lambda: score(map_pred, map_target, ["ai2", "srcc"]), few),
        "NumPy + SciPy",
        timed(lambda: peer_disparity(map_pred, map_target), few),
    )
    regions = timed(lambda: {"n": float(len(measure(pred, target, basic, masks)))}, repeats)
    ai1 = timed(lambda: score(map_pred, map_target, ["ai1"]), few)
    dense = timed(lambda: {"srcc-dense": one_minus_abs_rho(map_pred, map_target, ranks="dense")}, few)
    print("no peer in this run")
    print(f"  psnr + ssim + mae on the whole and 4 regions   {regions.best_s * 1e3:9.1f} ms")
    print(f"  ai1 (6 solves), one channel                    {ai1.best_s * 1e3:9.1f} ms")
    print(f"  dense ranks of unquantised values              {dense.best_s * 1e3:9.1f} ms")


if __name__ == "__main__":
    main()
