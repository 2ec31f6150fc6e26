"""Comparing a network with the published code: weights made from names and shapes, outputs to match."""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ldpbench.api import build_network
from tests.fill import fill as _fill
from tests.fill import fill_channels_last, fill_value
from tests.fill import views as _views

__all__ = [
    "Comparison",
    "Parity",
    "captured",
    "compare",
    "fill",
    "fill_channels_last",
    "fill_value",
    "load_golden",
    "own_entries",
    "shapes_of",
    "stored",
    "views",
]

GOLDEN = Path(__file__).parents[1] / "golden" / "networks"


@dataclass(frozen=True)
class Comparison:
    """One stored array against ours."""

    case: str
    array: str
    error: float
    """Largest absolute difference."""
    within: bool
    """Whether every value is within the tolerance."""
    largest: float
    """The largest absolute value that is expected."""


@dataclass(frozen=True)
class Parity:
    """What one golden file says of our network."""

    golden: str
    network: str
    keys_equal: bool
    """Names, shapes and types of all entries."""
    entries: int
    parameters: int
    expected_parameters: int
    macs_256: int | None
    comparisons: tuple[Comparison, ...]

    @property
    def error(self) -> float | None:
        """The largest of all; None if no outputs are stored."""
        return max((found.error for found in self.comparisons), default=None)

    @property
    def relative_error(self) -> float | None:
        """The largest error over the largest value of its array."""
        return max((found.error / found.largest for found in self.comparisons), default=None)


def load_golden(name: str) -> tuple[dict[str, Any], Mapping[str, NDArray[Any]]]:
    """Facts and arrays of a golden file; no arrays where none are stored."""
    facts = json.loads((GOLDEN / f"{name}.json").read_text())
    arrays = GOLDEN / f"{name}.npz"
    if not arrays.is_file():
        return facts, {}
    with np.load(arrays) as file:
        return facts, {key: file[key] for key in file.files}


def fill(module: nn.Module, post_fill: list[dict[str, Any]] | None = None) -> nn.Module:
    """Fill a module from names and shapes, then rescale some entries as the golden file says; in eval mode."""
    return _fill(module, post_fill).eval()


def views(height: int, width: int, channels: int = 6, seed: int = 0) -> torch.Tensor:
    """Uniform (1, channels, H, W) in [0, 1)."""
    return torch.from_numpy(_views(height, width, seed, channels))


def stored(array: Any, text: str) -> Any:
    """The part of an array that a text such as ``[:, :4, ::2, ::2]`` names."""
    parts = [part.strip() for part in text.strip().strip("[]").split(",")]
    return array[tuple(_slice(part) for part in parts)]


def _slice(part: str) -> Any:
    if part == "...":
        return ...
    numbers = [int(number) if number else None for number in part.split(":")]
    return slice(*numbers) if len(numbers) > 1 else numbers[0]


@contextmanager
def captured(network: nn.Module, names: Collection[str]) -> Iterator[dict[str, Any]]:
    """Collect what modules give, by name."""
    seen: dict[str, Any] = {}
    hooks = [
        network.get_submodule(name).register_forward_hook(lambda _m, _i, out, name=name: seen.__setitem__(name, out))
        for name in names
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def compare(case: str, array: str, own: Any, expected: NDArray[Any], tolerance: Mapping[str, float]) -> Comparison:
    """Compare one array."""
    found = own.detach().numpy() if isinstance(own, torch.Tensor) else np.asarray(own)
    assert found.shape == expected.shape, f"{case} {array}: expected {expected.shape}, found {found.shape}"
    error = float(np.abs(found.astype(np.float64) - expected).max())
    within = bool(np.allclose(found, expected, **tolerance))
    return Comparison(case, array, error, within, float(np.abs(expected).max()))


def own_entries(network: nn.Module) -> list[list[Any]]:
    """``[key, shape, type]`` of every entry of the state dict."""
    return [
        [key, list(value.shape), str(value.dtype).removeprefix("torch.")] for key, value in network.state_dict().items()
    ]


def shapes_of(name: str, **options: Any) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the state dict of a network that takes no memory."""
    with torch.device("meta"):
        entries = build_network(name, **options).state_dict()
    return {key: tuple(value.shape) for key, value in entries.items()}
