"""What a picture has to be."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ldpbench.core.errors import UsageError


def check_picture(image: NDArray[Any]) -> None:
    """Highlights above the white level may exceed 1; anything else that is not light is refused.

    Raises:
        UsageError: If it is not (H, W), (H, W, 1) or (H, W, 3), not of floats, or not finite and at least 0.
    """
    if image.ndim not in (2, 3) or image.shape[2:] not in ((), (1,), (3,)) or not image.size:
        raise UsageError(f"expected a picture (H, W), (H, W, 1) or (H, W, 3), found {image.shape}")
    if not np.issubdtype(image.dtype, np.floating):
        raise UsageError(
            f"expected a picture of floats, nominally in [0, 1], found {image.dtype}",
            hint="divide the codes by the largest one",
        )
    if not (np.isfinite(image).all() and image.min() >= 0):
        raise UsageError(f"expected finite values of at least 0, found {image.min():g} to {image.max():g}")
