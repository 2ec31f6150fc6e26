"""From Keras's layers to the entries of the torch module, by their order: a file's numbers may begin anywhere."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

ENCODER = tuple(f"down.{level}.{part}" for level in range(5) for part in ("first", "second"))
DECODER = tuple(
    name for level in range(4) for name in (f"up.{level}.conv", f"join.{level}.first", f"join.{level}.second")
)
LAYERS = (*ENCODER, *DECODER, "colours", "output")
"""All 24 convolutions in the order in which the published code makes them."""
KERNEL_SIDES = (*[3] * len(ENCODER), *[2, 3, 3] * 4, 3, 1)

Arrays = Mapping[str, NDArray[Any]]


def convert(arrays: Arrays) -> dict[str, NDArray[Any]] | None:
    """The torch state dict behind a Keras file's arrays, in file order; None if they are of another network.

    Args:
        arrays: ``layer/kernel:0`` as (rows, columns, in, out) and ``layer/bias:0``.
    """
    kernels = [array for name, array in arrays.items() if name.endswith("kernel:0")]
    biases = [array for name, array in arrays.items() if name.endswith("bias:0")]
    if (len(kernels), len(biases), len(arrays)) != (len(LAYERS), len(LAYERS), 2 * len(LAYERS)):
        return None
    if tuple(array.shape[0] if array.ndim == 4 else 0 for array in kernels) != KERNEL_SIDES:
        return None
    state: dict[str, NDArray[Any]] = {}
    for layer, kernel, bias in zip(LAYERS, kernels, biases, strict=True):
        state[f"{layer}.weight"] = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
        state[f"{layer}.bias"] = bias
    return state


def infer_options(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any] | None:
    """The options behind a state dict; None if it is not of a DPDNet."""
    first, last = shapes.get("down.0.first.weight", ()), shapes.get("output.weight", ())
    if len(first) != 4 or len(last) != 4 or len(shapes.get("up.0.conv.weight", ())) != 4 or first[0] != 64:
        return None
    return {"input_channels": first[1], "nb_ch": last[0]}
