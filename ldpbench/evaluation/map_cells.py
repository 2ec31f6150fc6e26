"""Blur-map estimators under the protocols of a dataset: what is scored, on which scenes, and one row per scene."""

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ldpbench.blurmap.estimator import BlurMap, BlurMapEstimator
from ldpbench.core.errors import LdpbenchError, MethodError
from ldpbench.data import png16
from ldpbench.data.prepared import PreparedDataset
from ldpbench.data.sample import Sample
from ldpbench.evaluation.map_scoring import compared
from ldpbench.metrics.catalogue import get_metric, get_spec
from ldpbench.metrics.engine import WHOLE, Measurement, measure
from ldpbench.records import DatasetCard, ImageRow, MapTruth, Protocol, Score
from ldpbench.records.protocol import Task


class MapRow(NamedTuple):
    """What one scene gave."""

    row: ImageRow
    preview: bytes
    """An 8-bit grey PNG for the pages: the probability of blur, white is 1."""


def bind_map_protocols(
    card: DatasetCard,
    fingerprint: str,
    split: str,
    *,
    tasks: Sequence[Task] = ("blurmap", "disparity"),
    limit: int | None = None,
) -> tuple[Protocol, ...]:
    """The card's protocols for maps, bound to the content of one split and to the versions of the metrics.

    Args:
        card: The dataset.
        fingerprint: Of the split's content.
        split: The split.
        tasks: The tasks that are asked for.
        limit: Only the first so many scenes; None for all.
    """
    return tuple(
        Protocol(
            id=f"{card.id}/{spec.id}",
            title=spec.title,
            task=spec.task,
            truth=spec.truth,
            dataset_id=card.id,
            dataset_fingerprint=fingerprint,
            split=split,
            bits=card.bits,
            views=("left", "right"),
            border_px=0,
            domain="native",
            registration="none",
            limit=limit,
            metrics=tuple(sorted(get_metric(metric).spec.ref for metric in spec.metrics)),
        )
        for spec in card.map_protocols
        if spec.task in tasks
    )


def scenes_with_truth(prepared: PreparedDataset, split: str, protocols: Sequence[Protocol]) -> frozenset[str]:
    """Ids of the scenes of a prepared split that hold the reference of one protocol at least.

    Taken from the record of what was stored: no picture is decoded.
    """
    wanted = {truth_of(protocol).reference for protocol in protocols}
    return frozenset(id_ for part, id_, role, _ in prepared.info.content if part == split and role in wanted)


def truth_of(protocol: Protocol) -> MapTruth:
    """What a map is compared with under a protocol that is one for maps."""
    assert protocol.truth is not None, f"{protocol.id} is a protocol for maps"
    return protocol.truth


def restore_map_row(estimator: BlurMapEstimator, sample: Sample, protocols: Sequence[Protocol]) -> MapRow:
    """Estimate and score the map of one scene.

    Args:
        estimator: Who makes the map.
        sample: The scene.
        protocols: For maps, of the scene's dataset.

    Raises:
        MethodError: If the estimator fails, or returns something that is not a finite map of the scene's size.
        UsageError: If the views do not fit the estimator.
    """
    start = time.perf_counter()
    found = estimate_checked(estimator, sample)
    seconds = time.perf_counter() - start
    height, width = sample.left.shape[:2]
    row = ImageRow(
        sample_id=sample.id,
        seconds=round(seconds, 6),
        height_px=height,
        width_px=width,
        group=sample.group,
        scores=score_map_sample(found, sample, protocols),
    )
    return MapRow(row, map_preview(found))


def score_map_sample(found: BlurMap, sample: Sample, protocols: Sequence[Protocol]) -> tuple[Score, ...]:
    """All numbers of one map: classes are read off the probability, everything else off the logits.

    A protocol whose reference the scene does not have is left out.

    Raises:
        UsageError: If the map is not of the size of the scene's.
    """
    return tuple(
        score
        for protocol in protocols
        if getattr(sample, truth_of(protocol).reference) is not None
        for score in _score_under(protocol, found, sample)
    )


def map_preview(found: BlurMap) -> bytes:
    """The probability of blur as an 8-bit grey PNG."""
    return png16.encode(png16.to_codes(found.probability, 8))


def estimate_checked(estimator: BlurMapEstimator, sample: Sample) -> BlurMap:
    """The map of a scene, from an estimator that may be somebody else's code.

    Raises:
        MethodError: If the estimator fails, or returns something that is not a finite map of the scene's size.
        UsageError: If the views do not fit the estimator.
    """
    try:
        found = estimator.estimate_sample(sample)
    except LdpbenchError:
        raise
    except Exception as error:
        # Whatever it raises is its failure, and the other scenes go on.
        detail = " ".join(str(error).split())
        raise MethodError(f"{estimator.id} failed: {type(error).__name__}: {detail}") from error
    if not isinstance(found, BlurMap):
        raise MethodError(f"{estimator.id} returned {type(found).__name__}, expected a BlurMap")
    if found.logits.shape != sample.left.shape[:2]:
        raise MethodError(
            f"{estimator.id} returned a map of {found.logits.shape}, expected {sample.left.shape[:2]} as the views"
        )
    low, high = float(found.probability.min()), float(found.probability.max())
    if not (np.isfinite(found.logits).all() and 0 <= low <= high <= 1):
        raise MethodError(
            f"{estimator.id} returned values that are not finite, or a probability outside [0, 1]: {low:g} to {high:g}"
        )
    return found


def _score_under(protocol: Protocol, found: BlurMap, sample: Sample) -> list[Score]:
    measured: dict[str, Measurement] = {}
    metrics = [ref.partition("/")[0] for ref in protocol.metrics]
    for plane, of_classes in ((found.probability, True), (found.logits, False)):
        wanted = [metric for metric in metrics if (get_spec(metric).task == "blurmap") is of_classes]
        if wanted:
            pair = compared(plane, sample, truth_of(protocol))
            numbers = measure(pair.estimate, pair.reference, wanted, {WHOLE: pair.known})
            measured |= {number.metric: number for number in numbers}
    return [
        Score(
            protocol=protocol.hash, region=WHOLE, metric=name, value=measured[name].value, status=measured[name].status
        )
        for name in metrics
    ]
