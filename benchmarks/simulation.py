"""The simulators beside a plain NumPy gather and scatter of the same formulas, in the same run.

    python benchmarks/simulation.py [--device cpu] [--repeats 3]

The plain gather adds up the whole shifted picture over all taps of a radius and then copies that radius's pixels; the
plain scatter adds the shifted, masked picture over every place of a square. Both are what one writes first.
"""

import argparse
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from ldpbench.simulation.ddd import DDD_CAMERAS, box_average, box_disparity, box_sides, scatter_boxes, simulate_ddd
from ldpbench.simulation.procedural.recipes import RECIPES
from ldpbench.simulation.procedural.scene import draw_scene
from ldpbench.simulation.psf import psf_preset, signed_kernels
from ldpbench.simulation.rdpd import RDPD_SETS, sequence_shape, simulate_rdpd
from ldpbench.simulation.render import render_views

T = TypeVar("T")
SHAPE = "rdpd/2"
REACH_PX = 8


def scene(height: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A procedural picture (H, W, 3) and its depth in metres."""
    drawn = draw_scene(RECIPES["library"], 0, max(height, width))
    return drawn.sharp[:height, :width].copy(), drawn.depth_mm[:height, :width] / 1000


def plain_gather(picture: NDArray[np.uint8], coc: NDArray[np.int64]) -> list[NDArray[np.uint8]]:
    height, width = coc.shape
    views = [np.zeros(picture.shape), np.zeros(picture.shape)]
    for c in np.unique(coc):
        layer = coc == c
        for view, kernel in zip(views, signed_kernels(int(c), psf_preset(SHAPE)), strict=True):
            margin = kernel.shape[0] // 2
            padded = np.pad(picture.astype(np.float64), ((margin, margin), (margin, margin), (0, 0)), mode="reflect")
            total = np.zeros(picture.shape)
            for dy in range(kernel.shape[0]):
                for dx in range(kernel.shape[0]):
                    total += kernel[dy, dx] * padded[dy : dy + height, dx : dx + width]
            view[layer] = total[layer]
    return [np.clip(np.floor(view + 0.5), 0, 255).astype(np.uint8) for view in views]


def plain_scatter(picture: NDArray[np.uint8], sides: NDArray[np.int64]) -> list[NDArray[np.float64]]:
    height, width = sides.shape
    reach = int(sides.max())
    totals = [np.zeros((height + reach, width + 2 * reach, 3)) for _ in range(2)]
    counts = [np.zeros((height + reach, width + 2 * reach, 1)) for _ in range(2)]
    for k in np.unique(sides):
        masked = np.where((sides == k)[..., None], picture, 0).astype(np.float64)
        ones = (sides == k)[..., None].astype(np.float64)
        for dy in range(k):
            for dx in range(k):
                for view, sign in enumerate((1, -1)):
                    rows, columns = slice(dy, dy + height), slice(reach + sign * dx, reach + sign * dx + width)
                    totals[view][rows, columns] += masked
                    counts[view][rows, columns] += ones
    # The published code leaves the last row and column empty.
    inner = (slice(0, height - 1), slice(reach, reach + width - 1))
    return [total[inner] / np.maximum(count[inner], 1) for total, count in zip(totals, counts, strict=True)]


def best(call: Callable[[], T], repeats: int, device: str) -> tuple[float, T]:
    fastest = np.inf
    for _ in range(repeats):
        if device != "cpu":
            torch.cuda.synchronize()
        start = time.perf_counter()
        result = call()
        if device != "cpu":
            torch.cuda.synchronize()
        fastest = min(fastest, time.perf_counter() - start)
    return fastest, result


def report(name: str, ours: float, peer: float, difference: float) -> None:
    print(f"{name:<34} {ours:8.3f} s   plain NumPy {peer:8.2f} s   {peer / ours:6.1f}x   off by {difference:g} at most")


def time_frames(device: str, repeats: int) -> None:
    """Print what a frame of the RDPD data costs with each camera set."""
    picture, depth = scene(1080, 1920)
    large = torch.from_numpy(picture).permute(2, 0, 1)[None].to(device)
    far = torch.from_numpy(depth * 10)[None].to(device)  # a street: 5 to 150 m
    for name, chosen in RDPD_SETS.items():
        plain_s, _ = best(
            lambda chosen=chosen: simulate_rdpd(large, far, chosen.camera, sequence_shape(2), distortion=None),
            repeats,
            device,
        )
        whole, _ = best(
            lambda chosen=chosen: simulate_rdpd(
                large, far, chosen.camera, sequence_shape(2), distortion=chosen.distortion
            ),
            repeats,
            device,
        )
        print(f"{name} 1920x1080              {plain_s:8.3f} s a frame, {whole:.3f} s with radial distortion")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    device, repeats = options.device, options.repeats
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, device {device}\n")

    picture, depth = scene(480, 640)
    sharp = torch.from_numpy(picture).permute(2, 0, 1)[None].to(device)
    inverse = 1 / depth
    share = (inverse - inverse.min()) / (inverse.max() - inverse.min())
    coc = np.rint(REACH_PX * (1 - 2 * share)).astype(np.int64)
    radii = torch.from_numpy(coc)[None].to(device)
    render_views(sharp, radii, psf_preset(SHAPE))  # compiles
    ours, views = best(lambda: render_views(sharp, radii, psf_preset(SHAPE)), repeats, device)
    peer, plain = best(lambda: plain_gather(picture, coc), 1, "cpu")
    worst = max(
        float(np.abs(view[0].permute(1, 2, 0).cpu().numpy().astype(int) - other).max())
        for view, other in zip(views[:2], plain, strict=True)
    )
    report(f"rdpd 640x480, {len(np.unique(coc))} radii", ours, peer, worst)

    metres = torch.from_numpy(0.8 + 3.2 * (depth - depth.min()) / (depth.max() - depth.min())).float()[None].to(device)
    sides = box_sides(box_disparity(metres, DDD_CAMERAS["ddd/train4"]))
    ours, sums = best(lambda: scatter_boxes(sharp, sides), repeats, device)
    peer, boxes = best(lambda: plain_scatter(picture, sides[0].cpu().numpy()), 1, "cpu")
    averages = [box_average(sums.left, sums.left_count), box_average(sums.right, sums.right_count)]
    worst = max(
        float(np.abs(average[0].permute(1, 2, 0).cpu().numpy()[:-1, :-1] - other).max())
        for average, other in zip(averages, boxes, strict=True)
    )
    report(f"ddd 640x480, boxes up to {int(sides.max())} px", ours, peer, worst)

    whole, _ = best(lambda: simulate_ddd(sharp, metres, DDD_CAMERAS["ddd/train4"]), repeats, device)
    print(f"\nddd with crop and enlargement    {whole:8.3f} s a pair, {1 / whole:.1f} pairs a second")
    time_frames(device, repeats)


if __name__ == "__main__":
    main()
