"""Time and peak memory of every published method, as ratios to ``nafnet`` in the same run.

``python benchmarks/networks.py [--sizes 256,512] [--device cuda] [METHOD ...]``. Each method runs in a process of its
own, with fresh weights; that changes no time. A call is what the engine does: the network, and for classical methods
all of the method. ``ldp-official`` is its network alone, because its blur map needs CLIP's weights. The memory is the
peak of the process less what it held before the first call. The ratios of the published code are to NAFNet as its
authors wrote it, so a NAFNet with step-by-step norms runs beside ours.
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
PLAIN_PEER = "nafnet, plain"
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


class PlainNorm(torch.nn.Module):
    """The norm of NAFNet step by step, as published code has it: the peer that its authors' ratios are of."""

    def __init__(self, norm: torch.nn.Module) -> None:
        super().__init__()
        self.weight, self.bias = norm.weight, norm.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise (N, C, H, W)."""
        mean = x.mean(1, keepdim=True)
        variance = (x - mean).pow(2).mean(1, keepdim=True)
        y = (x - mean) / (variance + 1e-6).sqrt()
        return self.weight.view(1, -1, 1, 1) * y + self.bias.view(1, -1, 1, 1)


def plain_nafnet() -> torch.nn.Module:
    """NAFNet with six channels, its norms step by step and its features in torch's own order."""
    from ldpbench.api import build_network

    network = build_network(PEER, img_channel=6, width=32, enc_blk_nums=[1, 1, 1, 28], dec_blk_nums=[1, 1, 1, 1])
    for module in list(network.modules()):
        for name in ("norm1", "norm2"):
            if hasattr(module, name):
                setattr(module, name, PlainNorm(getattr(module, name)))
    # The network asks for channels last at its start; its first convolution turns that back.
    network.intro.register_forward_pre_hook(lambda _, given: (given[0].contiguous(),))
    return network.eval()


def prepared_call(name: str, size: int, device: str) -> Callable[[], object]:
    """One call of a method on made-up pictures."""
    from ldpbench.api import build_network
    from ldpbench.methods.loading import load_method

    if name == PLAIN_PEER:
        plain = plain_nafnet().to(device)
        six = torch.rand(1, 6, size, size, device=device)
        return lambda: plain(six)
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
    return [record.id for record in records if not record.skipped]


def main() -> None:
    parser = argparse.ArgumentParser(description=Path(__file__).name)
    parser.add_argument("methods", nargs="*")
    parser.add_argument("--sizes", default="256,512")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    wanted = options.methods or runnable()
    names = [PEER, PLAIN_PEER, *(name for name in wanted if name != PEER)]
    print(
        f"{options.device}, 1 thread, torch {torch.__version__}; in (): the published codes' own ratio, to plain NAFNet"
    )
    for size in map(int, options.sizes.split(",")):
        print(f"\n{size}x{size}        seconds  to {PEER}  to plain                memory added")
        took: dict[str, float] = {}
        for name in names:
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
                seconds, peak = pool.submit(measure, name, size, options.device, options.repeats).result()
            took[name] = seconds
            published = PUBLISHED_RATIOS.get((name, size))
            said = "" if published is None else f"({published:.2f})"
            to_plain = f"{seconds / took[PLAIN_PEER]:8.2f}" if PLAIN_PEER in took else " " * 8
            print(
                f"{name:<18} {seconds:8.3f} {seconds / took[PEER]:9.2f} {to_plain} {said:<9} {peak:8.2f} GB", flush=True
            )


if __name__ == "__main__":
    main()
