"""Numbers as a reader sees them: the unit's usual digits, and honest signs for what has no number."""

import math
from collections.abc import Iterable
from decimal import Decimal

from ldpbench.records import MetricSpec
from ldpbench.results.views import Aggregate
from ldpbench.site.pages import Cell, Column

DASH = "—"
INFINITE = "∞"


def missing(title: str) -> Cell:
    """The cell for a value that is not there."""
    return Cell(text=DASH, title=title, mark="missing")


def fixed(value: float, decimals: int) -> str:
    """``value`` with ``decimals`` digits, a true minus sign, and no negative zero."""
    text = f"{value:.{decimals}f}"
    if text.startswith("-"):
        text = text[1:] if float(text) == 0 else "−" + text[1:]
    return text


def score_cell(value: float | None, spec: MetricSpec, reason: str = "") -> Cell:
    """One image's score. ``reason`` says why there is none."""
    if value is None or math.isnan(value):
        return missing(reason or "not defined for this image")
    if math.isinf(value):
        return Cell(
            text=f"{INFINITE} (identical)", sort=repr(float(value)), title="the output equals the target exactly"
        )
    return Cell(text=fixed(value, spec.decimals), sort=repr(float(value)))


def aggregate_cell(aggregate: Aggregate | None, spec: MetricSpec) -> Cell:
    """A method's value on a board."""
    if aggregate is None:
        return missing("not measured in this run")
    mean, n_images = aggregate.mean, aggregate.n_images
    if mean is None or math.isnan(mean):
        if aggregate.n_failed:
            return missing(f"no mean: {aggregate.n_failed} of {n_images} images failed")
        return missing("no mean: not defined for every image")
    if math.isinf(mean):
        if aggregate.n_identical >= n_images or aggregate.finite_mean is None:
            return Cell(
                text=f"{INFINITE} (identical)", sort=repr(float(mean)), title="every output equals its target exactly"
            )
        others = fixed(aggregate.finite_mean, spec.decimals)
        return Cell(
            text=INFINITE,
            sort=repr(float(mean)),
            note=f"{aggregate.n_identical} of {n_images} identical, others {others}",
            title=f"mean over the images that are not identical to their targets: {others}",
        )
    return Cell(text=fixed(mean, spec.decimals), sort=repr(float(mean)))


def labelled_score(value: float | None, spec: MetricSpec) -> str:
    """Title, value and unit in one phrase, such as ``PSNR 31.24 dB``."""
    return _labelled(score_cell(value, spec), spec)


def labelled_aggregate(aggregate: Aggregate | None, spec: MetricSpec) -> str:
    """As ``labelled_score``, for a method's value on a board."""
    return _labelled(aggregate_cell(aggregate, spec), spec)


def _labelled(cell: Cell, spec: MetricSpec) -> str:
    has_unit = spec.unit != "1" and not cell.text.startswith((DASH, INFINITE))
    return f"{spec.title} {cell.text}{f' {spec.unit}' * has_unit}"


def metric_column(spec: MetricSpec) -> Column:
    """The heading of a metric."""
    return Column(
        title=spec.title,
        key=spec.id,
        unit="" if spec.unit == "1" else spec.unit,
        better="higher" if spec.higher_is_better else "lower",
        explanation=spec.convention,
    )


def three_digits(value: float) -> str:
    """A positive number with about three significant digits, at most four decimals and no exponent."""
    if value <= 0:
        return "0"
    if value < 1e-4:
        return "<0.0001"
    decimals = 2 - math.floor(math.log10(value))
    return f"{value:,.{max(0, min(decimals, 4))}f}"


def seconds_cell(seconds: float | None) -> Cell:
    """A duration in seconds."""
    if seconds is None:
        return missing("no time was taken")
    return Cell(text=three_digits(seconds), sort=repr(float(seconds)), title=f"{seconds:.6g} s")


def count_cell(count: int | None) -> Cell:
    """A parameter count with its usual suffix; the exact one in the title."""
    if count is None:
        return missing("not stated")
    exact = f"{count:,}"
    for unit, suffix in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= unit:
            return Cell(text=f"{three_digits(count / unit)} {suffix}", sort=str(count), title=exact)
    return Cell(text=exact, sort=str(count), title=exact)


def bytes_text(count: int) -> str:
    """A size in GiB or MiB."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"


def printed_decimals(values: Iterable[float]) -> int:
    """How many digits a printed column had: trailing zeros are lost in floats, its longest number still shows them."""
    exponents = (int(Decimal(repr(value)).normalize().as_tuple().exponent) for value in values)
    return max((max(0, -exponent) for exponent in exponents), default=0)
