"""The weights of the losses. Imports no torch, so that configurations can be read without it."""

from pydantic import Field, model_validator

from ldpbench.records import Record


class LossWeights(Record):
    """How much each part counts; a part of weight 0 is not computed.

    The defaults are those of the paper's second stage (Eq. 14: lambda_1 = 0.1, lambda_2 = 0.2).
    """

    charbonnier: float = Field(default=1.0, ge=0)
    blur_aware: float = Field(default=0.1, ge=0)
    """lambda_1."""
    blur_weighting: float = Field(default=0.2, ge=0)
    """lambda_2."""

    @model_validator(mode="after")
    def _something_counts(self) -> "LossWeights":
        if self.charbonnier == self.blur_aware == self.blur_weighting == 0:
            raise ValueError("at least one weight must be above 0")
        return self
