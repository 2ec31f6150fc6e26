"""Training speed beside a plain loop: the same network, batches and loss in float32 PyTorch with a DataLoader.

Both train ldp-tiny on the sample set's pictures in turns in one process; the ratio of images per second is the figure.
Run it on a quiet machine: ``python benchmarks/train.py [--device cuda] [--batch 8] [--crop 96] [--steps 20]``.
"""

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

T = TypeVar("T")
WORKERS = 1
TURNS = 3


class Crops(Dataset[tuple[torch.Tensor, ...]]):
    """What a first version of a training script has: decoded pictures in memory, a random crop each."""

    def __init__(self, home: Path, crop_px: int, count: int) -> None:
        from ldpbench.blurmap.disparity.estimator import DisparityEstimator
        from ldpbench.core.home import Home
        from ldpbench.data.prepared import open_prepared

        estimator = DisparityEstimator()
        self._crop = crop_px
        self._count = count
        self._scenes = []
        for sample in open_prepared(Home(home), "sample").samples():
            assert sample.target is not None
            logits = estimator.estimate_sample(sample).logits[..., None]
            views = np.concatenate([sample.left, sample.right, sample.target, logits], axis=2)
            self._scenes.append(torch.from_numpy(views.transpose(2, 0, 1).copy()))

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> tuple[torch.Tensor, ...]:
        scene = self._scenes[index % len(self._scenes)]
        top, left = (int(torch.randint(0, length - self._crop + 1, (1,))) for length in scene.shape[1:])
        crop = scene[:, top : top + self._crop, left : left + self._crop]
        return crop[:3], crop[3:6], crop[6:9], crop[9:]


def plain(home: Path, options: argparse.Namespace) -> float:
    """Images per second of the plain loop."""
    from ldpbench.networks.build import build_named

    device = torch.device(options.device)
    network = build_named("ldp-tiny").to(device).train()
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-4)
    crops = Crops(home, options.crop, options.batch * (options.steps + 3))
    loader = DataLoader(crops, batch_size=options.batch, num_workers=WORKERS, pin_memory=device.type == "cuda")
    done, start = 0, 0.0
    for number, batch in enumerate(loader):
        left, right, target, logits = (part.to(device) for part in batch)
        loss = torch.sqrt((network(left, right, logits) - target).square().sum(1) + 1e-8).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        loss.item()  # a plain script prints its loss
        if number == 2:
            start = time.perf_counter()
        done += number > 2
    return done * options.batch / (time.perf_counter() - start)


def ours(home: Path, options: argparse.Namespace) -> tuple[float, float]:
    """Images per second of the trainer, and the share of time it waited for data."""
    from ldpbench.core.allocator import keep_freed_memory
    from ldpbench.core.home import Home
    from ldpbench.core.progress import SILENT
    from ldpbench.training.journal import read_journal
    from ldpbench.training.recipes import resolve
    from ldpbench.training.run import train
    from ldpbench.training.setup import Wishes
    from ldpbench.training.team import joined_team

    keep_freed_memory()
    on_gpu = options.device.startswith("cuda")
    settings = {
        "split": "test", "val_split": "val", "allow_test": "true", "global_batch": options.batch,
        "micro_batch": options.batch, "patches.size_px": 192, "journal_every": options.steps,
        "validate_every": 10**6, "checkpoint_every": 10**6, "validate_scenes": 1,
        "stages.0.steps": options.steps * 2, "stages.0.warmup_steps": 1, "stages.1.steps": 1,
        "cache": "gpu" if on_gpu else "ram",
        "precision": "bfloat16" if on_gpu else "float32", "compile": str(on_gpu).lower(),
        "stages.0.crops": f"[{{start: 0.0, size_px: {options.crop}}}]",
    }  # fmt: skip
    config = resolve(
        "ldp-tiny",
        recipe_name="cpu-smoke",
        changes={"dataset": "sample"},
        assignments=[f"{key}={value}" for key, value in settings.items()],
    )
    with tempfile.TemporaryDirectory() as folder, joined_team(options.device) as team:
        train(config, Home(home), Path(folder) / "run", team, Wishes(), command=["benchmark"], progress=SILENT)
        lines = [line for line in read_journal(Path(folder) / "run") if line["kind"] == "step"]
    return lines[1]["images_per_s"], lines[1]["wait_share"]


def in_process(work: Callable[..., T], home: Path, options: argparse.Namespace) -> T:
    """Run in a process of its own: allocator settings and warm caches of one must not help the other."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, home, options).result()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--crop", type=int, default=96)
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    from ldpbench.core.home import Home
    from ldpbench.data.prepare import prepare

    print(f"ldp-tiny, {options.batch} crops of {options.crop} px, {options.device}, {torch.get_num_threads()} threads")
    with tempfile.TemporaryDirectory() as folder:
        prepare("sample", Home(Path(folder)))
        ratios = []
        for turn in range(TURNS):
            peer = in_process(plain, Path(folder), options)
            mine, wait = in_process(ours, Path(folder), options)
            ratios.append(mine / peer)
            print(
                f"turn {turn + 1}: ldpbench {mine:.1f} img/s (wait {wait:.1%}), plain loop {peer:.1f} img/s: "
                f"{ratios[-1]:.2f}x"
            )
    print(f"median {sorted(ratios)[len(ratios) // 2]:.2f}x")


if __name__ == "__main__":
    main()
