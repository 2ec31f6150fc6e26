"""Weights files of every origin give the numbers that went in."""

import argparse
import collections
import hashlib
import pathlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor

from ldpbench.core.errors import IntegrityError
from ldpbench.networks.weights.read import read_weights
from ldpbench.networks.weights.unwrap import strip_prefixes
from tests.corrupt_weights import (
    small_arrays,
    small_state,
    write_keras,
    write_safetensors,
    write_tensorlayer,
    write_torch,
    write_torch_tar,
)

BOTH = pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])


def same(found: dict[str, Tensor] | None, expected: dict[str, Tensor]) -> bool:
    return (
        found is not None
        and list(found) == list(expected)
        and all(found[key].dtype == value.dtype and torch.equal(found[key], value) for key, value in expected.items())
    )


@BOTH
@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"params": state},
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": {"state_dict": state}, "iteration": torch.tensor(5)},
        collections.OrderedDict,
        lambda state: {"a name of one's own": state},
        lambda state: {"model_state_dict": {f"module.{key}": value for key, value in state.items()}},
        lambda state: {f"_orig_mod.module.{key}": value for key, value in state.items()},
        lambda state: {
            key: torch.nn.Parameter(value, requires_grad=value.is_floating_point()) for key, value in state.items()
        },
    ],
)
def test_a_state_dict_is_found_in_its_wrappers(
    tmp_path: Path, wrap: Callable[[dict[str, Tensor]], Any], legacy: bool
) -> None:
    state = small_state()
    path = write_torch(tmp_path / "weights.h5", wrap(state), legacy=legacy)
    found = read_weights(path)
    assert same(found.state, state)
    assert (found.format, found.arrays, found.path) == ("torch", None, path)
    assert found.bytes == path.stat().st_size
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@BOTH
@pytest.mark.parametrize(
    "dtype",
    [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8,
     torch.bool, torch.complex64, torch.uint16],
    ids=str,
)  # fmt: skip
def test_every_type_of_number_is_read(tmp_path: Path, dtype: torch.dtype, legacy: bool) -> None:
    value = torch.arange(12).reshape(3, 4).to(dtype)
    state = {"a": value, "empty": value[:0], "part": value[1:, ::2]}
    assert same(read_weights(write_torch(tmp_path / "x", state, legacy=legacy)).state, state)


@BOTH
def test_shared_storages_and_views_are_read(tmp_path: Path, legacy: bool) -> None:
    base = torch.arange(24.0)
    state = {"whole": base, "middle": base[6:18].reshape(3, 4), "turned": base.reshape(4, 6).t(), "one": base[3]}
    path = write_torch(tmp_path / "x.pth", state, legacy=legacy)
    assert same(read_weights(path).state, state)


@BOTH
def test_training_state_beside_the_weights_is_left_alone(tmp_path: Path, legacy: bool) -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.zeros(1, 3, 8, 8)).sum().backward()
    optimizer.step()
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 5])
    content = {
        "state_dict": network.state_dict(),
        "optimizers": [optimizer, optimizer.state_dict()],
        "schedulers": [scheduler],
        "options": argparse.Namespace(lr=1e-4, folder=pathlib.PurePosixPath("a/b")),
        "best": np.float64(30.5),
        "history": np.zeros(3),
        "seen": collections.Counter("abca"),
        "log": collections.defaultdict(list, {1: [2]}),
        "names": {"a", "b"},
        "device": torch.device("cpu"),
        "size": torch.Size([2, 3]),
        "raw": b"\x00\xff",
    }
    path = write_torch(tmp_path / "last.pth", content, legacy=legacy)
    with pytest.raises(Exception, match="weights_only|WeightsUnpickler|Unsupported"):
        torch.load(path, weights_only=True)  # the reason for a reader of our own
    assert same(read_weights(path).state, dict(network.state_dict()))


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_pickle_protocol_of_torch_is_read(tmp_path: Path, protocol: int) -> None:
    torch.save({"params": small_state()}, tmp_path / "x", pickle_protocol=protocol)
    assert same(read_weights(tmp_path / "x").state, small_state())


def test_params_come_before_their_average_and_the_choice_is_told(tmp_path: Path) -> None:
    path = write_torch(tmp_path / "x.pth", {"params_ema": small_state(1), "params": small_state(0)})
    found = read_weights(path)
    assert same(found.state, small_state(0))
    assert found.notes == ("took 'params' of params, params_ema",)
    alone = read_weights(write_torch(tmp_path / "y.pth", {"params_ema": small_state(1)}))
    assert same(alone.state, small_state(1))


def test_two_sets_without_a_known_name_are_not_guessed_between(tmp_path: Path) -> None:
    path = write_torch(tmp_path / "x.pth", {"first": small_state(), "second": small_state(1)})
    with pytest.raises(IntegrityError, match="several sets of weights: first, second"):
        read_weights(path)


def test_networks_of_training_keep_their_names_beside_the_network(tmp_path: Path) -> None:
    state = {f"module.Network.{key}": value for key, value in small_state().items()}
    state |= {"module.reblurNet.RBF.weight": torch.ones(2), "module.reblurNet.RBF.bias": torch.ones(1)}
    found = read_weights(write_torch(tmp_path / "x.pytorch", state))
    assert found.state is not None
    assert list(found.state) == [*small_state(), "reblurNet.RBF.weight", "reblurNet.RBF.bias"]
    assert found.notes == ("stripped the prefix module.", "stripped the prefix Network.")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (["module.a", "module.b"], ["a", "b"]),
        (["module.module.a"], ["a"]),
        (["module.a", "b"], ["module.a", "b"]),
        ([*(f"model.{n}" for n in range(19)), "step"], [*(str(n) for n in range(19)), "step"]),
        ([*(f"module.{n}" for n in range(19)), "module.step", "step"], None),
        (["encoder.a", "encoder.b"], ["encoder.a", "encoder.b"]),
    ],
)
def test_prefixes_go_where_nearly_all_names_have_them(keys: list[str], expected: list[str] | None) -> None:
    assert list(strip_prefixes(dict.fromkeys(keys, 0))[0]) == (expected or keys)


def test_entries_that_are_no_tensors_are_told(tmp_path: Path) -> None:
    found = read_weights(write_torch(tmp_path / "x.pth", {**small_state(), "epoch": 3, "lr": [0.1]}))
    assert same(found.state, small_state())
    assert found.notes == ("left out 2 entries that are no tensors: epoch (a int), lr (a list)",)


def test_half_precision_is_told(tmp_path: Path) -> None:
    state = {"a": torch.ones(2).half(), "b": torch.ones(2)}
    found = read_weights(write_safetensors(tmp_path / "x.safetensors", state))
    assert found.state is not None
    assert same({key: found.state[key] for key in state}, state)
    assert found.notes == ("1 of 2 entries are float16: converted to the network's own precision",)


def test_tar_checkpoints_of_the_first_torch_are_read(tmp_path: Path) -> None:
    state = {key: value.contiguous() for key, value in small_state().items() if value.is_floating_point()}
    path = write_torch_tar(tmp_path / "old.t7", {f"module.{key}": value for key, value in state.items()})
    independent = torch.load(path, weights_only=False)
    assert same(independent, {f"module.{key}": value for key, value in state.items()})
    assert same(read_weights(path).state, state)


def test_big_endian_checkpoints_are_turned(tmp_path: Path) -> None:
    import zipfile

    path = write_torch(tmp_path / "x.pth", {"a": torch.arange(5, dtype=torch.float64), "b": torch.arange(3)})
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            turned = np.frombuffer(data, ">u8").astype("<u8").tobytes() if "/data/" in name else data
            archive.writestr(name, b"big" if name.endswith("byteorder") else turned)
    assert same(read_weights(path).state, torch.load(path, weights_only=True))


@pytest.mark.parametrize(
    "seed_length",
    [0x8B1F, 0x0380, 0xD8FF],
    ids=["like gzip", "like a pickle", "like JPEG"],
)
def test_a_safetensors_header_may_start_like_something_else(tmp_path: Path, seed_length: int) -> None:
    import json
    import struct

    header = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode().ljust(seed_length)
    (tmp_path / "x").write_bytes(struct.pack("<Q", seed_length) + header + struct.pack("<2f", 1.5, -2))
    assert same(read_weights(tmp_path / "x").state, {"a": torch.tensor([1.5, -2])})


@pytest.mark.parametrize("root", ["model_weights", ""])
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("as_text", [False, True])
def test_keras_arrays_come_in_the_order_of_the_layers(tmp_path: Path, root: str, chunked: bool, as_text: bool) -> None:
    arrays = small_arrays()
    path = write_keras(tmp_path / "net.pth", arrays, root=root, chunked=chunked, as_text=as_text)
    found = read_weights(path)
    assert (found.format, found.state) == ("keras", None)
    assert found.arrays is not None
    assert list(found.arrays) == list(arrays) == ["conv_b/kernel:0", "conv_b/bias:0", "conv_a/kernel:0"]
    assert all(np.array_equal(found.arrays[key], value) for key, value in arrays.items())


@pytest.mark.parametrize(
    ("names", "keys"),
    [
        (["conv/kernel:0", "conv/bias:0"], ["conv/kernel:0", "conv/bias:0"]),
        (["conv_1/kernel:0"], ["conv/kernel:0"]),
        (["kernel", "bias"], ["conv/kernel:0", "conv/bias:0"]),
        (["conv/a/kernel:0", "conv/b/kernel:0"], ["conv/a/kernel:0", "conv/b/kernel:0"]),
    ],
)
def test_keras_weights_go_by_their_layer_and_last_name(tmp_path: Path, names: list[str], keys: list[str]) -> None:
    with h5py.File(tmp_path / "x", "w") as file:
        file.attrs["layer_names"] = [b"conv"]
        group = file.create_group("conv")
        group.attrs["weight_names"] = [name.encode() for name in names]
        for number, name in enumerate(names):
            group[name] = np.full(3, number, ">f4")
    arrays = read_weights(tmp_path / "x").arrays
    assert arrays is not None
    assert list(arrays) == keys
    assert [value[0] for value in arrays.values()] == list(range(len(names)))
    assert {value.dtype.isnative for value in arrays.values()} == {True}


def test_tensorlayer_arrays_keep_their_names_and_order(tmp_path: Path) -> None:
    arrays = {f"main_net/{key}": value for key, value in small_arrays().items()}
    arrays["main_net/fortran:0"] = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    found = read_weights(write_tensorlayer(tmp_path / "x.pth", arrays))
    assert found.format == "tensorlayer"
    assert found.arrays is not None
    assert list(found.arrays) == list(arrays)
    assert all(np.array_equal(found.arrays[key], value) for key, value in arrays.items())


def test_compressed_npz_is_read(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "x.npz", a=np.zeros((50, 50)))
    arrays = read_weights(tmp_path / "x.npz").arrays
    assert arrays is not None
    assert np.array_equal(arrays["a"], np.zeros((50, 50)))
