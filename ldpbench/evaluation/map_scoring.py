"""Scoring an estimated blur or disparity map against a sample's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ldpbench.core.errors import UsageError
from ldpbench.core.names import unknown_name
from ldpbench.data.sample import Sample
from ldpbench.metrics.engine import score
from ldpbench.records import DatasetCard, MapProtocolSpec, MapTruth

Map = NDArray[np.float32]

ICCP_WINDOW_PX, ICCP_STRIDE_PX = 111, 33
"""The windows of the released estimator; its map covers a stride around their centres."""
ICCP_BORDER_PX = 100


def map_protocol(card: DatasetCard, protocol_id: str | None) -> MapProtocolSpec:
    """A map protocol of a dataset; its first one for None.

    Raises:
        UsageError: If the set has none of that id, or none at all.
    """
    if not card.map_protocols:
        raise UsageError(f"{card.id} has no true map to score against", hint="choose a set with the task blurmap")
    if protocol_id is None:
        return card.map_protocols[0]
    for spec in card.map_protocols:
        if spec.id == protocol_id:
            return spec
    raise unknown_name(f"map protocol of {card.id}", protocol_id, [spec.id for spec in card.map_protocols])


@dataclass(frozen=True, eq=False)
class Compared:
    """An estimate and its reference on the pixels of a protocol's frame, ready for the metrics."""

    estimate: NDArray[np.float64]
    reference: Map
    """0 where nothing is known."""
    known: NDArray[np.bool_]
    """Where there is ground truth; the rest is left out."""


def compared(predicted: NDArray[Any], sample: Sample, truth: MapTruth) -> Compared:
    """A map laid over what it is compared with.

    Args:
        predicted: float (H, W) of the sample's size, in any unit. For the frame ``iccp2020`` also of half the size, or
            of the size of that frame.
        sample: The scene.
        truth: What of the scene is the reference, and in which frame.

    Raises:
        UsageError: If the shapes do not fit or the sample has no such map.
    """
    plane = sample.blur_map if truth.reference == "blur_map" else sample.disparity
    where = f"{sample.dataset}/{sample.split}/{sample.id}"
    if plane is None:
        raise UsageError(f"{where} has no {truth.reference}", hint="choose another protocol with another reference")
    signed: Map = plane / np.float32(truth.scale)
    reference = np.abs(signed) if truth.magnitude else signed
    estimate = np.asarray(predicted, dtype=np.float64)
    if truth.frame == "iccp2020":
        reference = iccp_frame(halved(_codes(reference)), where) / np.float32(255)
        estimate = _into_iccp_frame(estimate, plane.shape, where)
    known = np.isfinite(reference)
    if estimate.shape != reference.shape:
        raise UsageError(f"{where}: expected a map of {reference.shape}, found {estimate.shape}")
    return Compared(estimate, np.where(known, reference, np.float32(0)), known)


def score_map(predicted: NDArray[Any], sample: Sample, truth: MapTruth, metrics: Sequence[str]) -> dict[str, float]:
    """One number per metric for one map; pixels without ground truth are left out.

    Args:
        predicted: As ``compared``.
        sample: The scene.
        truth: As ``compared``.
        metrics: Metric ids.

    Returns:
        Metric id to value; NaN where a metric is not defined, and for every metric if the map is not finite.

    Raises:
        UsageError: If the shapes do not fit or the sample has no such map.
    """
    pair = compared(predicted, sample, truth)
    return score(pair.estimate, pair.reference, metrics, mask=pair.known)


def halved(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Half the size as MATLAB's ``imresize(codes, 0.5, 'bicubic')`` makes it of 8-bit codes.

    Cubic convolution with a = -0.5, stretched by two against aliasing, edges mirrored, rounded half up to 8 bits after
    the rows and again after the columns.

    Args:
        codes: uint8 (H, W).
    """
    distance = np.abs(np.arange(8) - 3.5) / 2
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    taps = np.where(distance <= 1, near, far)
    taps /= taps.sum()
    picture = codes.astype(np.float64)
    for _ in range(2):  # rows, then columns: each turn works on the first axis and swaps the axes
        size = picture.shape[0] // 2
        padded = np.pad(picture, ((3, 4), (0, 0)), mode="symmetric")
        summed = sum(tap * padded[k : k + 2 * size : 2] for k, tap in enumerate(taps))
        picture = np.clip(np.floor(summed + 0.5), 0, 255).T
    return picture.astype(np.uint8)


def iccp_frame(plane: NDArray[np.generic], where: str) -> NDArray[np.float32]:
    """The part of a half-size map that the released evaluation scores: what its windows cover, less 100 px all around.

    Args:
        plane: (H, W) at half size.
        where: What to call it in an error.

    Raises:
        UsageError: If nothing is left.
    """
    window = (_covered(plane.shape[0]), _covered(plane.shape[1]))
    inner = plane[window][ICCP_BORDER_PX:-ICCP_BORDER_PX, ICCP_BORDER_PX:-ICCP_BORDER_PX]
    if not inner.size:
        raise UsageError(f"{where}: {plane.shape} is too small for the frame of the released evaluation")
    return inner.astype(np.float32)


def _covered(size: int) -> slice:
    """Rows or columns around the centres of all windows that fit."""
    half = ICCP_WINDOW_PX // 2
    centres = range(half, size - half, ICCP_STRIDE_PX)
    return slice(centres[0] - ICCP_STRIDE_PX // 2, centres[-1] + ICCP_STRIDE_PX // 2 + 1) if centres else slice(0, 0)


def _into_iccp_frame(estimate: NDArray[np.float64], full: tuple[int, ...], where: str) -> NDArray[np.float64]:
    half = (full[0] // 2, full[1] // 2)
    covered = tuple(_covered(size).stop - _covered(size).start for size in half)
    if estimate.shape == covered:
        return estimate[ICCP_BORDER_PX:-ICCP_BORDER_PX, ICCP_BORDER_PX:-ICCP_BORDER_PX]
    if estimate.shape == full:
        estimate = estimate[: 2 * half[0], : 2 * half[1]].reshape(half[0], 2, half[1], 2).mean(axis=(1, 3))
    if estimate.shape != half:
        raise UsageError(f"{where}: expected a map of {full}, {half} or {covered}, found {estimate.shape}")
    return iccp_frame(estimate, where).astype(np.float64)


def _codes(reference: Map) -> NDArray[np.uint8]:
    codes: NDArray[np.float32] = np.floor(np.clip(reference, 0, 1) * 255 + 0.5)
    return codes.astype(np.uint8)
