"""What a cheaper way of running a method cost on one picture, measured against the plain way."""

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from ldpbench.core.errors import MethodError
from ldpbench.data.sample import Sample
from ldpbench.evaluation.predictions import Image
from ldpbench.evaluation.scoring import Targets, score_picture
from ldpbench.methods.protocol import Deblurrer
from ldpbench.methods.runtime import restore_sample
from ldpbench.records import Certificate, Protocol

Side = tuple[int, int]
"""Height and width, px."""
_MIN_SHARE = 1 / 8
"""The smallest crop that is tried, as a share of the picture's sides."""


@dataclasses.dataclass(frozen=True)
class Ways:
    """The two ways.

    Args:
        of: What was made cheaper: ``tiling`` or ``dtype``.
        plain: Loads the method in the plain way.
        cheap: The method in the cheaper way, which has just restored the picture.
        way: The cheaper way in words.
        against: The plain way in words.
    """

    of: str
    plain: Callable[[], Deblurrer]
    cheap: Deblurrer
    way: str
    against: str


def certify(ways: Ways, read: Sample, image: Image, targets: Targets, protocol: Protocol) -> Certificate:
    """Compare both ways on one scene: on the whole picture where the plain way can hold it, else on the largest crop.

    Args:
        ways: Both ways.
        read: The scene as the protocol has it read.
        image: What the cheaper way made of it.
        targets: As ``prepare_targets`` made them.
        protocol: Whose metrics are compared.

    Raises:
        MethodError: If the plain way cannot hold even the smallest crop, or fails.
    """
    plain = ways.plain()
    share = 1.0
    while True:
        rows, columns = (_middle(side, share, plain.size.multiple_of) for side in read.left.shape[:2])
        part = read if share == 1.0 else _cropped(read, rows, columns)
        try:
            reference = restore_sample(plain, part).image
            break
        except MethodError as error:
            if "memory ran out" not in error.message or share / 2 < _MIN_SHARE:
                raise
            share /= 2
    cheap = image if share == 1.0 else restore_sample(ways.cheap, part).image
    of_part = targets if share == 1.0 else _cropped_targets(targets, rows, columns)
    height, width = reference.shape[:2]
    where = "whole picture" if share == 1.0 else f"crop of {width}x{height} px at {columns.start},{rows.start}"
    return Certificate(
        of="tiling" if ways.of == "tiling" else "dtype",
        way=ways.cheap.tiles_used or ways.way if ways.of == "tiling" else ways.way,
        against=f"{where}, {ways.against}",
        height_px=height,
        width_px=width,
        agreement_db=_agreement(cheap, reference),
        changes=_changes(cheap, reference, part, of_part, protocol),
    )


def _middle(side: int, share: float, multiple: int) -> slice:
    """The middle part of a side, a multiple of what the method wants."""
    length = side if share == 1.0 else max(multiple, int(side * share) // multiple * multiple)
    start = (side - length) // 2
    return slice(start, start + length)


def _cropped(sample: Sample, rows: slice, columns: slice) -> Sample:
    planes = ("left", "right", "center", "target", "blur_map", "disparity", "depth_m")
    present = {name: getattr(sample, name) for name in planes}
    return dataclasses.replace(
        sample,
        regions={name: mask[rows, columns] for name, mask in sample.regions.items()},
        **{name: plane[rows, columns] for name, plane in present.items() if plane is not None},
    )


def _cropped_targets(targets: Targets, rows: slice, columns: slice) -> Targets:
    registered = None if targets.registered is None else targets.registered[rows, columns]
    return Targets(targets.plain[rows, columns], registered)


def _agreement(first: Image, second: Image) -> float | None:
    error = float(np.mean((first.astype(np.float64) - second) ** 2))
    return None if error == 0 else -10 * math.log10(error)


def _changes(cheap: Image, plain: Image, read: Sample, targets: Targets, protocol: Protocol) -> dict[str, float]:
    """Cheaper less plain over the whole of what was compared, by metric."""
    after, before = (
        {
            score.metric: score.value
            for score in score_picture(image, read, targets, (protocol,))
            if score.region == "all"
        }
        for image in (cheap, plain)
    )
    found = {}
    for metric, value in after.items():
        other = before.get(metric)
        if value is not None and other is not None:
            found[metric] = value - other
    return found
