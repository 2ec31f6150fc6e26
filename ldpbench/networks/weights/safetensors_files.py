"""Safetensors: numbers alone, with a header that the library checks against the file's length."""

from pathlib import Path

from safetensors.torch import load
from torch import Tensor

from ldpbench.networks.weights.faults import refusing_damage


def parse_safetensors(data: bytes, path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, under the names that they have there.

    Args:
        data: The whole file.
        path: Where it came from, for messages.

    Raises:
        IntegrityError: If it is damaged.
    """
    with refusing_damage(path, "safetensors"):
        return load(data)
