"""One image of a cell: restored, scored, and what is kept of it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ldpbench.core.errors import MethodError
from ldpbench.data import png16
from ldpbench.data.pictures import display_picture
from ldpbench.data.sample import Sample
from ldpbench.evaluation.predictions import Form, Image, encode
from ldpbench.evaluation.reading import read_as
from ldpbench.evaluation.scoring import Targets, prepare_targets, score_picture
from ldpbench.methods.protocol import Deblurrer
from ldpbench.methods.runtime import restore_sample
from ldpbench.records import Certificate, ImageRow, Protocol
from ldpbench.records.protocol import Resolution

Reading = tuple[int, Resolution]
Certify = Callable[[Sample, Image, Targets], tuple[Certificate, ...]]
"""Measures what a cheaper way of running a method cost on one picture: the scene, the answer, the targets."""


@dataclass(frozen=True)
class Made:
    """What became of one image: its row, and files of the run folder by name."""

    row: ImageRow
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """Which pictures are kept. Nothing of it can move a number."""

    previews: bool = True
    """A display picture of every output, for the pages."""
    predictions: Form | None = None
    """Every output in full depth, for scoring it again."""


def deblur_image(
    deblurrer: Deblurrer,
    sample: Sample,
    protocols: tuple[Protocol, ...],
    reading: Reading,
    keeping: Keeping,
    certify: Certify | None = None,
) -> Made:
    """Restore one scene and score it under every protocol of its reading.

    Args:
        deblurrer: The method.
        sample: The scene, as its dataset decodes it.
        protocols: All of one reading; none for a method that is run for its time alone.
        reading: Bit depth and resolution at which the method sees the scene.
        keeping: Which pictures are kept.
        certify: Measures what tiles or short floats cost; None where the picture is not chosen for that.

    Raises:
        LdpbenchError: If the method fails on it, or it cannot be scored.
    """
    read = read_as(sample, *reading)
    restored = restore_sample(deblurrer, read)
    if not protocols:
        return Made(_row(read, seconds=restored.seconds, clipped_fraction=restored.clipped_fraction))
    targets = prepare_targets(read, protocols)
    made = score_image(restored.image, read, targets, protocols, keeping)
    row = _row(read, seconds=restored.seconds, clipped_fraction=restored.clipped_fraction)
    certificates = certify(read, restored.image, targets) if certify is not None else ()
    return Made(row.model_copy(update={"scores": made.row.scores, "certificates": certificates}), made.files)


def score_image(
    image: Image, read: Sample, targets: Targets, protocols: tuple[Protocol, ...], keeping: Keeping
) -> Made:
    """Score a picture, whoever made it.

    Args:
        image: float32 (H, W, C) on the scale of the scene's views.
        read: The scene as the protocols have it read.
        targets: As ``prepare_targets`` made them.
        protocols: All of one reading.
        keeping: Which pictures are kept.

    Raises:
        MethodError: If the picture has values that are not finite.
    """
    scores = score_picture(image, read, targets, protocols)
    if not np.isfinite(image).all():
        raise MethodError("it returned values that are not finite")
    outside = float(((image < 0) | (image > 1)).mean())
    row = _row(read, clipped_fraction=outside).model_copy(update={"scores": scores})
    return Made(row, _files(image, read, keeping))


def _row(read: Sample, *, clipped_fraction: float, seconds: float | None = None) -> ImageRow:
    height, width = read.left.shape[:2]
    return ImageRow(
        sample_id=read.id,
        seconds=None if seconds is None else round(seconds, 6),
        height_px=height,
        width_px=width,
        clipped_fraction=round(clipped_fraction, 9),
        group=read.group,
    )


def _files(image: Image, read: Sample, keeping: Keeping) -> dict[str, bytes]:
    files = {}
    if keeping.previews:
        files[f"previews/{read.id}.png"] = png16.encode(display_picture(image, read))
    if keeping.predictions is not None:
        suffix, data = encode(image, keeping.predictions)
        files[f"predictions/{read.id}{suffix}"] = data
    return files
