"""TensorLayer's npz files: a zip of arrays, each under the name of its TensorFlow variable."""

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ldpbench.core.errors import IntegrityError
from ldpbench.networks.weights.faults import FETCH_AGAIN, shown
from ldpbench.networks.weights.numbers import demand_numbers, native_order
from ldpbench.networks.weights.zips import Archive

_ENDING = ".npy"
_LIST_FORM = "params"


def parse_tensorlayer(data: bytes, path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an npz file in its order.

    Args:
        data: The whole file.
        path: Where it came from, for messages.

    Raises:
        IntegrityError: If it is damaged, or of TensorLayer's list form, which is a pickle.
    """
    archive = Archive(data, path)
    return {
        name.removesuffix(_ENDING): _array(archive.read(name), name.removesuffix(_ENDING), path)
        for name in archive.names
    }


def _array(data: bytes, name: str, path: Path) -> NDArray[Any]:
    """One array, its claimed shape compared with its bytes before anything is allocated."""
    stream = io.BytesIO(data)
    version = npy.read_magic(stream)
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read_header(stream)
    if dtype.hasobject and name == _LIST_FORM:
        raise IntegrityError(
            f"{path} is of TensorLayer's list form (one pickled list named {_LIST_FORM}), which is not opened",
            hint="get the file that names its arrays (save_npz_dict)",
        )
    demand_numbers(name, dtype, path)
    numbers = data[stream.tell() :]
    if math.prod(shape) * dtype.itemsize != len(numbers) or min(shape, default=0) < 0:
        raise IntegrityError(
            f"{path}: the entry {shown(name)} claims the shape {shape} of {dtype} and has {len(numbers)} bytes",
            hint=FETCH_AGAIN,
        )
    array = np.frombuffer(bytearray(numbers), dtype)
    return native_order(array.reshape(shape[::-1]).T if fortran else array.reshape(shape))
