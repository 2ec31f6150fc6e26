"""What `prepare` costs: memory for sets of growing size, and throughput beside a plain copy of the same files.

    python benchmarks/prepare.py [--scenes 20 200 2000] [--side 192] [--large 24]

Memory: every size is prepared in a process of its own. Throughput: one worker, SHA-256 of every file on; the copy is
`shutil.copyfile` of the same files, flushed to disk file by file as `prepare` flushes its shards, in the same run.
"""

import argparse
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import yaml

from ldpbench.core.hashing import sha256_bytes
from ldpbench.core.home import Home
from ldpbench.data.prepare import prepare

ROLES = ("left", "right", "center", "target")
_MEASURED = """
import json, resource, sys, time
from pathlib import Path
from ldpbench.core.home import Home
from ldpbench.data.prepare import prepare
import ldpbench.data.store, ldpbench.data.hugging_face
home, source = Home(Path(sys.argv[1])), sys.argv[2]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
info = prepare("many", home, source=source).info
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"seconds": seconds, "before_mb": before / 1024, "peak_mb": peak / 1024, "scenes": info.count}))
"""


def write_set(root: Path, scenes: int, side: int) -> int:
    """A made-up set of 16-bit RGB PNGs with card and manifest; the number of bytes."""
    rng = np.random.default_rng(0)
    rows: list[dict[str, object]] = []
    total = 0
    for scene in range(scenes):
        for role in ROLES:
            codes = rng.integers(0, 65536, (side, side, 3), dtype=np.uint16)
            # Stored, not squeezed: noise does not shrink, and making the files should not take longer than the rest.
            data = cv2.imencode(".png", codes, [cv2.IMWRITE_PNG_COMPRESSION, 0])[1].tobytes()
            path = f"{role}/{scene:05d}.png"
            (root / "source" / path).parent.mkdir(parents=True, exist_ok=True)
            (root / "source" / path).write_bytes(data)
            total += len(data)
            facts = {"split": "test", "sample_id": f"{scene:05d}", "role": role, "bits": 16}
            rows.append({"path": path, "bytes": len(data), "sha256": sha256_bytes(data), **facts})
    folder = root / "plugin" / "datasets_cards" / "many"
    folder.mkdir(parents=True)
    card = {
        "schema": 1,
        "id": "many",
        "version": "1",
        "title": "Many",
        "summary": "Made up.",
        "licence": "CC0-1.0",
        "redistribution": "yes",
        "access": "manual",
        "manual_steps": "None.",
        "adapter": "plain",
        "views": ["left", "right", "center"],
        "channels": 3,
        "bits": 16,
        "encoding": "srgb",
        "width_px": side,
        "height_px": side,
        "splits": {"test": scenes},
        "tasks": ["deblur"],
        "content": "files",
        "protocols": [{"id": "srgb", "title": "sRGB", "why": "Made up.", "metrics": ["psnr"]}],
    }
    (folder / "card.yaml").write_text(yaml.safe_dump(card))
    with (folder / "manifest.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return total


def prepare_once(root: Path) -> dict[str, float]:
    """Prepare in a fresh process and a fresh home."""
    home = Path(tempfile.mkdtemp(dir=root))
    environment = os.environ | {"LDPBENCH_PLUGIN_PATH": str(root / "plugin"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", _MEASURED, str(home), str(root / "source")]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    shutil.rmtree(home)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def copy_once(root: Path) -> float:
    """Seconds for a plain copy of the same files, each flushed to disk."""
    target = Path(tempfile.mkdtemp(dir=root))
    files = sorted(path for path in (root / "source").rglob("*") if path.is_file())
    start = time.perf_counter()
    for number, path in enumerate(files):
        copy = target / f"{number}.png"
        shutil.copyfile(path, copy)
        with copy.open("rb") as stream:
            os.fsync(stream.fileno())
    seconds = time.perf_counter() - start
    shutil.rmtree(target)
    return seconds


def memory(scenes: list[int], side: int, place: Path) -> None:
    print(f"Peak memory, four {side}x{side} 16-bit RGB PNGs a scene")
    print(f"{'scenes':>8} {'data MB':>9} {'loaded MB':>10} {'peak MB':>9} {'growth MB':>10}")
    for count in scenes:
        root = Path(tempfile.mkdtemp(dir=place))
        total = write_set(root, count, side)
        found = prepare_once(root)
        growth = found["peak_mb"] - found["before_mb"]
        print(f"{count:>8} {total / 1e6:>9.0f} {found['before_mb']:>10.0f} {found['peak_mb']:>9.0f} {growth:>10.0f}")
        shutil.rmtree(root)


def throughput(scenes: int, place: Path, rounds: int) -> None:
    """Copy and prepare in turns in one process.

    On a virtual machine memory that was not used for a while is handed back and has to be fetched again at a tenth of
    the speed. Taking turns without a pause, after one turn that does not count, treats both alike.
    """
    root = Path(tempfile.mkdtemp(dir=place))
    total = write_set(root, scenes, 1180)  # about 8.4 MB a file, as DPD-blur has them
    os.environ["LDPBENCH_PLUGIN_PATH"] = str(root / "plugin")
    copies, prepares = [], []
    for _ in range(rounds + 1):
        copies.append(copy_once(root))
        home = Path(tempfile.mkdtemp(dir=root))
        start = time.perf_counter()
        prepare("many", Home(home), source=str(root / "source"))
        prepares.append(time.perf_counter() - start)
        shutil.rmtree(home)
    shutil.rmtree(root)
    copy, prepared = statistics.median(copies[1:]), statistics.median(prepares[1:])
    shares = sorted(one / other for one, other in zip(copies[1:], prepares[1:], strict=True))
    print(f"\nThroughput, {4 * scenes} files of {total / 4 / scenes / 1e6:.1f} MB, medians of {rounds} turns")
    print(f"  plain copy     {total / copy / 1e6:7.0f} MB/s")
    print(f"  prepare        {total / prepared / 1e6:7.0f} MB/s")
    print(f"  share          {statistics.median(shares):7.0%}   ({shares[0]:.0%} to {shares[-1]:.0%})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--scenes", type=int, nargs="+", default=[20, 200, 2000], help="sizes of the sets")
    parser.add_argument("--side", type=int, default=192, help="side of their pictures in pixels")
    parser.add_argument("--large", type=int, default=24, help="scenes of the throughput set, 34 MB each")
    parser.add_argument("--rounds", type=int, default=5, help="turns of the throughput set")
    parser.add_argument("--place", type=Path, default=None, help="a folder on the disk to measure")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.place) as place:
        memory(options.scenes, options.side, Path(place))
        throughput(options.large, Path(place), options.rounds)


if __name__ == "__main__":
    main()
