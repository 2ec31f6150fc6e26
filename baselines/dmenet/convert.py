"""From TensorFlow's variables to the entries of the torch module."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .network import DmeNet

SCOPE = "main_net/defocus_net/"
TELLING = ("encoder.conv1_1.weight", "decoder.u0.c_init.weight", "decoder.uf.c3.weight")


def convert(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]] | None:
    """The torch state dict behind a TensorLayer file's arrays; None if they are of another network.

    Variables of training alone (a classifier's logits, the discriminator, the network for binary maps) are left out.

    Args:
        arrays: By variable name; kernels as (rows, columns, in, out).
    """
    with torch.device("meta"):
        known = set(DmeNet().state_dict())
    state: dict[str, NDArray[Any]] = {}
    for name, array in arrays.items():
        key = name.removeprefix(SCOPE).removesuffix(":0").replace("/", ".")
        is_kernel = key.endswith(".kernel") and array.ndim == 4
        key = f"{key.removesuffix('kernel')}weight" if is_kernel else key
        if name.startswith(SCOPE) and key in known:
            state[key] = np.ascontiguousarray(array.transpose(3, 2, 0, 1)) if is_kernel else array
    return state if all(key in state for key in TELLING) else None


def infer_options(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any] | None:
    """No options, if it is a DMENet; else None."""
    return {} if all(len(shapes.get(key, ())) == 4 for key in TELLING) else None
