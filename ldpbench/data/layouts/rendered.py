"""Between decoded pictures and the simulators, which work on batches of tensors."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ldpbench.data.png16 import encode


def batch_of(codes: NDArray[np.uint8], device: str) -> Tensor:
    """A picture as a batch of one.

    Args:
        codes: uint8 (H, W, C).
        device: Where to put it.

    Returns:
        uint8 (1, C, H, W).
    """
    return torch.from_numpy(np.ascontiguousarray(codes.transpose(2, 0, 1)))[None].to(device)


def png_of(batch: Tensor) -> bytes:
    """The only picture of a batch as PNG.

    Args:
        batch: uint8 (1, C, H, W), on any device.
    """
    codes: NDArray[np.uint8] = batch[0].permute(1, 2, 0).cpu().numpy()
    return encode(codes)
