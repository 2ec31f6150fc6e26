"""Weights find the network they are for, and load there exactly or not at all."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from ldpbench.core.errors import IntegrityError, MethodError
from ldpbench.networks.weights import recognise as recognising
from ldpbench.networks.weights.read import WeightsFile, read_weights
from ldpbench.networks.weights.recognise import fit, recognise
from tests.corrupt_weights import small_arrays, write_keras, write_torch
from tests.toy_methods import write_method

PLUGIN = """
import torch
from torch import nn


def build_network(width=4, bias=True):
    return nn.Sequential(nn.Conv2d(3, width, 3, bias=bias), nn.Conv2d(width, 3, 3, bias=bias))


def infer_options(shapes):
    first = shapes.get("0.weight")
    if first is None or len(first) != 4:
        return None
    return {"width": first[0], "bias": "0.bias" in shapes}
"""
OTHER = """
import torch
from torch import nn


def build_network():
    return nn.Sequential(nn.Conv2d(3, 6, 3))


def infer_options(shapes):
    return {} if "0.weight" in shapes else None
"""
CONVERTING = """
from torch import nn


def build_network(width=4):
    return nn.ModuleDict({"a": nn.Conv2d(2, width, 3)})


def convert(arrays):
    if "conv_b/kernel:0" not in arrays:
        return None
    return {"a.weight": arrays["conv_b/kernel:0"].transpose(3, 2, 0, 1), "a.bias": arrays["conv_b/bias:0"]}


def infer_options(shapes):
    return {"width": shapes["a.bias"][0]} if "a.bias" in shapes else None
"""


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Nothing but the plugin folders of the test."""
    root = tmp_path / "plugins"
    (root / "baselines").mkdir(parents=True)

    def add(**sources: str) -> None:
        for name, source in sources.items():
            (write_method(root, name, "return left") / "__init__.py").write_text(source)
        folders = {name: root / "baselines" / name for name in sorted(sources)}
        monkeypatch.setattr(recognising, "record_folders", lambda *_: folders)

    return add


def toy(width: int = 4, *, bias: bool = True) -> nn.Module:
    torch.manual_seed(width)
    return nn.Sequential(nn.Conv2d(3, width, 3, bias=bias), nn.Conv2d(width, 3, 3, bias=bias))


def as_file(state: dict[str, Tensor]) -> WeightsFile:
    return WeightsFile(Path("x.pth"), "", 0, "torch", None, state)


def test_plugin_folders_are_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the plugin path, beside everything that ships."""
    folder = write_method(tmp_path, "toy-of-a-test", "return left")
    (folder / "__init__.py").write_text(PLUGIN.replace("0.weight", "only_here.weight"))
    monkeypatch.setenv("LDPBENCH_PLUGIN_PATH", str(tmp_path))
    found = recognise(as_file({"only_here.weight": torch.ones(5, 3, 3, 3)}))
    assert found is not None
    assert (found.baseline, found.options) == ("toy-of-a-test", {"width": 5, "bias": False})
    assert recognise(as_file({"nobody_knows_this": torch.ones(2)})) is None


@pytest.mark.parametrize(("width", "bias"), [(4, True), (7, False)])
def test_the_plugin_that_more_entries_fit_wins(plugins: Callable[..., None], width: int, bias: bool) -> None:
    plugins(aa=OTHER, toy=PLUGIN, zz=OTHER)
    state = toy(width, bias=bias).state_dict()
    found = recognise(as_file(state))
    assert found is not None
    assert (found.baseline, found.options) == ("toy", {"width": width, "bias": bias})
    assert str(found) == f"toy with width={width}, bias={bias}"
    assert found.state.keys() == state.keys()


def test_weights_of_several_seem_to_be_the_simpler_one(plugins: Callable[..., None]) -> None:
    plugins(other=OTHER, toy=PLUGIN)
    found = recognise(as_file(nn.Sequential(nn.Conv2d(3, 6, 3)).state_dict()))
    assert found is not None
    assert str(found) in ("other", "toy with width=6, bias=True")


def test_keras_arrays_are_translated_by_the_plugin(plugins: Callable[..., None], tmp_path: Path) -> None:
    plugins(conv=CONVERTING, toy=PLUGIN)
    arrays = small_arrays()
    found = recognise(read_weights(write_keras(tmp_path / "x.h5", arrays)))
    assert found is not None
    assert (found.baseline, found.options) == ("conv", {"width": 4})
    assert torch.equal(found.state["a.weight"][1, 0], torch.from_numpy(arrays["conv_b/kernel:0"][:, :, 0, 1].copy()))
    found.state["a.bias"] += 1  # its numbers are its own
    foreign = {f"other_{key}": value for key, value in arrays.items()}
    assert recognise(read_weights(write_keras(tmp_path / "y.h5", foreign))) is None


def test_a_plugin_that_fails_is_named(plugins: Callable[..., None]) -> None:
    plugins(broken="def infer_options(shapes):\n    return shapes['no such key']\n")
    with pytest.raises(MethodError, match="broken: asked for the options of x.pth, it failed: KeyError"):
        recognise(as_file({"a": torch.ones(1)}))
    with pytest.raises(IntegrityError, match="are of another network") as caught:
        fit(toy(), {"a": torch.ones(1)}, Path("x.pth"), what="Toy")
    assert caught.value.hint == "give the weights of Toy"


def test_weights_that_fit_are_loaded(tmp_path: Path) -> None:
    source, target = toy(4), toy(4)
    for value in target.parameters():
        nn.init.zeros_(value)
    found = read_weights(write_torch(tmp_path / "x.pth", source.state_dict()))
    assert found.state is not None
    fit(target, found.state, found.path, what="Toy")
    assert all(torch.equal(target.state_dict()[key], value) for key, value in source.state_dict().items())


def test_what_does_not_fit_is_listed_and_the_likely_network_named(plugins: Callable[..., None]) -> None:
    plugins(toy=PLUGIN)
    state = toy(7).state_dict()
    state["0.bias"] = state["0.bias"].long()
    del state["1.bias"]
    state["extra"] = torch.ones(1)
    network = toy(4)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with pytest.raises(IntegrityError) as caught:
        fit(network, state, Path("x.pth"), what="Toy (width 4)")
    assert caught.value.exit_code == 4
    assert caught.value.message == (
        "the weights in x.pth are of another network than Toy (width 4): of 4 entries 1 are missing, 3 have another "
        "shape, 1 another type; 1 are unexpected"
    )
    assert caught.value.faults == (
        "1.bias: missing",
        "0.weight: expected the shape (4, 3, 3, 3), found (7, 3, 3, 3)",
        "0.bias: expected the shape (4,), found (7,)",
        "1.weight: expected the shape (3, 4, 3, 3), found (3, 7, 3, 3)",
        "0.bias: expected float32, found int64",
        "extra: unexpected",
    )
    assert caught.value.hint == "it looks like toy with width=7, bias=True"
    assert all(torch.equal(network.state_dict()[key], value) for key, value in before.items())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_floats_of_another_precision_are_converted(dtype: torch.dtype) -> None:
    network, state = toy(), {key: value.to(dtype) for key, value in toy().state_dict().items()}
    fit(network, state, Path("x"), what="Toy")
    assert {value.dtype for value in network.state_dict().values()} == {torch.float32}
    assert all(torch.equal(network.state_dict()[key], value.float()) for key, value in state.items())


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool, torch.complex64])
def test_numbers_of_another_kind_are_refused(dtype: torch.dtype) -> None:
    state = toy().state_dict()
    state["1.bias"] = torch.ones(3, dtype=dtype)
    with pytest.raises(IntegrityError, match="1 another type") as caught:
        fit(toy(), state, Path("x"), what="Toy", hint="see there")
    assert caught.value.hint == "see there"
    assert caught.value.faults == (f"1.bias: expected float32, found {str(dtype).removeprefix('torch.')}",)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_no_numbers_are_refused(bad: float) -> None:
    network, state = toy(), {key: value.clone() for key, value in toy(4).state_dict().items()}
    state["1.weight"][0, 1, 2, 2] = bad
    with pytest.raises(IntegrityError, match=r"1\.weight: 1 of 108 numbers are NaN or infinite") as caught:
        fit(network, state, Path("x"), what="Toy")
    assert len(caught.value.faults) == 1


def test_entries_of_training_are_ignored_if_the_plugin_says_so() -> None:
    state = {**toy().state_dict(), "reblurNet.a": torch.ones(2), "reblurNet.b": torch.full((1,), float("nan"))}
    fit(toy(), state, Path("x"), ignored=("reblurNet.",), what="Toy")
    with pytest.raises(IntegrityError, match="2 are unexpected"):
        fit(toy(), state, Path("x"), what="Toy")


def test_counters_of_batch_normalisation_may_be_missing_and_nothing_else_may() -> None:
    network, state = nn.BatchNorm2d(3), nn.BatchNorm2d(3).state_dict()
    state["running_mean"] += 2
    del state["num_batches_tracked"]
    fit(network, state, Path("x"), what="Toy")
    assert network.running_mean is not None
    assert network.running_mean.tolist() == [2, 2, 2]
    del state["running_var"]
    with pytest.raises(IntegrityError, match="1 are missing"):
        fit(network, state, Path("x"), what="Toy")
