"""What a published network is fed, and which part of its output is the picture."""

import pytest
import torch
from torch import nn

from ldpbench.core.resources import load_folder_package, shipped_root
from ldpbench.methods.network_method import NetworkMethod
from ldpbench.records import read_records

RECORD = read_records(shipped_root() / "baselines" / "dpdnet")[0]
VIEWS = {
    "left": torch.full((2, 3, 4, 4), 0.1),
    "right": torch.full((2, 3, 4, 4), 0.2),
    "center": torch.full((2, 3, 4, 4), 0.3),
    "blur_map": torch.full((2, 1, 4, 4), 0.4),
}


class Same(nn.Module):
    """Gives back what it is given."""

    def forward(self, x):
        return x


def restored(method):
    return method.restore(**{view: VIEWS[view] if view in method.inputs else None for view in VIEWS})


@pytest.mark.parametrize(
    "inputs",
    [("left", "right"), ("right", "left"), ("center",), ("center", "right", "left"), ("left", "right", "blur_map")],
)
def test_the_inputs_enter_side_by_side_in_the_order_of_the_record(inputs):
    method = NetworkMethod(Same(), RECORD.model_copy(update={"inputs": inputs}))
    assert torch.equal(restored(method), torch.cat([VIEWS[view] for view in inputs], dim=1))


def test_what_is_not_declared_does_not_enter():
    method = NetworkMethod(Same(), RECORD)
    assert torch.equal(method.restore(**VIEWS), torch.cat([VIEWS["left"], VIEWS["right"]], dim=1))


def test_a_network_without_weights_is_on_the_cpu_and_one_with_them_where_they_are():
    assert NetworkMethod(Same(), RECORD).device == torch.device("cpu")
    with torch.device("meta"):
        assert NetworkMethod(nn.Conv2d(6, 3, 1), RECORD).device.type == "meta"


class Several(nn.Module):
    """Gives the views apart."""

    def forward(self, x):
        return list(x.split(3, dim=1))


def test_a_subclass_says_which_part_is_the_picture():
    class Second(NetworkMethod):
        def answer(self, output):
            return output[1]

    assert torch.equal(restored(Second(Several(), RECORD)), VIEWS["right"])


@pytest.mark.parametrize(("name", "network", "expected"), [("bambnet", Several(), 0.1), ("nafnet", Same(), 0.15)])
def test_answers_of_the_shipped_methods(name, network, expected):
    folder = shipped_root() / "baselines" / name
    method = load_folder_package(folder).build(network, read_records(folder)[0])
    torch.testing.assert_close(restored(method), torch.full((2, 3, 4, 4), expected))
