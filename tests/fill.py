"""Weights made from nothing but names and shapes, so that two implementations can be compared without a checkpoint."""

import math
import re
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn


def fill_value(key: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """The value of one entry: normal draws seeded by the key's CRC-32, scaled by what kind of entry it is."""
    draws = np.asarray(np.random.default_rng(zlib.crc32(key.encode())).standard_normal(shape))
    if key.endswith("running_var"):
        return np.abs(draws) + 0.5
    if key.endswith("temperature") or not shape:
        return 1 + 0.1 * draws
    if len(shape) > 1:
        return draws / math.sqrt(math.prod(shape[1:]))
    return 1 + 0.1 * draws if key.endswith("weight") else 0.1 * draws


def fill(network: nn.Module, post_fill: Sequence[Mapping[str, Any]] | None = None) -> nn.Module:
    """Fill every floating entry of a network's state dict, parameters and buffers alike.

    Args:
        network: The module.
        post_fill: Steps for networks that would overflow or forget their input: a regular expression
            ``keys_matching``, and ``multiply`` and ``add``, on the ``slice`` of the first axis if there is one.
    """
    state = network.state_dict()
    for key, value in state.items():
        if value.is_floating_point():
            state[key] = torch.tensor(fill_value(key, tuple(value.shape))).to(value.dtype)
    for step in post_fill or ():
        for key, value in state.items():
            if re.search(step["keys_matching"], key):
                part = value[slice(*step["slice"])] if "slice" in step else value
                part *= step.get("multiply", 1)
                part += step.get("add", 0)
    network.load_state_dict(state)
    return network


def views(height: int, width: int, seed: int = 0, channels: int = 6) -> NDArray[np.float32]:
    """Uniform float32 (1, channels, H, W) in [0, 1)."""
    return np.random.default_rng(seed).random((1, channels, height, width), dtype=np.float32)


def fill_channels_last(key: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The value of one entry of a Keras or TensorFlow network, whose kernels end in the channels that come out."""
    draws = np.asarray(np.random.default_rng(zlib.crc32(key.encode())).standard_normal(shape))
    if "moving_variance" in key:
        return (np.abs(draws) + 0.5).astype(np.float32)
    return (draws / math.sqrt(math.prod(shape[:-1])) if len(shape) > 1 else 0.1 * draws).astype(np.float32)
