"""How long it takes to compare many methods, beside scipy.stats.bootstrap called for every mean and pair.

Run ``python benchmarks/bootstrap.py``; ``--methods``, ``--images`` and ``--resamples`` change the table,
``--peer-pairs`` how many pairs the peer is timed on (its time for all of them is extrapolated).
"""

import argparse
import platform
import resource
import time
from itertools import combinations, islice

import numpy as np
import scipy
import scipy.stats
from numpy.typing import NDArray

from ldpbench.results.statistics.bootstrap import Interval
from ldpbench.results.statistics.comparison import Comparison, compare

Values = dict[str, NDArray[np.float64]]


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def made_up(n_methods: int, n_images: int) -> Values:
    """PSNRs in which the scenes differ by 3 dB, methods by 0.1 dB, and a method on a scene by 0.6 dB."""
    random = np.random.default_rng(0)
    scenes = random.normal(27, 3, n_images)
    return {f"m{k:02d}": scenes + random.normal(0.1 * k, 0.6, n_images) for k in range(n_methods)}


def peer_interval(*samples: NDArray[np.float64], resamples: int) -> Interval:
    """The interval of one mean, or of the difference of two paired ones."""

    def statistic(*rows: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        means = [row.mean(axis=axis) for row in rows]
        return means[0] - means[1] if len(means) == 2 else means[0]

    ends = scipy.stats.bootstrap(
        samples, statistic, paired=True, n_resamples=resamples, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    return Interval(float(ends.low), float(ends.high))


def timed_peer(found: Comparison, values: Values, peer_pairs: int) -> tuple[float, float, float]:
    """Seconds of the peer per mean and per pair, and how far its ends are from ours in half widths."""
    apart = []
    start = time.perf_counter()
    for method in found.methods:
        assert method.interval is not None
        peer = peer_interval(values[method.name], resamples=found.resamples)
        apart.append(ends_apart(peer, method.interval))
    per_mean = (time.perf_counter() - start) / len(found.methods)
    ours = {frozenset((pair.first, pair.second)): pair for pair in found.pairs}
    chosen = list(islice(combinations(values, 2), 0, None, max(1, len(ours) // peer_pairs)))
    start = time.perf_counter()
    for names in chosen:
        pair = ours[frozenset(names)]
        assert pair.interval is not None
        peer = peer_interval(values[pair.first], values[pair.second], resamples=found.resamples)
        apart.append(ends_apart(peer, pair.interval))
    return per_mean, (time.perf_counter() - start) / len(chosen), max(apart)


def ends_apart(peer: Interval, ours: Interval) -> float:
    return max(abs(peer.low - ours.low), abs(peer.high - ours.high)) / ours.half_width


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", type=int, default=40)
    parser.add_argument("--images", type=int, default=76)
    parser.add_argument("--resamples", type=int, default=10_000)
    parser.add_argument("--peer-pairs", type=int, default=39)
    options = parser.parse_args()
    values = made_up(options.methods, options.images)
    before = peak_mib()
    times = []
    for _ in range(3):
        start = time.perf_counter()
        found = compare(
            {name: row.tolist() for name, row in values.items()}, higher_is_better=True, resamples=options.resamples
        )
        times.append(time.perf_counter() - start)
    ours, memory = min(times), peak_mib()
    per_mean, per_pair, apart = timed_peer(found, values, options.peer_pairs)
    peer = per_mean * options.methods + per_pair * len(found.pairs)

    print(
        f"{options.methods} methods, {options.images} images, {options.resamples} resamples, {len(found.pairs)} pairs, "
        f"{platform.machine()}, NumPy {np.__version__}, SciPy {scipy.__version__}"
    )
    print(f"  ldpbench       {ours:8.2f} s   (first call {times[0]:.2f} s)")
    print(f"  scipy          {peer:8.2f} s   ({per_mean * 1e3:.0f} ms a mean, {per_pair * 1e3:.0f} ms a pair, no p)")
    print(f"  ratio          {peer / ours:8.1f} x   largest distance of an end {apart:.3f} half widths")
    print(f"  memory         {memory:8.0f} MiB at the peak, {before:.0f} MiB of them before the first call")
    # Two independent sets of 10 000 draws place an end to within about 3 % of the half width each.
    if apart > 12 / options.resamples**0.5:
        raise SystemExit(f"the intervals are {apart:.3f} half widths apart: more than the draws explain")


if __name__ == "__main__":
    main()
