"""One image of a cell: restored, scored, and what is kept of it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ldpbench.core.errors import MethodError
from ldpbench.data import png16
from ldpbench.data.pictures import display_picture
from ldpbench.data.sample import Sample
from ldpbench.evaluation.predictions import Form, encode
from ldpbench.evaluation.reading import read_as
from ldpbench.evaluation.scoring import Targets, prepare_targets, score_picture
from ldpbench.methods.protocol import Deblurrer
from ldpbench.methods.runtime import Restored, restore_sample
from ldpbench.records import Certificate, ImageRow, Protocol
from ldpbench.records.protocol import Resolution

Certify = Callable[[Sample, Restored, Targets], tuple[Certificate, ...]]
"""Measures what a cheaper way of running a method cost on one picture."""


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
    reading: tuple[int, Resolution],
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
    targets = prepare_targets(read, protocols)
    restored = restore_sample(deblurrer, read)
    scores = score_picture(restored.image, read, targets, protocols)
    if protocols and not np.isfinite(restored.image).all():
        raise MethodError("it returned values that are not finite")
    height, width = read.left.shape[:2]
    row = ImageRow(
        sample_id=sample.id,
        seconds=round(restored.seconds, 6),
        height_px=height,
        width_px=width,
        clipped_fraction=round(restored.clipped_fraction, 9),
        group=sample.group,
        certificates=certify(read, restored, targets) if certify is not None and protocols else (),
        scores=scores,
    )
    return Made(row, _files(restored, read, keeping) if protocols else {})


def _files(restored: Restored, read: Sample, keeping: Keeping) -> dict[str, bytes]:
    files = {}
    if keeping.previews:
        files[f"previews/{read.id}.png"] = png16.encode(display_picture(restored.image, read))
    if keeping.predictions is not None:
        suffix, data = encode(restored.image, keeping.predictions)
        files[f"predictions/{read.id}{suffix}"] = data
    return files
