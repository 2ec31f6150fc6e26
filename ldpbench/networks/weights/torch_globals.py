"""What the globals of a torch checkpoint become: tensors, plain containers, placeholders, or a refusal."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import torch

from ldpbench.core.errors import IntegrityError
from ldpbench.networks.weights.faults import shown
from ldpbench.networks.weights.pickles import Global, PickleError, Placeholder, is_plain
from ldpbench.networks.weights.stored import STORAGE_TYPES, StoredStorage, StoredTensor

_HARMLESS: Final = frozenset(
    {
        "argparse.Namespace",
        "collections.deque",
        "collections.UserDict",
        "copyreg._reconstructor",
        "datetime.date",
        "datetime.datetime",
        "datetime.timedelta",
        "decimal.Decimal",
        "pathlib.Path",
        "pathlib.PosixPath",
        "pathlib.PurePosixPath",
        "pathlib.WindowsPath",
        "types.SimpleNamespace",
        "uuid.UUID",
        "numpy.dtype",
        "numpy.ndarray",
        *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("scalar", "_reconstruct")),
        *(f"numpy.{core}.numeric._frombuffer" for core in ("core", "_core")),
        "torch.device",
        "torch.serialization._get_layout",
        *(f"builtins.{name}" for name in ("object", "complex", "slice")),
    }
)
"""Data of the standard library, of NumPy and of torch; a placeholder takes its place."""

_DANGEROUS: Final = sys.stdlib_module_names | {
    *("cloudpickle", "commands", "dill", "imp", "joblib", "pip", "pkg_resources", "popen2", "requests", "setuptools"),
}
"""Nothing else of these modules has a place in a checkpoint. Classes of other modules may be there with their data: a
placeholder takes their place too. Functions of any module have no place there."""

MAX_SIZE: Final = 1 << 63
_DTYPES: Final[Mapping[str, torch.dtype]] = {
    name: value for name in dir(torch) if isinstance(value := getattr(torch, name), torch.dtype)
}


class TorchBuilder:
    """Builds what torch writes, and nothing else.

    Args:
        path: The file, for messages.
        storage: What a storage's persistent id becomes; it depends on the kind of file.
    """

    def __init__(self, path: Path, storage: Callable[[Any], Any]) -> None:
        self._path = path
        self._storage = storage

    def persistent(self, identity: Any) -> Any:
        """A storage, or whatever else the file keeps by number."""
        return self._storage(identity)

    def build(self, wanted: Global, arguments: tuple[Any, ...]) -> Any:
        """A tensor, a container or a placeholder.

        Raises:
            IntegrityError: If the call is none that a checkpoint needs.
            PickleError: If its arguments are not what torch writes.
        """
        name = str(wanted)
        builder = _BUILDERS.get(name)
        if builder is not None:
            try:
                return builder(*arguments)
            except (TypeError, ValueError, AttributeError, IndexError) as error:
                raise PickleError(f"its call of {name} has other arguments than torch's own") from error
        if name in _HARMLESS or _is_a_class(wanted):
            return Placeholder(name)
        raise IntegrityError(
            f"{self._path} wants to call {shown(name)}, which no checkpoint needs: it is refused, and nothing was run",
            hint="do not open this file with other programs; get the weights from their publisher",
        )


def _is_a_class(wanted: Global) -> bool:
    """Whether a name reads like a class outside the modules that can do harm."""
    return (
        wanted.module.partition(".")[0] not in _DANGEROUS
        and "." not in wanted.name
        and wanted.name.lstrip("_")[:1].isupper()
    )


def storage_dtype(wanted: Any) -> torch.dtype:
    """The numbers in a storage of a class such as ``torch.FloatStorage``.

    Raises:
        PickleError: If there is no such class, or it holds quantised numbers.
    """
    if isinstance(wanted, Global) and wanted.module.partition(".")[0] == "torch" and wanted.name in STORAGE_TYPES:
        return STORAGE_TYPES[wanted.name]
    raise PickleError(f"it has a storage of an unknown kind: {wanted if isinstance(wanted, Global) else '?'}")


def _tensor(storage: Any, offset: Any, shape: Any, stride: Any, *_: Any) -> StoredTensor:
    return _stored(storage, offset, shape, stride, None)


def _tensor_v3(
    storage: Any, offset: Any, shape: Any, stride: Any, _grad: Any, _hooks: Any, dtype: Any, *_: Any
) -> StoredTensor:
    return _stored(storage, offset, shape, stride, _DTYPES.get(dtype.name))


def _stored(storage: Any, offset: Any, shape: Any, stride: Any, dtype: torch.dtype | None) -> StoredTensor:
    if not isinstance(storage, StoredStorage):
        raise TypeError("a tensor needs a storage")
    numbers = (offset, *shape, *stride)
    if any(type(number) is not int or not 0 <= number < MAX_SIZE for number in numbers):
        raise ValueError("sizes are whole numbers")
    return StoredTensor(storage, dtype or storage.dtype, offset + storage.base, tuple(shape), tuple(stride))


def _parameter(data: Any = None, *_: Any) -> StoredTensor:
    if not isinstance(data, StoredTensor):
        raise TypeError("a parameter needs a tensor")
    return data


def _rebuilt(function: Any, _type: Any, arguments: Any, *_: Any) -> Any:
    """A tensor of a subclass: the tensor alone."""
    return _TENSORS[str(function)](*arguments) if str(function) in _TENSORS else Placeholder(str(function))


def _ordered(items: Any = (), *_: Any) -> dict[Any, Any]:
    """An ordered dictionary; Python 2 wrote its items as pairs."""
    pairs = items.items() if isinstance(items, dict) else items
    return {key: value for key, value in pairs if is_plain(key)}


def _size(items: Any = ()) -> tuple[Any, ...]:
    return tuple(items)


_TENSORS: Final[Mapping[str, Callable[..., Any]]] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _tensor_v3,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
    "torch.nn.parameter.Parameter": _parameter,
    "torch.nn.Parameter": _parameter,
}
_BUILDERS: Final[Mapping[str, Callable[..., Any]]] = {
    **_TENSORS,
    "torch._tensor._rebuild_from_type_v2": _rebuilt,
    "torch._utils._rebuild_qtensor": lambda *_: Placeholder("a quantised tensor"),
    "torch._utils._rebuild_sparse_tensor": lambda *_: Placeholder("a sparse tensor"),
    "torch.Size": _size,
    "collections.OrderedDict": _ordered,
    "collections.Counter": _ordered,
    "collections.defaultdict": lambda *_: {},
    "_codecs.encode": lambda text, *_: text.encode("latin-1", "replace"),
    "builtins.set": lambda items=(), *_: list(items),
    "builtins.frozenset": lambda items=(), *_: list(items),
    "builtins.bytearray": lambda *_: b"",
}
