"""Multiply-adds of one call, and what that number leaves out."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, flop_registry

OUTSIDE_TORCH = "everything outside torch (NumPy, SciPy, OpenCV, compiled loops)"

_NAMES = """
    alias arange as_strided block_diag broadcast_to cat channel_shuffle chunk clone complex concat constant_pad_nd
    contiguous copy detach diag_embed diagonal empty empty_like empty_permuted empty_strided expand expand_as eye
    fill flatten flip full full_like gather hstack im2col imag index index_copy index_select item lift_fresh
    lift_fresh_copy linspace local_scalar_dense masked_fill masked_select meshgrid movedim narrow
    native_channel_shuffle new_empty new_empty_strided new_full new_ones new_zeros nonzero ones ones_like pad
    permute pin_memory pixel_shuffle pixel_unshuffle real reflection_pad1d reflection_pad2d repeat
    repeat_interleave replication_pad1d replication_pad2d reshape resize roll rot90 scalar_tensor scatter select
    select_scatter set slice slice_scatter split split_with_sizes squeeze stack swapaxes t take take_along_dim
    tensor_split tile to to_copy transpose tril triu unbind unfold unsafe_index unsafe_split unsafe_view unsqueeze
    view view_as view_as_complex view_as_real where zero zeros zeros_like
"""
_MOVES = frozenset(_NAMES.split())
"""Torch's operators, without the underscores around their names, that make, copy, reorder or look up values and compute
nothing from them. Every other one that is not counted is reported as left out."""


@dataclass
class Count:
    """Filled in when the block ends."""

    macs: int = 0
    left_out: tuple[str, ...] = ()


@contextmanager
def counting(count: Count) -> Iterator[None]:
    """Count the multiply-adds of convolutions and matrix products in a block, attention's among them.

    Half of what ``torch.utils.flop_counter`` says, which takes a multiplication and an addition for two. Compiled parts
    run uncompiled here, for a counter cannot look inside them.
    """
    others = _Others()
    with _uncompiled(), _ArraysWatch(others), others:
        with FlopCounterMode(display=False) as counter:
            yield
        count.macs = int(counter.get_total_flops()) // 2
    count.left_out = tuple(sorted(others.names))


def _uncompiled() -> AbstractContextManager[object]:
    """Importing dynamo takes seconds, and where nobody has imported it nothing is compiled."""
    return torch.compiler.set_stance("force_eager") if "torch._dynamo" in sys.modules else nullcontext()


class _Others(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types there
    """Notes the operators that compute something and have no formula.

    It lies below the counter, and so sees what that one has taken apart.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has no types there
        self.names: set[str] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        packet = getattr(func, "_overloadpacket", func)
        name = getattr(packet, "__name__", str(packet)).strip("_")
        if packet not in flop_registry and not _moves_only(func, name):
            self.names.add(name)
        return func(*args, **(kwargs or {}))


def _moves_only(func: Any, name: str) -> bool:
    return name in _MOVES or bool(getattr(func, "is_view", False)) or getattr(func, "namespace", "aten") == "prim"


class _ArraysWatch(TorchFunctionMode):
    """Notices that values leave torch for NumPy: whatever is done to them there is not seen."""

    def __init__(self, others: _Others) -> None:
        super().__init__()
        self._others = others

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func in (Tensor.numpy, Tensor.__array__, Tensor.tolist):
            self._others.names.add(OUTSIDE_TORCH)
        return func(*args, **(kwargs or {}))
