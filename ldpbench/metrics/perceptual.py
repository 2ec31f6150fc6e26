from ldpbench.metrics.metric import Metric

PERCEPTUAL: tuple[Metric, ...] = ()
