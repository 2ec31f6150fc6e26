"""DPDNet from Keras files, and its quirks; its numbers are compared in the parity tests too."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from ldpbench.api import build_network
from ldpbench.core.errors import IntegrityError
from ldpbench.core.resources import load_folder_package, shipped_root
from ldpbench.methods.loading import load_method
from ldpbench.methods.runtime import restore_pair
from tests.corrupt_weights import write_keras
from tests.parity.base import fill, fill_channels_last, load_golden, views

FOLDER = shipped_root() / "baselines" / "dpdnet"
PLUGIN = load_folder_package(FOLDER)
FACTS, ARRAYS = load_golden("dpdnet")


@pytest.fixture(scope="module")
def layers():
    """The published layers with made-up numbers."""
    return {key: fill_channels_last(key, tuple(shape)) for key, shape, _ in FACTS["weights"]}


@pytest.fixture(scope="module")
def network():
    return fill(build_network("dpdnet"))


def renamed(layers, first):
    """The same layers in a session whose numbers begin elsewhere."""
    new = {}
    for key, value in layers.items():
        layer, _, weight = key.partition("/")
        new[f"conv2d_{int(layer.removeprefix('conv2d_')) + first - 1}/{weight}"] = value
    return new


@pytest.mark.parametrize("root", ["model_weights", ""])
@pytest.mark.parametrize("first", [1, 25])
def test_a_keras_file_is_loaded_and_gives_the_published_output(layers, tmp_path, root, first):
    path = write_keras(tmp_path / "dpdnet.hdf5", renamed(layers, first), root=root)
    network = load_method("dpdnet", weights=path).network
    with torch.inference_mode():
        found = network(views(64, 96)).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(found, ARRAYS["main:output"], **FACTS["tolerance"])


def test_files_of_another_network_are_refused(layers, tmp_path):
    short = dict(list(layers.items())[:-2])
    assert PLUGIN.convert(short) is None
    with pytest.raises(IntegrityError, match="is a keras file, and not one of DPDNet"):
        load_method("dpdnet", weights=write_keras(tmp_path / "short.hdf5", short))
    swapped = dict(layers)
    swapped["conv2d_11/kernel:0"] = np.zeros((3, 3, 1024, 512), dtype=np.float32)
    assert PLUGIN.convert(swapped) is None
    single = dict(layers)
    single["conv2d_1/kernel:0"] = layers["conv2d_1/kernel:0"][:, :, :3]
    assert PLUGIN.convert(single)["down.0.first.weight"].shape == (64, 3, 3, 3)


def test_options_are_read_off_the_entries(network):
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    assert PLUGIN.infer_options(shapes) == {"input_channels": 6, "nb_ch": 3}
    assert PLUGIN.infer_options({}) is None
    assert PLUGIN.infer_options(dict.fromkeys(shapes, (1,))) is None


def test_an_even_kernel_pads_at_the_bottom_and_right(network):
    up = network.up[3]
    x = torch.rand(1, 128, 4, 6)
    large = x.repeat_interleave(2, -1).repeat_interleave(2, -2)
    with torch.inference_mode():
        expected = functional.relu(functional.conv2d(functional.pad(large, (0, 1, 0, 1)), up.conv.weight, up.conv.bias))
        torch.testing.assert_close(up(x), expected)
        other = functional.relu(functional.conv2d(functional.pad(large, (1, 0, 1, 0)), up.conv.weight, up.conv.bias))
        assert not torch.allclose(up(x), other, atol=1e-2)


def test_dropout_is_of_training_alone(network):
    x = views(16, 32)
    with torch.inference_mode():
        assert torch.equal(network(x), network(x))
        network.train()
        assert not torch.equal(network(x), network(x))
        network.eval()


def test_the_method_feeds_bgr_left_before_right(network):
    from ldpbench.methods.find import find_method

    method = PLUGIN.build(network, find_method("dpdnet").record)
    left, right = (np.random.default_rng(seed).random((32, 48, 3), dtype=np.float32) for seed in (1, 2))
    given = [torch.from_numpy(view[..., ::-1].transpose(2, 0, 1).copy())[None] for view in (left, right)]
    with torch.inference_mode():
        expected = network(torch.cat(given, dim=1))[0].permute(1, 2, 0).numpy()[..., ::-1]
    np.testing.assert_allclose(restore_pair(method, left, right), expected, atol=2e-5)
    assert np.abs(restore_pair(method, right, left) - expected).max() > 1e-3
