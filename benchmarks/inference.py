"""Time and peak memory of one picture through the networks, whole and in tiles, each in a process of its own.

``python benchmarks/inference.py [--size 1120x1680] [--tile 512] [--device cuda] [NETWORK ...]``. Weights are fresh;
that changes no time. On a CPU the peak is the resident memory of the process, libraries included.
"""

import argparse
import multiprocessing
import resource
import time
from concurrent.futures import ProcessPoolExecutor

import torch


def measure(name: str, height: int, width: int, tile: int | None, device: str) -> tuple[float, float]:
    """Seconds of a second call, and peak memory in GB."""
    from ldpbench.core.allocator import keep_freed_memory
    from ldpbench.methods.tiling import Tiling, in_tiles
    from ldpbench.networks.build import build_named

    keep_freed_memory()
    network = build_named(name).eval().to(device)
    views = [torch.rand(1, channels, height, width, device=device) for channels in (3, 3, 1)]
    tiles = None if tile is None else Tiling(tile)
    seconds = 0.0
    with torch.inference_mode():
        for _ in range(2):
            start = time.perf_counter()
            float(in_tiles(network, views, tiles).mean())  # waits for a GPU too
            seconds = time.perf_counter() - start
    if device.startswith("cuda"):
        return seconds, torch.cuda.max_memory_allocated() / 1e9
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("networks", nargs="*", default=["ldp-tiny", "ldp-small"])
    parser.add_argument("--size", default="1120x1680", help="height x width")
    parser.add_argument("--tile", type=int, default=512)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    height, width = map(int, options.size.split("x"))
    print(f"{width}x{height} px, {options.device}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for name in options.networks:
        for tile in (None, options.tile):
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                seconds, peak = pool.submit(measure, name, height, width, tile, options.device).result()
            how = "whole" if tile is None else f"tiles of {tile} px"
            print(f"{name:<10} {how:<16} {seconds:7.2f} s   peak {peak:5.2f} GB")


if __name__ == "__main__":
    main()
