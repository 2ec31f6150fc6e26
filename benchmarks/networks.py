"""Time and peak memory of every published method, as ratios to ``nafnet`` in the same run.

``python benchmarks/networks.py [--sizes 256,512] [--device cuda] [METHOD ...]``. Each method runs in a process of its
own, with fresh weights; that changes no time. A call is what the engine does: the network, and for classical methods
all of the method. ``ldp-official`` is its network alone, because its blur map needs CLIP's weights. The memory is the
peak of the process less what it held before the first call. The ratios of the published code are those of
NAFNet-w32, one thread of a CPU.
"""

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch

PEER = "nafnet"
PUBLISHED_RATIOS = {
    ("restormer", 256): 15.7 / 0.97,
    ("ifan", 256): 0.79 / 0.97,
    ("ifan-single", 256): 0.89 / 0.97,
    ("deeprft", 256): 3.1 / 0.97,
    ("restormer", 512): 94.7 / 5.1,
    ("ifan", 512): 3.6 / 5.1,
    ("ifan-single", 512): 4.1 / 5.1,
    ("deeprft", 512): 17.7 / 5.1,
}
"""The authors' own code against NAFNet-w32 with six channels, measured together once on one thread."""


def prepared_call(name: str, size: int, device: str) -> Callable[[], object]:
    """One call of a method on made-up pictures."""
    from ldpbench.api import build_network
    from ldpbench.methods.loading import load_method

    if name == "ldp-official":
        network = build_network(name).eval().to(device)
        x = torch.rand(1, 7, size, size, device=device)
        return lambda: network(x)
    method = load_method(name, device=device, untrained=True).deblurrer
    views = {view: torch.rand(1, 3, size, size, device=device) for view in ("left", "right", "center")}
    given = {view: picture if view in method.inputs else None for view, picture in views.items()}
    return lambda: method.restore(**given, blur_map=None)


def measure(name: str, size: int, device: str, repeats: int) -> tuple[float, float]:
    """Seconds of the fastest call after the first, and the memory in GB that calls added."""
    from ldpbench.core.allocator import keep_freed_memory

    torch.set_num_threads(1)
    keep_freed_memory()
    call = prepared_call(name, size, device)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = []
    with torch.inference_mode():
        for _ in range(1 + repeats):
            start = time.perf_counter()
            call()
            if device.startswith("cuda"):
                torch.cuda.synchronize()
            times.append(time.perf_counter() - start)
    if device.startswith("cuda"):
        return min(times[1:]), torch.cuda.max_memory_allocated() / 1e9
    return min(times[1:]), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / 1e9


def runnable() -> list[str]:
    """Every published method."""
    from ldpbench.core.resources import shipped_root
    from ldpbench.records import read_records

    folders = sorted(path.parent for path in (shipped_root() / "baselines").glob("*/baseline.yaml"))
    records = [record for folder in folders for record in read_records(folder) if record.kind != "reference"]
    names = [record.id for record in records if not record.skipped]
    return [PEER, *(name for name in names if name != PEER)]


def main() -> None:
    parser = argparse.ArgumentParser(description=Path(__file__).name)
    parser.add_argument("methods", nargs="*")
    parser.add_argument("--sizes", default="256,512")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    names = [PEER, *(name for name in options.methods if name != PEER)] if options.methods else runnable()
    print(f"{options.device}, 1 thread, torch {torch.__version__}; ratios to {PEER}, those of the published code in ()")
    for size in map(int, options.sizes.split(",")):
        print(f"\n{size}x{size}        seconds    ratio             memory added")
        peer = 0.0
        for name in names:
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                seconds, peak = pool.submit(measure, name, size, options.device, options.repeats).result()
            peer = peer or seconds
            published = PUBLISHED_RATIOS.get((name, size))
            said = "" if published is None else f"({published:.2f})"
            print(f"{name:<18} {seconds:8.3f} {seconds / peer:8.2f} {said:<10} {peak:8.2f} GB", flush=True)


if __name__ == "__main__":
    main()
