"""Pictures in full depth, kept so that they can be scored again without running the method, or brought from outside."""

import io
import math
from typing import Literal

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ldpbench.core.errors import ImageError
from ldpbench.data import png16
from ldpbench.data.png16 import to_codes, to_unit

Form = Literal["png16", "float16"]
Image = NDArray[np.float32]
FOLDER = "predictions"
_LOSSY = (".jpg", ".jpeg", ".webp")
_PICTURES = (".png", ".tif", ".tiff")
SUFFIXES = (*_PICTURES, ".npy")
"""Of files that are read."""


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


def suffix_of(form: Form) -> str:
    """Of the files that ``encode`` makes."""
    return ".png" if form == "png16" else ".npy"


def decode(data: bytes, name: str) -> Image:
    """A picture from a file: PNG or TIFF of 8 or 16 bits, or NumPy's own format with floats.

    Args:
        data: The file.
        name: Its name, by whose suffix it is read.

    Returns:
        float32 (H, W, C). Codes are divided by 255 or 65535; floats come as they are.

    Raises:
        ImageError: If it is damaged, of a lossy format, or holds something else.
    """
    suffix = "." + name.rpartition(".")[2].lower()
    if suffix in _LOSSY:
        raise ImageError(f"{name}: {suffix[1:]} changes pixels, so its picture is not scored", hint="save it as PNG")
    if suffix not in SUFFIXES:
        raise ImageError(f"{name}: expected one of {', '.join(SUFFIXES)}", hint="save it as 16-bit PNG")
    picture = _read_npy(data, name) if suffix == ".npy" else to_unit(png16.decode(data, name))
    return picture[:, :, None] if picture.ndim == 2 else picture


def _read_npy(data: bytes, name: str) -> Image:
    """The array of a ``.npy`` file; its header is believed only after its bytes were counted."""
    stream = io.BytesIO(data)
    try:
        version = npy.read_magic(stream)
        header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = header(stream)
    except ValueError as error:
        raise ImageError(f"{name}: not a NumPy file: {error}", hint="write it with numpy.save") from error
    if dtype not in (np.float16, np.float32, np.float64) or len(shape) not in (2, 3) or fortran:
        raise ImageError(
            f"{name}: expected floats (H, W, C) in C order, found {dtype} {shape}{' in Fortran order' * fortran}",
            hint="save numpy.ascontiguousarray(picture.astype('float32'))",
        )
    expected, found = math.prod(shape) * dtype.itemsize, len(data) - stream.tell()
    if expected != found:
        raise ImageError(f"{name}: its header promises {expected} bytes, {found} follow", hint="save it again")
    return np.frombuffer(data, dtype, offset=stream.tell()).reshape(shape).astype(np.float32)
