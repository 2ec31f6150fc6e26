"""All metrics of one image, by id. Metrics that exist only for a set of images are in ``aggregate``."""

from ldpbench.core.errors import UsageError
from ldpbench.core.names import unknown_name
from ldpbench.metrics.aggregate import SET_METRICS
from ldpbench.metrics.maps import MAPS
from ldpbench.metrics.metric import Metric
from ldpbench.metrics.perceptual import PERCEPTUAL
from ldpbench.metrics.restoration import RESTORATION
from ldpbench.records import MetricSpec

METRICS: dict[str, Metric] = {metric.spec.id: metric for metric in (*RESTORATION, *PERCEPTUAL, *MAPS)}


def get_metric(metric_id: str) -> Metric:
    """A metric of one image.

    Raises:
        UsageError: If nothing is called that, or it exists only for a set of images.
    """
    if metric_id in METRICS:
        return METRICS[metric_id]
    if metric_id in SET_METRICS:
        source = SET_METRICS[metric_id].source
        raise UsageError(
            f"{metric_id!r} is a figure over a set of images; one image does not have it",
            hint=f"measure {source!r} on every image, from which it is computed",
        )
    raise unknown_name("metric", metric_id, METRICS)


def get_spec(metric_id: str) -> MetricSpec:
    """The record of a metric of one image or of a set.

    Raises:
        UsageError: If nothing is called that.
    """
    if metric_id in SET_METRICS:
        return SET_METRICS[metric_id].spec
    if metric_id in METRICS:
        return METRICS[metric_id].spec
    raise unknown_name("metric", metric_id, (*METRICS, *SET_METRICS))
