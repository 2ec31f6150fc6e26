"""What survives: seeded schedules of kills, full disks, doubled evaluations and readers in the way.

    python -m benchmarks.chaos [--schedules 50] [--seed 0] [--mishaps 3]

Every schedule draws its mishaps from its seed, plays them against evaluations in processes of their own, evaluates once
more undisturbed and demands that nothing is lost, doubled or different. The first broken promise ends the program with
the schedule's seed and what had happened.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from ldpbench.core.home import Home
from ldpbench.data.prepare import prepare
from tests.chaos_processes import Nursery
from tests.chaos_schedules import MISHAPS, Arena, BrokenPromiseError, can_mount, play, undisturbed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--schedules", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mishaps", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ldpbench-chaos-") as scratch:
        return run(Path(scratch), range(options.seed, options.seed + options.schedules), options.mishaps)


def run(scratch: Path, seeds: range, n_mishaps: int) -> int:
    """Play the schedules; 1 if a promise was broken."""
    calm = scratch / "calm"
    prepare("sample", Home(calm))
    disk = scratch / "disk" if can_mount(scratch / "disk") else None
    if disk is None:
        print("no small disk can be mounted here (that takes root): the disk is never full")
    nursery = Nursery(scratch / "logs")
    expected, seconds = undisturbed(nursery, calm)
    print(f"undisturbed: {seconds:.1f} s")
    happened: Counter[str] = Counter()
    started = time.perf_counter()
    for seed in seeds:
        home = scratch / f"home-{seed}"
        home.mkdir()
        (home / "datasets").symlink_to(calm / "datasets")
        rng = random.Random(seed)
        arena = Arena(nursery, home, seconds, rng, disk)
        try:
            play(arena, rng.choices(MISHAPS, k=n_mishaps), expected)
        except BrokenPromiseError as broken:
            print(f"schedule {seed}: {'; '.join(arena.log)}\n  BROKEN: {broken}")
            return 1
        happened.update(_kind(line) for line in arena.log)
        print(f"schedule {seed}: {'; '.join(arena.log)}", flush=True)
        shutil.rmtree(home)
    nursery.close()
    print(f"\n{len(seeds)} schedules in {time.perf_counter() - started:.0f} s, every promise kept:")
    for what, count in happened.most_common():
        print(f"  {count:3d} x {what}")
    return 0


def _kind(line: str) -> str:
    """What happened, without its numbers."""
    return " ".join(word for word in line.replace(":", "").split() if not any(letter.isdigit() for letter in word))


if __name__ == "__main__":
    sys.exit(main())
