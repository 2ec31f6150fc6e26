"""Reading a weights file, whatever wrote it and whatever it is called."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import torch
from numpy.typing import NDArray
from torch import Tensor

from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError
from ldpbench.core.hashing import sha256_bytes
from ldpbench.networks.weights.faults import FETCH_AGAIN, refusing_damage, shown
from ldpbench.networks.weights.keras import model_config, parse_keras
from ldpbench.networks.weights.safetensors_files import parse_safetensors
from ldpbench.networks.weights.sniff import HEAD_BYTES, Kind, demand_weights, kind_of
from ldpbench.networks.weights.tensorlayer import parse_tensorlayer
from ldpbench.networks.weights.torch_files import parse_torch_legacy, parse_torch_zip
from ldpbench.networks.weights.torch_tar import parse_torch_tar
from ldpbench.networks.weights.unwrap import strip_prefixes

TorchParser = Callable[[bytes, Path], tuple[dict[str, Tensor], tuple[str, ...]]]
Format = Literal["torch", "safetensors", "keras", "tensorlayer"]

MAX_BYTES: Final = 8 << 30
"""More than the largest file of the field, training state included, has by an order of magnitude."""
_UNUSUAL_FLOATS: Final = (torch.float16, torch.bfloat16, torch.float64)
_TORCH: Final[Mapping[Kind, TorchParser]] = {
    "torch-zip": parse_torch_zip,
    "torch-legacy": parse_torch_legacy,
    "torch-tar": parse_torch_tar,
}
_FORMATS: Final[Mapping[Kind, Format]] = {
    **dict.fromkeys(_TORCH, "torch"),
    "safetensors": "safetensors",
    "keras": "keras",
    "tensorlayer": "tensorlayer",
}


@dataclass(frozen=True)
class WeightsFile:
    """What a weights file holds: ``state`` of torch and safetensors, ``arrays`` of Keras and TensorLayer."""

    path: Path
    sha256: str
    bytes: int
    format: Format
    arrays: dict[str, NDArray[Any]] | None
    """In the order of the file: ``layer/weight:0`` of Keras, TensorFlow's variable names of TensorLayer."""
    state: dict[str, Tensor] | None
    """On the CPU, wrappers and prefixes stripped."""
    model: Mapping[str, Any] | None = None
    """What a Keras file says of its layers."""
    notes: tuple[str, ...] = ()
    """What was chosen or left out on the way, for the user to see."""


def read_weights(path: Path) -> WeightsFile:
    """Read a weights file without running anything in it.

    The file is read once; what its checksum is of is what was parsed.

    Raises:
        MissingPrerequisiteError: If it is not there.
        IntegrityError: If it is damaged, hostile, or holds no weights; the message says which.
    """
    data = _bytes(path)
    kind = kind_of(data, path)
    arrays: dict[str, NDArray[Any]] | None = None
    state: dict[str, Tensor] | None = None
    notes: tuple[str, ...] = ()
    with refusing_damage(path, _FORMATS[kind]):
        if kind == "keras":
            arrays = parse_keras(data, path)
        elif kind == "tensorlayer":
            arrays = parse_tensorlayer(data, path)
        elif kind == "safetensors":
            state, notes = strip_prefixes(parse_safetensors(data, path))
        else:
            state, notes = _TORCH[kind](data, path)
    odd = [name for name in (arrays or state or ()) if not name.isprintable()]
    if odd:
        raise IntegrityError(f"{path} names an entry {shown(odd[0])}, which is no name of a weight", hint=FETCH_AGAIN)
    if not (arrays or state):
        raise IntegrityError(f"{path} holds no weights at all", hint="give the file with the weights")
    return WeightsFile(
        path=path,
        sha256=sha256_bytes(data),
        bytes=len(data),
        format=_FORMATS[kind],
        arrays=arrays,
        state=state,
        model=model_config(data) if kind == "keras" else None,
        notes=(*notes, *_precision(state or {})),
    )


def _bytes(path: Path) -> bytes:
    """The file, after its first bytes and its size were looked at."""
    try:
        if path.is_dir():
            raise IntegrityError(f"{path} is a folder, expected a file with weights", hint="name the file inside it")
        if not path.exists():
            raise MissingPrerequisiteError(f"there is no file {path}", hint="correct the path, or fetch it first")
        if not path.is_file():
            raise IntegrityError(f"{path} is no regular file", hint="save the weights to a file first")
        with path.open("rb") as stream:
            demand_weights(stream.read(HEAD_BYTES), path)
            size = stream.seek(0, 2)
            if size > MAX_BYTES:
                raise IntegrityError(
                    f"{path} has {size} bytes, expected weights of at most {MAX_BYTES} bytes",
                    hint="save the weights alone, without the state of the training",
                )
            stream.seek(0)
            return stream.read()
    except OSError as error:
        raise IntegrityError(
            f"{path} cannot be read: {error.strerror or error}", hint="check that you may read it, and the disk"
        ) from error


def _precision(state: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Floats of another precision than networks here run in are converted as they are loaded: the user is told."""
    counts = Counter(
        str(value.dtype).removeprefix("torch.") for value in state.values() if value.dtype in _UNUSUAL_FLOATS
    )
    return tuple(
        f"{count} of {len(state)} entries are {dtype}: converted to the network's own precision"
        for dtype, count in counts.items()
    )
