"""What a metric is: its record and its function."""

from collections.abc import Callable
from dataclasses import dataclass

from ldpbench.metrics.pair import Region
from ldpbench.records import MetricSpec


@dataclass(frozen=True)
class Metric:
    """One metric.

    Args:
        spec: Its id and convention.
        compute: One float64 for one region of one pair; +inf or NaN where the definition says so.
    """

    spec: MetricSpec
    compute: Callable[[Region], float]
