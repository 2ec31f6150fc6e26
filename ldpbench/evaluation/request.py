"""What somebody asks to be evaluated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ldpbench.methods.inference import Inference
from ldpbench.records.protocol import Dtype, Ensemble, Task

DEFAULT_SPLIT = "test"
EVERY = "all"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What somebody asks for.

    Args:
        methods: Ids or plugin folders; empty for all installed ones.
        datasets: Ids; empty for all prepared ones.
        tasks: What is to be evaluated; empty for what the named methods do, or for deblurring where none is named.
        split: The split to run on.
        protocols: Ids of protocols, with or without their dataset, or ``all``; empty for those that read the pictures
            as a set's first protocol does.
        device: Where networks run.
        inference: How methods see a picture; None for each one's own way. Numbers of one way are never ranked with
            those of another.
        ensemble: ``x4`` for the mean over the flips.
        dtype: Of networks' arithmetic.
        limit: Only the first so many scenes; None for all.
        weights: Files by method id, in place of the published ones.
        untrained: Run networks whose weights are not here with fresh ones, for their time alone.
    """

    methods: Sequence[str] = ()
    datasets: Sequence[str] = ()
    tasks: Sequence[Task] = ()
    split: str = DEFAULT_SPLIT
    protocols: Sequence[str] = ()
    device: str = "cpu"
    inference: Inference | None = None
    ensemble: Ensemble = "none"
    dtype: Dtype = "float32"
    limit: int | None = None
    weights: Mapping[str, str] = field(default_factory=dict)
    untrained: bool = False


def is_asked(name: str, asked: Sequence[str]) -> bool:
    """Whether a protocol is among those that were named, with its dataset or without."""
    return bool({EVERY, name, name.partition("/")[2]} & set(asked))
