"""Numbers with the digits that their interval supports: 26.9134 that may as well be 26.6 is 26.9."""

import math
from decimal import Decimal

from ldpbench.results.statistics.bootstrap import Interval

NOTHING = "—"
INFINITE = "∞ (identical)"


def supported_decimals(half_width: float | None, most: int) -> int:
    """Digits after the point, so that a unit of the last one is at most the half width of the interval.

    Args:
        half_width: Of the interval; None or 0 where nothing speaks against any digit.
        most: The metric's own decimals, which are never exceeded.
    """
    if not half_width:
        return most
    # The exponent of the leading digit, read from the decimal form: a logarithm is one off at some powers of ten.
    return min(most, max(0, -Decimal(repr(half_width)).adjusted()))


def mean_text(mean: float | None, interval: Interval | None, decimals: int) -> str:
    """The mean alone: ``26.9``.

    Args:
        mean: None or NaN where there is none, +inf for identical pictures.
        interval: None prints all decimals of the metric.
        decimals: The metric's own.
    """
    if mean is None or math.isnan(mean):
        return NOTHING
    if math.isinf(mean):
        return INFINITE if mean > 0 else f"-{INFINITE}"
    return _fixed(mean, _decimals(interval, decimals))


def plus_minus(mean: float | None, interval: Interval | None, decimals: int) -> str:
    """The mean and half the length of its interval: ``26.9 ± 0.3``; as ``mean_text`` where there is no interval."""
    text = mean_text(mean, interval, decimals)
    if interval is None or text in (NOTHING, INFINITE):
        return text
    shown = _decimals(interval, decimals)
    half = _fixed(interval.half_width, shown)
    # A metric's last decimal may be coarser than the interval: that is not certainty.
    if interval.half_width > 0 and float(half) == 0:
        return f"{text} ± <{_fixed(10.0**-shown, shown)}"
    return f"{text} ± {half}"


def with_bounds(mean: float | None, interval: Interval | None, decimals: int) -> str:
    """The mean and its interval: ``26.9 [26.6, 27.2]``; as ``mean_text`` where there is no interval."""
    text = mean_text(mean, interval, decimals)
    return text if interval is None or text in (NOTHING, INFINITE) else f"{text} {bounds(interval, decimals)}"


def bounds(interval: Interval | None, decimals: int, *, spare: int = 0) -> str:
    """The interval alone: ``[26.6, 27.2]``; a dash where there is none.

    Args:
        interval: What is printed.
        decimals: The metric's own.
        spare: Digits on top of those that the interval supports, within ``decimals``.
    """
    if interval is None:
        return NOTHING
    shown = _decimals(interval, decimals, spare)
    return f"[{_fixed(interval.low, shown)}, {_fixed(interval.high, shown)}]"


def difference_text(difference: float | None, interval: Interval | None, decimals: int, *, spare: int = 0) -> str:
    """A difference of two means with its sign: ``+0.31``. Arguments as of ``bounds``."""
    if difference is None or math.isnan(difference):
        return NOTHING
    if math.isinf(difference):
        return "+∞" if difference > 0 else "-∞"
    return f"{difference:+z.{_decimals(interval, decimals, spare)}f}"


def p_text(p: float | None) -> str:
    """A p to three decimals: ``0.042``, ``<0.001``."""
    if p is None:
        return NOTHING
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _decimals(interval: Interval | None, most: int, spare: int = 0) -> int:
    return min(most, supported_decimals(None if interval is None else interval.half_width, most) + spare)


def _fixed(value: float, decimals: int) -> str:
    return f"{value:z.{decimals}f}"
