"""From Keras's layers to the entries of the torch module, by their order: a file's numbers may begin anywhere."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

ENCODER = (*(f"down.{level}.{part}" for level in range(4) for part in ("first", "second")), "bottom")
DECODER = tuple(
    name for level in range(4) for name in (f"up.{level}.conv", f"join.{level}.first", f"join.{level}.second")
)
LAYERS = (*ENCODER, *DECODER, "colours", "output")
"""All 23 convolutions in the order in which the published code makes them; the LSTM comes after the encoder."""
KERNEL_SIDES = (*[3] * len(ENCODER), *[2, 3, 3] * 4, 3, 1)
RECURRENT = "recurrent_kernel:0"

Arrays = Mapping[str, NDArray[Any]]


def convert(arrays: Arrays) -> dict[str, NDArray[Any]] | None:
    """The torch state dict behind a Keras file's arrays, in file order; None if they are of another network.

    Args:
        arrays: ``layer/kernel:0`` as (rows, columns, in, out), ``layer/bias:0``, and ``layer/recurrent_kernel:0`` of
            the LSTM, whose gates stand side by side: input, forget, cell, output.
    """
    lstm = next((name.rpartition("/")[0] for name in arrays if name.endswith(f"/{RECURRENT}")), None)
    if lstm is None:
        return None
    own = {name.removeprefix(f"{lstm}/"): array for name, array in arrays.items() if name.startswith(f"{lstm}/")}
    rest = {name: array for name, array in arrays.items() if not name.startswith(f"{lstm}/")}
    kernels = [array for name, array in rest.items() if name.endswith("kernel:0")]
    biases = [array for name, array in rest.items() if name.endswith("bias:0")]
    if set(own) != {"kernel:0", "bias:0", RECURRENT} or len(rest) != 2 * len(LAYERS) or len(kernels) != len(LAYERS):
        return None
    if (_side(own["kernel:0"]), _side(own[RECURRENT])) != (3, 3) or tuple(map(_side, kernels)) != KERNEL_SIDES:
        return None
    state = {"lstm.input.weight": _turned(own["kernel:0"]), "lstm.input.bias": own["bias:0"]}
    state["lstm.recurrent.weight"] = _turned(own[RECURRENT])
    for layer, kernel, bias in zip(LAYERS, kernels, biases, strict=True):
        state[f"{layer}.weight"] = _turned(kernel)
        state[f"{layer}.bias"] = bias
    return state


def _side(kernel: NDArray[Any]) -> int:
    return kernel.shape[0] if kernel.ndim == 4 else 0


def _turned(kernel: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))


def model_options(model: Mapping[str, Any]) -> dict[str, Any]:
    """Whether the last layer, the only 1x1 convolution, is linear, as a Keras model's configuration says it.

    Args:
        model: The configuration; nothing is known of it beforehand.
    """
    activation = _activation(model)
    return {"linear_layer": activation == "linear"} if activation in ("linear", "sigmoid") else {}


def _activation(model: Mapping[str, Any]) -> Any:
    """That of the first 1x1 convolution. A list of what is left to see, as a file may nest deeper than calls can."""
    left: list[Any] = [model]
    while left:
        part = left.pop()
        if isinstance(part, Mapping):
            if part.get("kernel_size") == [1, 1] and "activation" in part:
                return part["activation"]
            part = list(part.values())
        if isinstance(part, list):
            left.extend(reversed(part))
    return None


def infer_options(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any] | None:
    """The options behind a state dict; None if it is not of an RDPD.

    Whether the last layer is linear is not among the weights: see ``model_options``.
    """
    first, last = shapes.get("down.0.first.weight", ()), shapes.get("output.weight", ())
    if len(first) != 4 or len(last) != 4 or len(shapes.get("lstm.recurrent.weight", ())) != 4:
        return None
    return {"input_channels": first[1], "nb_ch_out": last[0]}
