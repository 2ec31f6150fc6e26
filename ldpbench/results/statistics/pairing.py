"""The images that methods can be compared on: those that all of them have a number for."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ldpbench.core.names import unknown_name
from ldpbench.results.views import SampleScores


@dataclass(frozen=True, kw_only=True)
class Paired:
    """The numbers of some methods on the same images."""

    values: dict[str, list[float]]
    """By method id, in the order of ``images``; finite, or +inf for a picture identical to its target."""
    images: tuple[str, ...]
    left_out: tuple[str, ...]
    """Images for which at least one of the methods has no number."""
    lacking: dict[str, int]
    """Method id to how many images it has no number for; only methods that lack one."""


def paired(scores: Iterable[SampleScores], metric: str, methods: Sequence[str] = ()) -> Paired:
    """Bring the scores of one protocol, region and group into columns.

    Args:
        scores: As ``sample_scores`` answers: one run per method.
        metric: A metric's id.
        methods: Ids of those to compare; none for all.

    Raises:
        UsageError: If a method has no scores.
    """
    by_method: dict[str, dict[str, float | None]] = defaultdict(dict)
    for row in scores:
        by_method[row.method_id][row.sample_id] = row.values.get(metric)
    for method in methods:
        if method not in by_method:
            raise unknown_name("method measured here", method, by_method)
    chosen = {method: by_method[method] for method in methods or by_method}
    images = sorted({image for row in chosen.values() for image in row})
    numbers = {method: {image: row.get(image) for image in images} for method, row in chosen.items()}
    left_out = {image for image in images if any(row[image] is None for row in numbers.values())}
    lacking = {method: sum(value is None for value in row.values()) for method, row in numbers.items()}
    return Paired(
        values={
            method: [value for image, value in row.items() if value is not None and image not in left_out]
            for method, row in numbers.items()
        },
        images=tuple(image for image in images if image not in left_out),
        left_out=tuple(sorted(left_out)),
        lacking={method: count for method, count in lacking.items() if count},
    )
