"""What decides a network of the LDP family. Imports no torch."""

from typing import Literal

from pydantic import Field, model_validator

from ldpbench.core.names import ID_PATTERN
from ldpbench.records import Record

Prior = Literal["none", "concat", "sa", "concat+sa", "bpa"]
Span = Literal["global", "window"]
Pooling = Literal["global", "local"]

MIDDLE = "middle"


class NetworkConfig(Record):
    """A NAFNet-style encoder-decoder on the two views, with or without a blur map (Yang et al., CVPR 2024, 3.2)."""

    name: str = Field(pattern=ID_PATTERN)
    width: int = Field(ge=4)
    """Channels at full resolution; every level below has twice as many."""
    encoder: tuple[int, ...] = Field(min_length=1)
    """NAF blocks of each level, from full resolution down."""
    middle: int = Field(ge=0)
    """NAF blocks at the coarsest resolution."""
    decoder: tuple[int, ...] = Field(min_length=1)
    """NAF blocks of each level, from coarse to full resolution."""
    prior: Prior = "bpa"
    """The rows of Table 6. ``none``: no blur map and no attention. ``concat``: the map is a seventh channel. ``sa``:
    attention without the map. ``concat+sa``: both. ``bpa``: attention that the map steers (Eq. 9-10)."""
    attention: tuple[str, ...] = (MIDDLE,)
    """Levels that end with an attention block: ``encoder-0`` is at full resolution, ``decoder-0`` the coarsest one of
    the decoder. Without meaning for the priors ``none`` and ``concat``."""
    head_channels: int = Field(default=32, ge=4)
    """Channels of one attention head."""
    kernel: int = Field(default=7, ge=1)
    """q: a position's blur kernel is q x q."""
    span: Span = "global"
    """``global``: every position attends to all, as in the paper. ``window``: to those of its own window."""
    window: int = Field(default=16, ge=2)
    """Side of a window, in positions of the level."""
    pooling: Pooling = "global"
    """How the channel attention of NAF blocks averages. ``local`` is its test-time form (TLC): the mean of a window as
    large as the patches of the training, so that a whole picture sees the statistics the network was trained with."""
    pooling_px: int | None = Field(default=None, ge=1)
    """Side of that window, in pixels of the picture."""

    @property
    def multiple_of(self) -> int:
        """Height and width are multiples of this."""
        return int(2 ** len(self.encoder))

    @property
    def has_attention(self) -> bool:
        """Whether there are attention blocks."""
        return self.prior in ("sa", "concat+sa", "bpa")

    @property
    def needs_blur_map(self) -> bool:
        """Whether a blur map has to be given."""
        return self.prior in ("concat", "concat+sa", "bpa")

    @property
    def levels(self) -> tuple[str, ...]:
        """Every level's name, in the order they are passed."""
        depth = len(self.encoder)
        return (*(f"encoder-{i}" for i in range(depth)), MIDDLE, *(f"decoder-{i}" for i in range(depth)))

    def channels(self, level: str) -> int:
        """Channels of a level."""
        return self.width * self.shrinkage(level)

    def shrinkage(self, level: str) -> int:
        """How many times smaller a level is than the picture."""
        kind, _, number = level.partition("-")
        depth = len(self.encoder)
        exponent = {"encoder": lambda: int(number), MIDDLE: lambda: depth, "decoder": lambda: depth - 1 - int(number)}
        return int(2 ** exponent[kind]())

    @model_validator(mode="after")
    def _fits(self) -> "NetworkConfig":
        if len(self.encoder) != len(self.decoder):
            raise ValueError(f"the encoder has {len(self.encoder)} levels and the decoder {len(self.decoder)}")
        if any(count < 0 for count in self.encoder + self.decoder):
            raise ValueError("a level cannot have fewer than 0 blocks")
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel must be odd, found {self.kernel}")
        strange = [level for level in self.attention if level not in self.levels]
        if strange:
            raise ValueError(f"attention at {', '.join(strange)}: the levels are {', '.join(self.levels)}")
        if len(set(self.attention)) != len(self.attention):
            raise ValueError("attention names a level twice")
        if self.has_attention and not self.attention:
            raise ValueError(f"the prior {self.prior} needs at least one level with attention")
        for level in self.attention if self.has_attention else ():
            if self.channels(level) % self.head_channels:
                raise ValueError(f"{level} has {self.channels(level)} channels, no multiple of {self.head_channels}")
        if (self.pooling == "local") != (self.pooling_px is not None):
            raise ValueError("pooling_px belongs to pooling local, and only to it")
        if self.pooling_px is not None and self.pooling_px < self.multiple_of:
            raise ValueError(f"pooling_px must be at least {self.multiple_of}, one position of the coarsest level")
        return self
