"""DDDNet: blur disparity first, then the picture (Pan et al., CVPR 2021). Two networks, published as two files."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from torch import Tensor, nn

from ldpbench.api import UsageError

from .estd import PLANES_PER_COST, Estd
from .esti import Esti

Part = Literal["both", "estd", "esti"]
PUBLISHED = {"channel": 128, "mchannel": 32, "patchsize": 192}
"""Options of Estd whose other values nobody has published weights for."""
PUBLISHED_MAXDISP = 12
TELLING: dict[str, dict[str, tuple[int, ...]]] = {
    "estd": {"matching.start.0.conv.weight": (32, 64, 3, 3, 3), "feature.end.0.conv.weight": (96, 192, 3, 3)},
    "esti": {"encoder1.layer1.weight": (32, 7, 3, 3), "decoderd.layer24.weight": (1, 32, 3, 3)},
}
"""Entries that only one of the two networks has."""
PLANES_MULTIPLE = 4
"""The cost volume is halved twice, so it has a multiple of four planes."""


class DddNet(nn.Module):
    """Both networks in sequence: ``estd`` and ``esti``.

    ``forward(left, right)`` takes RGB views (N, 3, H, W) in [0, 1], height and width multiples of 8 and at least 64.
    It gives what Esti gives: the picture (N, 3, H, W) and the disparity of the middle view (N, H, W).
    """

    def __init__(self, maxdisp: int) -> None:
        super().__init__()
        self.estd = Estd(maxdisp)
        self.esti = Esti()

    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        """Picture and disparity."""
        picture, disparity = self.esti(left, right, self.estd(left, right))
        return picture, disparity

    def picture(self, left: Tensor, right: Tensor) -> Tensor:
        """The picture alone, (N, 3, H, W)."""
        return self.esti.picture(left, right, self.estd(left, right))


def build_network(
    part: Part | None = None,
    maxdisp: int | None = None,
    channel: int | None = None,
    mchannel: int | None = None,
    patchsize: int | None = None,
) -> nn.Module:
    """The networks with fresh weights: both in sequence, or one of them.

    Args:
        part: ``both``, ``estd`` or ``esti``. None: Estd if any of its options is given, else both.
        maxdisp: Disparities that Estd tells apart, a multiple of 12; published: 12.
        channel: Width of Estd's features; only the published 128 is known.
        mchannel: Width of Estd's descriptors; only the published 32 is known.
        patchsize: Patches that Estd was trained with, px; only the published 192 is known.

    Raises:
        UsageError: If an option has a value that does not exist, or Estd's options are given for Esti.
    """
    options = {"maxdisp": maxdisp, "channel": channel, "mchannel": mchannel, "patchsize": patchsize}
    given = {name: value for name, value in options.items() if value is not None}
    part = part or ("estd" if given else "both")
    if part not in ("both", *TELLING):
        raise UsageError(f"part: expected both, estd or esti, found {part!r}", hint="choose one of the three")
    if part == "esti":
        if given:
            raise UsageError(f"Esti has no options, found {', '.join(given)}", hint="leave them out")
        return Esti()
    disparities = given.pop("maxdisp", PUBLISHED_MAXDISP)
    for name, value in given.items():
        if value != PUBLISHED[name]:
            raise UsageError(
                f"{name}: expected {PUBLISHED[name]}, found {value}", hint="no other value has been published"
            )
    if disparities < 1 or disparities % (PLANES_PER_COST * PLANES_MULTIPLE):
        raise UsageError(
            f"maxdisp: expected a multiple of {PLANES_PER_COST * PLANES_MULTIPLE}, found {disparities}",
            hint=f"give {PUBLISHED_MAXDISP}, as published",
        )
    return Estd(disparities) if part == "estd" else DddNet(disparities)


def infer_options(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any] | None:
    """Options that fit a state dict of both networks or of one of them, or None.

    ``maxdisp`` leaves no trace in the entries: the published value is taken.
    """
    if all(_holds(part, shapes, f"{part}.") for part in TELLING):
        return {"part": "both"}
    return next(({"part": part} for part in TELLING if _holds(part, shapes)), None)


def _holds(part: str, shapes: Mapping[str, tuple[int, ...]], prefix: str = "") -> bool:
    return all(tuple(shapes.get(prefix + key, ())) == shape for key, shape in TELLING[part].items())


def _parts(entries: Collection[str], *, prefixed: bool = False) -> list[str]:
    """Networks of which at least one telling entry is there."""
    return [
        part
        for part, telling in TELLING.items()
        if any((f"{part}.{key}" if prefixed else key) in entries for key in telling)
    ]


def merge(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The state dict of both networks in sequence from those of each, in any order; one of both is kept as it is.

    Raises:
        UsageError: If one of the two is missing or comes twice, or a file is of neither.
    """
    if len(states) == 1 and _parts(states[0], prefixed=True) == list(TELLING):
        return dict(states[0])
    found: dict[str, Mapping[str, Tensor]] = {}
    for number, state in enumerate(states, 1):
        parts = _parts(state)
        if len(parts) != 1:
            raise UsageError(
                f"weights of DDDNet: file {number} of {len(states)} is neither Estd nor Esti",
                hint="give one file of each",
            )
        part = parts[0]
        if part in found:
            raise UsageError(f"weights of DDDNet: {part.capitalize()} comes twice", hint="give one file of each")
        found[part] = state
    missing = [part.capitalize() for part in TELLING if part not in found]
    if missing:
        raise UsageError(f"weights of DDDNet: no file of {' and '.join(missing)}", hint="give one file of each")
    return {f"{part}.{key}": value for part, state in found.items() for key, value in state.items()}
