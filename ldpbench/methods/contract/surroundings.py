"""What belongs to the whole process: a method that changes it changes the numbers of every other one."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from ldpbench.core.hashing import sha256_bytes


def _readings() -> dict[str, Any]:
    return {
        "torch.is_grad_enabled()": torch.is_grad_enabled(),
        "torch.get_default_dtype()": torch.get_default_dtype(),
        "torch.get_default_device()": torch.get_default_device(),
        "torch.get_num_threads()": torch.get_num_threads(),
        "torch.are_deterministic_algorithms_enabled()": torch.are_deterministic_algorithms_enabled(),
        "torch.backends.cudnn.benchmark": torch.backends.cudnn.benchmark,
        "torch.backends.cuda.matmul.allow_tf32": torch.backends.cuda.matmul.allow_tf32,
        "the state of torch's random numbers": sha256_bytes(torch.get_rng_state().numpy().tobytes())[:12],
        "the state of numpy's random numbers": sha256_bytes(repr(np.random.get_state()).encode())[:12],
        "the state of Python's random numbers": sha256_bytes(repr(random.getstate()).encode())[:12],
    }


def _keeper() -> Callable[[], None]:
    """A function that puts everything back to what it is now."""
    gradient, dtype, threads = torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_num_threads()
    device = torch.get_default_device()
    deterministic = torch.are_deterministic_algorithms_enabled()
    benchmark, tf32 = torch.backends.cudnn.benchmark, torch.backends.cuda.matmul.allow_tf32
    of_torch, of_numpy, of_python = torch.get_rng_state(), np.random.get_state(), random.getstate()

    def put_back() -> None:
        """Set what was read."""
        torch.set_grad_enabled(gradient)
        torch.set_default_dtype(dtype)
        torch.set_num_threads(threads)
        if torch.get_default_device() != device:
            torch.set_default_device(device)
        torch.use_deterministic_algorithms(deterministic)
        torch.backends.cudnn.benchmark = benchmark
        torch.backends.cuda.matmul.allow_tf32 = tf32
        torch.set_rng_state(of_torch)
        np.random.set_state(of_numpy)
        random.setstate(of_python)

    return put_back


def reseed(seed: int) -> None:
    """Start all generators of the process anew."""
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)


@contextmanager
def watched(*, random_numbers: bool = True) -> Iterator[list[str]]:
    """Give a list that holds, after the block, what was changed inside it; everything is put back.

    Args:
        random_numbers: Whether drawing random numbers counts as a change.
    """
    changes: list[str] = []
    before, put_back = _readings(), _keeper()
    try:
        yield changes
    finally:
        after = _readings()
        changes += [
            f"{name}: expected {value}, found {after[name]}"
            for name, value in before.items()
            if after[name] != value and (random_numbers or "random numbers" not in name)
        ]
        put_back()
