"""What was measured with a checkpoint's weights, from the run folders of evaluations."""

from dataclasses import dataclass
from pathlib import Path

from ldpbench.core.atomic import explaining_storage
from ldpbench.metrics.aggregate import ALL_IMAGES, summarise
from ldpbench.results.run_folder import RUN_FILE, StoredFolder, read_run


@dataclass(frozen=True)
class Measured:
    """One metric over one split."""

    dataset: str
    split: str
    protocol: str
    metric: str
    mean: float
    """Over all images; +inf if one is identical to its target."""
    n_images: int
    hardware: str


def measured_scores(runs: Path, weights_sha256: str) -> tuple[Measured, ...]:
    """Means over whole splits by these very weights, ordered by dataset, protocol and metric.

    Only finished runs on complete splits count, and of several the last. A metric that an image has no value of has no
    mean.

    Args:
        runs: The folder of the run folders.
        weights_sha256: Of the weights.

    Raises:
        IntegrityError: If a run folder of these weights is damaged.
        StorageError: If one cannot be read.
    """
    found: dict[tuple[str, str, str, str], Measured] = {}
    stored = [read_run(folder) for folder in _folders(runs, weights_sha256)]
    for run in sorted(stored, key=lambda run: run.record.started_at):
        if run.record.status == "complete" and run.record.dataset.complete:
            for one in _of_run(run):
                found[one.dataset, one.split, one.protocol, one.metric] = one
    return tuple(found[key] for key in sorted(found))


def _folders(runs: Path, weights_sha256: str) -> list[Path]:
    """Run folders that name the weights: those of other methods are not even parsed."""
    with explaining_storage("read", runs):
        return [path.parent for path in sorted(runs.glob(f"*/{RUN_FILE}")) if weights_sha256 in path.read_text("utf-8")]


def _of_run(run: StoredFolder) -> list[Measured]:
    record = run.record
    environment = record.environment
    found = []
    for protocol in record.protocols:
        for metric in (reference.partition("/")[0] for reference in protocol.metrics):
            scores = [
                (score.value, score.status)
                for row in run.rows
                for score in row.scores
                if (score.protocol, score.region, score.metric) == (protocol.hash, ALL_IMAGES, metric)
            ]
            summary = summarise(scores)
            if summary.mean is not None and summary.n_images == record.dataset.n_images:
                found.append(
                    Measured(
                        dataset=record.dataset.id,
                        split=record.dataset.split,
                        protocol=protocol.title,
                        metric=metric,
                        mean=summary.mean,
                        n_images=summary.n_images,
                        hardware=environment.gpu or environment.cpu,
                    )
                )
    return found
