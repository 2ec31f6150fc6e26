"""DMENet from TensorLayer files, its quirks and its deconvolution; its numbers are compared in the parity tests too."""

import numpy as np
import pytest
import torch

from ldpbench.api import build_network, hyper_laplacian_deblur
from ldpbench.core.errors import IntegrityError
from ldpbench.core.resources import load_folder_package, shipped_root
from ldpbench.methods.find import find_method
from ldpbench.methods.loading import load_method
from ldpbench.methods.runtime import restore_pair
from tests.corrupt_weights import write_tensorlayer
from tests.parity.base import fill_channels_last, load_golden, views

PLUGIN = load_folder_package(shipped_root() / "baselines" / "dmenet")
FACTS, ARRAYS = load_golden("dmenet")


@pytest.fixture(scope="module")
def variables():
    """The published variables with made-up numbers."""
    return {key: fill_channels_last(key, tuple(shape)) for key, shape, _ in FACTS["weights"]}


@pytest.fixture(scope="module")
def network(variables):
    network = build_network("dmenet")
    state = PLUGIN.convert(variables)
    network.load_state_dict({key: torch.from_numpy(value) for key, value in state.items()})
    return network.eval()


def test_a_tensorlayer_file_is_loaded_and_gives_the_published_output(variables, tmp_path):
    more = {
        "main_net/defocus_net/encoder/conv6_1/kernel:0": np.zeros((3, 3, 512, 2), dtype=np.float32),
        "main_net/Binary_Net/c1/bias:0": np.zeros(3, dtype=np.float32),
        "discriminator/c1/bias:0": np.zeros(3, dtype=np.float32),
    }
    path = write_tensorlayer(tmp_path / "DMENet_BDCS.npz", {**more, **variables})
    network = load_method("dmenet", weights=path).network
    with torch.inference_mode():
        found = network(views(64, 96, 3)).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(found, ARRAYS["main:output"], **FACTS["tolerance"])


def test_a_file_that_lacks_a_variable_names_it(variables, tmp_path):
    lacking = dict(variables)
    del lacking["main_net/defocus_net/decoder/u0/b3_1/beta:0"]
    with pytest.raises(IntegrityError) as refused:
        load_method("dmenet", weights=write_tensorlayer(tmp_path / "lacking.npz", lacking))
    assert "decoder.u0.b3_1.beta: missing" in refused.value.faults
    assert PLUGIN.convert({"a/kernel:0": np.zeros((3, 3, 1, 1))}) is None
    assert PLUGIN.infer_options({}) is None


def test_the_border_is_repeated(network):
    convolution = network.encoder.conv1_1
    x = torch.rand(1, 3, 6, 8)
    padded = torch.nn.functional.pad(x, (1, 1, 1, 1), mode="replicate")
    expected = torch.nn.functional.conv2d(padded, convolution.weight, convolution.bias)
    torch.testing.assert_close(convolution(x), expected)


def test_it_is_fed_rgb_and_turns_it_itself(network):
    x = views(32, 32, 3)
    with torch.inference_mode():
        assert (network(x.flip(1)) - network(x)).abs().max() > 1e-4


def test_the_map_becomes_a_sigma():
    found = PLUGIN.sigma_px(np.array([0.0, 1 / 15, 0.2, 1.0]))
    np.testing.assert_allclose(found, [0, 0, 1, 7])


def test_the_method_deconvolves_by_the_networks_own_map(network):
    method = PLUGIN.build(network, find_method("dmenet").record)
    left, right = (np.random.default_rng(seed).random((48, 64, 3), dtype=np.float32) for seed in (1, 2))
    center = ((left + right) / np.float32(2)).astype(np.float32)
    center = (np.floor(np.rint(center * 65535) / 256) / 255).astype(np.float32)
    with torch.inference_mode():
        maps = network(torch.from_numpy(center.transpose(2, 0, 1).copy())[None])[0, 0]
    sigma = PLUGIN.sigma_px((torch.round(maps * 255) / 255).numpy())
    assert sigma.max() > 0, "the made-up weights see blur somewhere"
    expected = np.clip(hyper_laplacian_deblur(center, sigma), 0, 1)
    np.testing.assert_allclose(restore_pair(method, left, right), expected, atol=1e-5)


def test_training_uses_the_statistics_of_the_batch_and_reaches_every_weight(network):
    fresh = build_network("dmenet").train()
    x = torch.rand(2, 3, 32, 32)
    (fresh(x).mean() + sum(head.mean() for head in fresh.auxiliary(x).values())).backward()
    assert all(value.grad is not None for value in fresh.parameters())
