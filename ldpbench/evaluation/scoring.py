"""Scoring one restored picture under every protocol of its dataset."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ldpbench.core.errors import MissingPrerequisiteError
from ldpbench.data.sample import Sample
from ldpbench.evaluation.registration import estimate_similarity, register_target
from ldpbench.methods.inference import WHOLE, Inference
from ldpbench.metrics.catalogue import get_metric
from ldpbench.metrics.engine import measure
from ldpbench.records import DatasetCard, Protocol, Score
from ldpbench.records.protocol import Domain, Dtype, Ensemble

Image = NDArray[np.float32]


def bind_protocols(
    card: DatasetCard,
    fingerprint: str,
    split: str,
    *,
    inference: Inference = WHOLE,
    ensemble: Ensemble = "none",
    dtype: Dtype = "float32",
    limit: int | None = None,
) -> tuple[Protocol, ...]:
    """The card's protocols, bound to the content of one split, to the way methods are run, and to metrics' versions."""
    return tuple(
        Protocol(
            id=f"{card.id}/{spec.id}",
            title=spec.title,
            dataset_id=card.id,
            dataset_fingerprint=fingerprint,
            split=split,
            bits=spec.bits or card.bits,
            resolution=spec.resolution,
            views=card.views,
            border_px=spec.border_px,
            rounding=spec.rounding,
            domain=spec.domain,
            registration=spec.registration,
            inference=inference.kind,
            multiple_px=inference.crop_px or 1,
            limit=limit,
            ensemble=ensemble,
            dtype=dtype,
            metrics=tuple(sorted(get_metric(metric).spec.ref for metric in spec.metrics)),
            regions=spec.regions,
        )
        for spec in card.protocols
    )


def in_domain(values: Image, domain: Domain, white_level: float) -> Image:
    """Values in the domain a protocol scores in.

    Divided values are clipped to [0, 1]: a target may exceed the white level by half a code of its own rounding.
    """
    if domain == "native":
        return values
    divided = np.clip(values / np.float32(white_level), 0.0, 1.0)
    return np.asarray(np.sqrt(divided) if domain == "sqrt-white" else divided, dtype=np.float32)


@dataclass(frozen=True)
class Targets:
    """A sample's target as it is, and registered onto the centre view where a protocol wants that."""

    plain: Image
    registered: Image | None


def prepare_targets(sample: Sample, protocols: tuple[Protocol, ...]) -> Targets:
    """Estimate the registration once per scene. Blur acts on light, so patches are matched in the white domain.

    Raises:
        MissingPrerequisiteError: If the sample has no target.
        IntegrityError: If a registration is wanted and cannot be found.
    """
    if sample.target is None:
        raise MissingPrerequisiteError(
            f"{sample.dataset}/{sample.split}/{sample.id} has no sharp target, so deblurring cannot be scored",
            hint="choose a dataset with the task `deblur`",
        )
    if all(protocol.registration == "none" for protocol in protocols):
        return Targets(sample.target, None)
    view, target = (
        in_domain(values, "white", sample.white_level).mean(axis=2) for values in (sample.center_view, sample.target)
    )
    similarity = estimate_similarity(view, target)
    planes = [register_target(np.ascontiguousarray(plane), similarity) for plane in sample.target.transpose(2, 0, 1)]
    return Targets(sample.target, np.stack(planes, axis=2))


def score_picture(
    picture: Image, sample: Sample, targets: Targets, protocols: tuple[Protocol, ...]
) -> tuple[Score, ...]:
    """All numbers of one picture: every protocol, region and metric.

    Args:
        picture: float32 (H, W, C) on the scale of the sample's views.
        sample: What it was restored from.
        targets: As ``prepare_targets`` made them.
        protocols: The protocols to score under.
    """
    return tuple(score for protocol in protocols for score in _score_under(protocol, picture, sample, targets))


def _score_under(protocol: Protocol, picture: Image, sample: Sample, targets: Targets) -> list[Score]:
    target = targets.plain if protocol.registration == "none" else targets.registered
    assert target is not None, "prepare_targets saw this protocol"
    inner = tuple(_inner(side, protocol) for side in picture.shape[:2])
    prediction, truth = (
        _rounded(in_domain(values, protocol.domain, sample.white_level)[inner], protocol.rounding)
        for values in (picture, target)
    )
    regions: dict[str, NDArray[np.bool_] | None] = {}
    for name in protocol.regions:
        if name == "all":
            regions[name] = None
        elif name in sample.regions and sample.regions[name][inner].any():
            regions[name] = sample.regions[name][inner]
    metric_ids = [ref.partition("/")[0] for ref in protocol.metrics]
    return [
        Score(protocol=protocol.hash, region=found.region, metric=found.metric, value=found.value, status=found.status)
        for found in measure(prediction, truth, metric_ids, regions)
    ]


def _inner(side_px: int, protocol: Protocol) -> slice:
    """The scored part of a height or width."""
    kept = side_px - side_px % protocol.multiple_px
    return slice(protocol.border_px, kept - protocol.border_px)


def _rounded(values: Image, rounding: str) -> Image:
    if rounding == "none":
        return values
    scale = 255.0 if rounding == "u8" else 65535.0
    return np.asarray(np.floor(np.clip(values, 0, 1).astype(np.float64) * scale + 0.5) / scale, dtype=np.float32)
