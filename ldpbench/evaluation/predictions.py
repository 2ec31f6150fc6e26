"""Pictures in full depth, kept so that they can be scored again without running the method."""

import io
from typing import Literal

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ldpbench.data import png16
from ldpbench.data.png16 import to_codes

Form = Literal["png16", "float16"]
Image = NDArray[np.float32]


def encode(image: Image, form: Form) -> tuple[str, bytes]:
    """A picture as a file.

    Args:
        image: float32 (H, W, C) in [0, 1].
        form: ``png16``: 16-bit PNG, rounded half up, off by at most 1/131070. ``float16``: NumPy's own format, off by
            at most 1/4096.

    Returns:
        The suffix of its name, and its bytes.
    """
    if form == "png16":
        codes = to_codes(image, 16)
        return ".png", png16.encode(codes[:, :, 0] if codes.shape[2] == 1 else codes)
    stream = io.BytesIO()
    npy.write_array(stream, image.astype(np.float16), allow_pickle=False)
    return ".npy", stream.getvalue()
