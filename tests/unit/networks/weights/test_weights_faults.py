"""What is no whole, honest weights file is refused with its name; nothing in it runs, and little memory is used."""

import collections
import io
import json
import os
import pickle
import struct
import subprocess
import tarfile
import time
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from ldpbench.core.errors import IntegrityError, MissingPrerequisiteError
from ldpbench.networks.weights import read as reading
from ldpbench.networks.weights.pickles import MAX_STEPS
from ldpbench.networks.weights.read import read_weights
from tests.corrupt_weights import (
    Calls,
    pickle_of,
    replace_pickle,
    small_arrays,
    small_state,
    write_keras,
    write_torch,
)


def refusal(path: Path) -> IntegrityError:
    with pytest.raises(IntegrityError) as caught:
        read_weights(path)
    assert caught.value.exit_code == 4
    assert str(path) in caught.value.message
    assert caught.value.hint
    return caught.value


def test_a_missing_file_is_a_prerequisite(tmp_path: Path) -> None:
    with pytest.raises(MissingPrerequisiteError, match="there is no file") as caught:
        read_weights(tmp_path / "none.pth")
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>Google Drive - Virus scan warning", "web page"),
        (b"\n<html lang='en'>quota", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 3\n", "Git LFS pointer"),
        (b"\x1f\x8b\x08rest", "gzip"),
        (b"7z\xbc\xaf\x27\x1c", "7z archive"),
        (b"Rar!\x1a\x07", "RAR archive"),
        (b"\x93NUMPY\x01\x00", "single NumPy array"),
        (b"\x89PNG\r\n\x1a\n", "picture"),
        (b"just words, and enough of them", "none of the files that hold weights"),
        (b"PK\x03\x04 and nothing else", "damaged or cut zip"),
        (b"\x89HDF\r\n\x1a\n and nothing else", "damaged or cut keras"),
        (struct.pack("<Q", 1 << 20) + b'{"a":', "damaged or cut safetensors"),
        (b"\x80\x02\x8a\x0al\xfc", "damaged or cut torch"),
    ],
)
def test_what_is_no_weights_file_is_named(tmp_path: Path, head: bytes, says: str) -> None:
    (tmp_path / "weights.pth").write_bytes(head)
    assert says in refusal(tmp_path / "weights.pth").message


def test_a_web_page_is_to_be_fetched_in_a_browser(tmp_path: Path) -> None:
    (tmp_path / "x.pth").write_bytes(b"<html>")
    assert "browser" in refusal(tmp_path / "x.pth").hint


def test_places_that_are_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "is a folder" in refusal(tmp_path).message
    os.mkfifo(tmp_path / "pipe")
    assert "no regular file" in refusal(tmp_path / "pipe").message
    path = write_torch(tmp_path / "x.pth", small_state())

    def refused(*_: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", refused)
        assert "cannot be read: Permission denied" in refusal(path).message
    monkeypatch.setattr(reading, "MAX_BYTES", 100)
    assert "expected weights of at most 100 bytes" in refusal(path).message


def test_archives_name_the_weights_inside(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
        archive.writestr("checkpoints/IFAN_dual.pytorch", b"x")
    found = refusal(tmp_path / "all.zip")
    assert "it holds checkpoints/IFAN_dual.pytorch" in found.message
    assert "give checkpoints/IFAN_dual.pytorch" in found.hint
    with tarfile.open(tmp_path / "all.tar", "w") as packed:
        packed.addfile(tarfile.TarInfo("net.pth"))
    assert "tar archive, not weights; it holds net.pth" in refusal(tmp_path / "all.tar").message


def test_programs_and_whole_models_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "script.pt", "w") as archive:
        for name in ("data.pkl", "constants.pkl", "code/__torch__.py"):
            archive.writestr(f"net/{name}", b"\x80\x02N.")
    assert "TorchScript" in refusal(tmp_path / "script.pt").message
    for legacy in (False, True):
        path = write_torch(tmp_path / "model.pth", torch.nn.Linear(2, 3), legacy=legacy)
        found = refusal(path)
        assert "an object of torch.nn.modules.linear.Linear, not a state dict" in found.message
        assert "state_dict()" in found.hint


def test_keras_3_is_named(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.weights.h5", "w") as file:
        file["layers/conv2d/vars/0"] = np.ones(3)
    assert "Keras 3" in refusal(tmp_path / "x.weights.h5").message
    with zipfile.ZipFile(tmp_path / "x.keras", "w") as archive:
        for name in ("metadata.json", "config.json", "model.weights.h5"):
            archive.writestr(name, "{}")
    found = refusal(tmp_path / "x.keras")
    assert "Keras 3" in found.message
    assert "Keras 2" in found.hint
    with h5py.File(tmp_path / "x.mat", "w") as file:
        file["depths"] = np.ones(3)
    assert "not of Keras: it has no attribute layer_names; found depths" in refusal(tmp_path / "x.mat").message


def test_arrays_that_lie_elsewhere_are_not_followed(tmp_path: Path) -> None:
    secret = write_keras(tmp_path / "secret.h5", small_arrays())
    for number, link in enumerate((h5py.ExternalLink(str(secret), "/model_weights/conv_b"), h5py.SoftLink("/other"))):
        path = tmp_path / f"{number}.h5"
        with h5py.File(path, "w") as file:
            file.attrs["layer_names"] = [b"conv_b"]
            file["conv_b"] = link
        assert "does not lie in this file" in refusal(path).message
    with h5py.File(tmp_path / "raw.h5", "w") as file:
        file.attrs["layer_names"] = [b"a"]
        file.create_group("a").attrs["weight_names"] = [b"w:0"]
        file["a"].create_dataset("w:0", (2,), "f4", external=[(str(secret), 0, 8)])
    assert "no array in this file" in refusal(tmp_path / "raw.h5").message


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    listed = np.empty(2, object)
    np.savez(tmp_path / "list.npz", params=listed)
    assert "list form" in refusal(tmp_path / "list.npz").message
    np.savez(tmp_path / "object.npz", a=listed)
    assert "type object, expected real numbers" in refusal(tmp_path / "object.npz").message
    np.savez(tmp_path / "words.npz", a=np.array(["x"]))
    assert "expected real numbers" in refusal(tmp_path / "words.npz").message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({}, "holds no tensors by name; found nothing"),
        ([torch.ones(2)], "holds a list, not a state dict"),
        (torch.ones(2), "holds a StoredTensor, not a state dict"),
        ({"epoch": 3, "state_dict": {}}, "holds no tensors by name; found epoch (a int), state_dict (a dict)"),
        ({0: {"a": torch.ones(2)}, 1: {"a": torch.ones(2)}}, "several sets of weights: 0, 1"),
        ({"a\x1b[31m": torch.ones(2)}, r"'a\x1b[31m'"),
        ({"model": {"net": {"params": {"state_dict": {"a": torch.ones(1)}}}}}, "holds no tensors by name"),
    ],
)
def test_files_without_a_state_dict_say_what_they_hold(tmp_path: Path, content: Any, says: str) -> None:
    assert says in refusal(write_torch(tmp_path / "x.pth", content)).message


DANGEROUS = [
    (Calls(os.system, "touch HERE"), "posix.system"),
    (Calls(eval, "open('HERE', 'w')"), "builtins.eval"),
    (Calls(exec, "open('HERE', 'w')"), "builtins.exec"),
    (Calls(open, "HERE", "w"), "io.open"),
    (Calls(getattr, str, "format"), "builtins.getattr"),
    (Calls(subprocess.Popen, ["touch", "HERE"]), "subprocess.Popen"),
    (Calls(torch.load, "HERE"), "torch.serialization.load"),
    (Calls(torch.hub.load, "HERE", "model"), "torch.hub.load"),
    (Calls(torch.storage._load_from_bytes, b"x"), "torch.storage._load_from_bytes"),
    (Calls(np.load, "HERE"), "numpy.load"),
    (Calls(pickle.loads, b"N."), "pickle.loads"),
]


@pytest.mark.parametrize(("evil", "name"), DANGEROUS, ids=[name for _, name in DANGEROUS])
@pytest.mark.parametrize("kind", ["zip", "legacy", "bare"])
def test_hostile_pickles_run_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evil: Calls, name: str, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "x.pth"
    if kind == "bare":
        path.write_bytes(pickle.dumps(evil, protocol=2))
    else:
        write_torch(path, {"state_dict": small_state(), "extra": evil}, legacy=kind == "legacy")
    message = refusal(path).message
    assert f"wants to call {name}, which no checkpoint needs: it is refused, and nothing was run" in message
    assert not (tmp_path / "HERE").exists()


class Bystander:
    """A class of the user's own; its making and its state leave a trace if anything is ever called."""

    made: list[str] = []  # noqa: RUF012 - that it is shared is the point

    def __init__(self) -> None:
        self.value = 3

    def __setstate__(self, state: Any) -> None:
        Bystander.made.append("state")

    def __new__(cls) -> "Bystander":
        Bystander.made.append("new")
        return super().__new__(cls)


class DictOfOnesOwn(collections.UserDict[str, Any]):
    pass


class Easy(dict[str, Any]):
    pass


def test_objects_of_other_classes_are_never_made(tmp_path: Path) -> None:
    thing = Bystander()
    path = write_torch(tmp_path / "x.pth", {"state_dict": Easy(small_state()), "thing": thing, "d": DictOfOnesOwn(a=1)})
    Bystander.made.clear()
    found = read_weights(path).state
    assert found is not None
    assert list(found) == list(small_state())
    assert Bystander.made == []


def test_a_state_that_is_an_attribute_cannot_be_set_on_ours(tmp_path: Path) -> None:
    """BUILD with a dictionary on a plain container changes nothing."""
    pickled = pickle_of(write_torch(tmp_path / "x.pth", small_state()))
    spoilt = pickled[:-1] + b"}X\x05\x00\x00\x00clearK\x01sb."
    replace_pickle(tmp_path / "x.pth", spoilt)
    found = read_weights(tmp_path / "x.pth").state
    assert found is not None
    assert list(found) == list(small_state())


def claimed(path: Path, old: bytes, new: bytes) -> Path:
    pickled = pickle_of(path)
    assert pickled.count(old) >= 1
    return replace_pickle(path, pickled.replace(old, new))


HUGE = b"\x8a\x06" + (1 << 40).to_bytes(6, "little")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"K\x04K\x03K\x03K\x03t", b"K\xffK\xffK\xffK\xfft"),
        (b"K\x04K\x03K\x03K\x03t", HUGE + b"K\x03K\x03K\x03t"),
        (b"K\x04K\x03K\x03K\x03t", b"J\xff\xff\xff\xffK\x03K\x03K\x03t"),
        (b"K\x1bK\x09K\x03K\x01t", b"K\x00K\x00K\x00K\x00t"),
        (b"K\x1bK\x09K\x03K\x01t", HUGE + b"K\x09K\x03K\x01t"),
    ],
    ids=["large", "huge", "negative", "no strides", "huge stride"],
)
def test_claims_beyond_the_storage_are_refused_before_memory_is_taken(tmp_path: Path, old: bytes, new: bytes) -> None:
    state = {"body.weight": torch.ones(4, 3, 3, 3)}
    path = claimed(write_torch(tmp_path / "x.pth", state), old, new)
    tracemalloc.start()
    if b"K\x00" in new:
        assert read_weights(path).state is not None  # every number is there: the same one
    else:
        refusal(path)
    assert tracemalloc.get_traced_memory()[1] < 10 << 20
    tracemalloc.stop()


def test_many_views_of_one_storage_may_not_fill_the_memory(tmp_path: Path) -> None:
    base = torch.zeros(1000, 1000)
    path = write_torch(tmp_path / "x.pth", {f"{number}": base.t() for number in range(200)})
    assert "claim 800000000 bytes" in refusal(path).message


def test_bombs_are_refused_before_they_unfold(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes(64 << 20))
    assert "hostile" in refusal(tmp_path / "x.npz").message
    with zipfile.ZipFile(tmp_path / "y.npz", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.npy", bytes(1 << 10))
    assert "unusual way" in refusal(tmp_path / "y.npz").message
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.attrs["layer_names"] = [b"a"]
        file.create_group("a").attrs["weight_names"] = [b"w:0"]
        file["a"].create_dataset("w:0", (1 << 40,), "f8", chunks=(1 << 10,))
    assert "hostile" in refusal(tmp_path / "x.h5").message


def test_npz_claims_are_compared_with_the_bytes(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": (1 << 40,)})
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("a.npy", stream.getvalue() + b"1234")
    assert "claims the shape (1099511627776,) of float32 and has 4 bytes" in refusal(tmp_path / "x.npz").message


def test_safetensors_claims_are_compared_with_the_bytes(tmp_path: Path) -> None:
    for shape, end in (([1 << 40], 8), ([1 << 40], 1 << 42)):
        header = json.dumps({"a": {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}}).encode()
        (tmp_path / "x").write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
        assert "damaged or cut safetensors" in refusal(tmp_path / "x").message


@pytest.mark.parametrize(
    "pickled",
    [
        b"\x80\x02" + b"(" * 100 + b".",
        b"\x80\x02" + b"N" * MAX_STEPS + b".",
        b"\x80\x02" + b")" + b"\x85" * 200_000 + b"K\x01s.",
        b"\x80\x02}" + b")" + b"\x85" * 200_000 + b"K\x01s.",
        b"\x80\x02r\xff\xff\xff\xff.",
        b"\x80\x02Nr\xff\xff\xff\xffj\xff\xff\xff\xff.",
        b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f.",
        b"\x80\x02\x8b\xff\xff\xff\x7f.",
        b"\x80\x02L" + b"9" * 100_000 + b"L\n.",
        b"\x80\x02}" + b"\x8b\x10\x27\x00\x00" + b"\x7f" * 10_000 + b"Ns.",
        b"\x80\x02\x82\x01.",
        b"\x80\x02N0N0.",
        b"\x80\x02K\x05K\x06R.",
        b"\x80\x04NN\x93.",
        b"\x80\x02]]b.",
    ],
    ids=["marks", "steps", "no dictionary", "a deep key", "memo", "far memo", "bytes", "long", "digits", "a big key",
         "extension", "nothing", "call", "global", "list"],
)  # fmt: skip
def test_odd_pickles_end_in_a_sentence(tmp_path: Path, pickled: bytes) -> None:
    path = replace_pickle(write_torch(tmp_path / "x.pth", small_state()), pickled)
    before = time.perf_counter()
    refusal(path)
    assert time.perf_counter() - before < 8
