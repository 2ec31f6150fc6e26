"""What a blur map is, and what an estimator of one is to everybody else."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ldpbench.core.errors import UsageError
from ldpbench.data.sample import Sample

Map = NDArray[np.float32]
Image = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class BlurMap:
    """How blurred every pixel of a pair is; large means blurred.

    Args:
        probability: float32 (H, W) in [0, 1]: M of the paper. 0.5 is the border between sharp and blurred.
        logits: float32 (H, W), unnormalised and growing with blur: what networks and losses are fed, in the unit of
            the estimator.
        normalisation: Name of the function from logits to probability.
    """

    probability: Map
    logits: Map
    normalisation: str

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """The logits, so that NumPy takes the map for what it is."""
        return np.array(self.logits, dtype=dtype, copy=copy)

    def __post_init__(self) -> None:
        if self.probability.shape != self.logits.shape or self.logits.ndim != 2:
            raise UsageError(
                f"a blur map: expected two (H, W) planes, found {self.probability.shape} and {self.logits.shape}"
            )


class BlurMapEstimator(ABC):
    """An estimator: the same pair gives the same map, to the last bit, on one machine."""

    id: ClassVar[str]
    """What users type."""
    version: ClassVar[int] = 1
    """Goes up with every change that moves a value; it is part of every cache key."""

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that decides a map beside the pictures: a JSON document, part of cache keys and records."""
        return {"method": self.id, "version": self.version, "weights": self.weights_sha256, **self.options}

    @property
    def options(self) -> dict[str, Any]:
        """The options that change a value, JSON-like."""
        return {}

    @property
    def weights_sha256(self) -> str | None:
        """Of the weights in use; ``random-<seed>`` for made-up ones, None where there are none."""
        return None

    @property
    def parameters(self) -> int | None:
        """Number of trained parameters; None where nothing is trained."""
        return None

    @abstractmethod
    def estimate(self, left: Image, right: Image) -> BlurMap:
        """The blur map of one pair.

        Args:
            left: float32 (H, W, C) in [0, 1], C = 1 or 3, RGB.
            right: Of the same shape.

        Raises:
            UsageError: If the views do not fit each other or the estimator.
        """

    def estimate_sample(self, sample: Sample) -> BlurMap:
        """The blur map of a scene: of its views divided by its white level, as methods get them."""
        white = np.float32(sample.white_level)
        return self.estimate(sample.left / white, sample.right / white)
