"""Small files of every format, cut and damaged at random: they load, or are refused by one of our own errors."""

import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from ldpbench.core.errors import IntegrityError, LdpbenchError
from ldpbench.networks.weights.read import read_weights
from tests.corrupt_weights import (
    small_arrays,
    small_state,
    write_keras,
    write_safetensors,
    write_tensorlayer,
    write_torch,
    write_torch_tar,
)

WRITERS: dict[str, Callable[[Path], Path]] = {
    "zip": lambda path: write_torch(path, {"params": small_state()}),
    "legacy": lambda path: write_torch(path, {"params": small_state()}, legacy=True),
    "tar": lambda path: write_torch_tar(path, {"a": torch.ones(3), "b": torch.zeros(2, 2)}),
    "safetensors": lambda path: write_safetensors(path, small_state()),
    "keras": lambda path: write_keras(path, small_arrays()),
    "npz": lambda path: write_tensorlayer(path, small_arrays()),
}
CHECKED = ("zip", "npz")
"""Formats that bring a checksum of their numbers: there, whatever loads is equal."""


def numbers(path: Path) -> dict[str, list[float]]:
    found = read_weights(path)
    values = found.arrays if found.state is None else found.state
    assert values is not None
    return {key: value.flatten().tolist() for key, value in values.items()}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, kind: str) -> None:
    path = WRITERS[kind](tmp_path / "x.pth")
    data = path.read_bytes()
    content = len(data.rstrip(bytes(1)))  # a tar ends with padding that nobody misses
    for end in np.linspace(0, content - 1, 60).astype(int):
        path.write_bytes(data[:end])
        with pytest.raises(IntegrityError) as caught:
            read_weights(path)
        assert caught.value.hint


@pytest.mark.parametrize("kind", WRITERS)
def test_damaged_bytes_are_refused_or_harmless(tmp_path: Path, kind: str) -> None:
    path = WRITERS[kind](tmp_path / "x.pth")
    data, whole = path.read_bytes(), numbers(path)
    draws = np.random.default_rng(5)
    refused = 0
    before = time.perf_counter()
    tracemalloc.start()
    for _ in range(150):
        spoilt = bytearray(data)
        # Book-keeping is at the ends in every format; most damage goes there.
        span = len(data) if draws.random() < 0.5 else min(600, len(data))
        for place in draws.integers(0, span, draws.integers(1, 4)):
            at = int(place) if draws.random() < 0.5 else len(data) - 1 - int(place)
            spoilt[at] ^= 1 << int(draws.integers(8))
        path.write_bytes(spoilt)
        try:
            found = numbers(path)
        except LdpbenchError:
            refused += 1
        else:
            if kind in CHECKED:
                assert sorted(found.values()) == sorted(whole.values())
    assert refused > 10
    assert tracemalloc.get_traced_memory()[1] < 64 << 20
    tracemalloc.stop()
    assert time.perf_counter() - before < 30


@pytest.mark.parametrize("kind", WRITERS)
def test_renamed_entries_keep_their_numbers(tmp_path: Path, kind: str) -> None:
    """A name of the same length in place of another, as a hand-edited file has it; checksums refuse it if there are."""
    path = WRITERS[kind](tmp_path / "x.pth")
    whole = numbers(path)
    old, new = {"tar": (b"X\x01\x00\x00\x00a", b"X\x01\x00\x00\x00z"), "keras": (b"conv_a", b"conv_0")}.get(
        kind, (b"conv_a", b"conv_0") if kind == "npz" else (b"body.bias", b"body.beta")
    )
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    if kind == "zip":
        with pytest.raises(IntegrityError, match="CRC"):
            read_weights(path)
        return
    renamed = numbers(path)
    assert set(renamed) != set(whole)
    assert sorted(renamed.values()) == sorted(whole.values())
