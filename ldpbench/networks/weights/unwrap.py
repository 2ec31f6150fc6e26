"""Finding the state dict in what a training code saved around it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from torch import Tensor

from ldpbench.core.errors import IntegrityError
from ldpbench.networks.weights.faults import shown
from ldpbench.networks.weights.pickles import Placeholder
from ldpbench.networks.weights.stored import Fetch, StoredTensor, materialise

WRAPPERS: Final = (
    "params",  # before the averaged ones: the field's test scripts read this one
    "params_ema",
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "network",
    "net",
    "generator",
    "net_g",
    "netG",
    "weights",
)
_DEPTH = 3
PREFIXES: Final[Mapping[str, float]] = {
    "module.": 0.9,
    "Network.": 0.5,  # beside networks that only training needs, which keep their names
    "_orig_mod.": 0.9,
    "model.": 0.9,
    "net.": 0.9,
    "network.": 0.9,
    "generator.": 0.9,
}
"""What may be stripped, and the share of entries that must have it."""
_Value = TypeVar("_Value")


def unwrap(tree: Any, path: Path) -> tuple[dict[str, StoredTensor], tuple[str, ...]]:
    """The tensors by name in what a file holds.

    Args:
        tree: The file's content: dictionaries in dictionaries.
        path: The file, for messages.

    Returns:
        The entries, prefixes still on, and notes on what was chosen.

    Raises:
        IntegrityError: If there is no state dict, or no telling which of several is meant.
    """
    notes: list[str] = []
    for _ in range(_DEPTH + 1):
        chosen, note = _step(tree, path)
        if note:
            notes.append(note)
        if chosen is tree:
            return _tensors(chosen, path, notes)
        tree = chosen
    raise IntegrityError(f"{path} has its weights wrapped more than {_DEPTH} times", hint="save the state dict alone")


def state_dict(tree: Any, fetch: Fetch, path: Path, file_bytes: int) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The state dict in what a file holds, wrappers and prefixes stripped; nothing else of the file is read.

    Raises:
        IntegrityError: If there is none, or it is damaged.
    """
    entries, wrapped = unwrap(tree, path)
    stripped, prefixed = strip_prefixes(entries)
    return materialise(stripped, fetch, path, file_bytes), (*wrapped, *prefixed)


def _step(tree: Any, path: Path) -> tuple[Any, str]:
    """One wrapper down, or the tree itself if it is a state dict."""
    if not isinstance(tree, dict) or (isinstance(tree, Placeholder) and not tree):
        raise IntegrityError(
            f"{path} holds {_described(tree)}, not a state dict",
            hint="save the weights alone: torch.save(model.state_dict(), ...)",
        )
    inside = [key for key, value in tree.items() if _holds_tensors(value)]
    known = [key for key in WRAPPERS if key in inside]
    if known:
        others = [shown(key) for key in inside if key != known[0]]
        return tree[known[0]], f"took {known[0]!r} of {', '.join([known[0], *others])}" if others else ""
    if any(isinstance(value, StoredTensor) for value in tree.values()):
        return tree, ""
    if len(inside) == 1:
        return tree[inside[0]], f"took {shown(inside[0])!r}, the only entry with tensors"
    if inside:
        raise IntegrityError(
            f"{path} holds several sets of weights: {', '.join(map(shown, inside[:8]))}",
            hint="save the one that is meant alone, or under the name 'state_dict'",
        )
    described = ", ".join(f"{shown(key)} ({_described(value)})" for key, value in list(tree.items())[:8]) or "nothing"
    raise IntegrityError(f"{path} holds no tensors by name; found {described}", hint="give the file with the weights")


def _holds_tensors(value: Any, depth: int = _DEPTH) -> bool:
    """Whether a state dict lies here. An optimizer's tensors lie deeper, by number."""
    if not isinstance(value, dict) or not depth:
        return False
    if any(isinstance(key, str) and isinstance(entry, StoredTensor) for key, entry in value.items()):
        return True
    return any(_holds_tensors(value.get(key), depth - 1) for key in WRAPPERS)


def _tensors(tree: dict[Any, Any], path: Path, notes: list[str]) -> tuple[dict[str, StoredTensor], tuple[str, ...]]:
    found = {key: value for key, value in tree.items() if isinstance(key, str) and isinstance(value, StoredTensor)}
    left_out = [f"{shown(key)} ({_described(value)})" for key, value in tree.items() if key not in found]
    if left_out:
        more = ", ..." if len(left_out) > 5 else ""
        notes.append(f"left out {len(left_out)} entries that are no tensors: {', '.join(left_out[:5])}{more}")
    return found, tuple(notes)


def _described(value: Any) -> str:
    if isinstance(value, Placeholder):
        return f"an object of {shown(value.origin)}"
    return f"a {type(value).__name__}"


def strip_prefixes(state: Mapping[str, _Value]) -> tuple[dict[str, _Value], tuple[str, ...]]:
    """Take off what data parallelism, compilation and training codes put before all names, as often as it is there.

    Entries without a prefix that nearly all others have keep their names. A name that is already taken is never taken
    twice: then the prefix stays.
    """
    found, notes = dict(state), []
    while (prefix := _common(found)) is not None:
        found = {key.removeprefix(prefix): value for key, value in found.items()}
        notes.append(f"stripped the prefix {prefix}")
    return found, tuple(notes)


def _common(state: Mapping[str, Any]) -> str | None:
    for prefix, share in PREFIXES.items():
        having = [key for key in state if key.startswith(prefix) and key != prefix]
        if not having or len(having) < share * len(state):
            continue
        if len({key.removeprefix(prefix) for key in state}) == len(state):
            return prefix
    return None
