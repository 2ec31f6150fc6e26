"""RDPD from Keras files, its recurrence and its radial map; its numbers are compared in the parity tests too."""

import json

import h5py
import numpy as np
import pytest
import torch

from ldpbench.api import UsageError, build_network
from ldpbench.core.errors import IntegrityError
from ldpbench.core.resources import load_folder_package, shipped_root
from ldpbench.methods.find import find_method
from ldpbench.methods.loading import load_method
from ldpbench.methods.runtime import restore_pair
from tests.corrupt_weights import write_keras
from tests.parity.base import fill, fill_channels_last, load_golden, shapes_of
from tests.parity.rdpd import frames

PLUGIN = load_folder_package(shipped_root() / "baselines" / "rdpd")
FACTS, ARRAYS = load_golden("rdpd")


@pytest.fixture(scope="module")
def layers():
    """The published layers with made-up numbers."""
    return {key: fill_channels_last(key, tuple(shape)) for key, shape, _ in FACTS["weights"]}


@pytest.fixture(scope="module")
def network():
    return fill(build_network("rdpd"))


@pytest.mark.parametrize("lstm", ["conv_lst_m2d", "conv_lstm2d_3"])
def test_a_keras_file_is_loaded_and_gives_the_published_output(layers, tmp_path, lstm):
    named = {key.replace("conv_lst_m2d", lstm): value for key, value in layers.items()}
    network = load_method("rdpd", weights=write_keras(tmp_path / "rdpd.hdf5", named)).network
    with torch.inference_mode():
        found = network(frames(FACTS["cases"]["single"]["shape"])).movedim(2, -1).numpy()
    np.testing.assert_allclose(found, ARRAYS["single:output"], **FACTS["tolerance"])


def test_a_file_that_ends_in_a_sigmoid_says_so_in_its_configuration(layers, tmp_path):
    path = write_keras(tmp_path / "rdpd.hdf5", layers)
    for activation, linear in (("sigmoid", False), ("linear", True)):
        inner = {"class_name": "Conv2D", "config": {"kernel_size": [1, 1], "activation": activation}}
        with h5py.File(path, "a") as file:
            file.attrs["model_config"] = json.dumps({"config": {"layers": [{"config": {"layer": inner}}]}})
        assert load_method("rdpd", weights=path).network.linear_layer is linear
    with h5py.File(path, "a") as file:
        file.attrs["model_config"] = "{not json"
    assert load_method("rdpd", weights=path).network.linear_layer


def test_a_file_without_the_radial_map_is_fed_without_it(layers, tmp_path):
    named = dict(layers)
    named["time_distributed/kernel:0"] = layers["time_distributed/kernel:0"][:, :, :6]
    loaded = load_method("rdpd", weights=write_keras(tmp_path / "six.hdf5", named))
    view = np.random.default_rng(0).random((16, 16, 3), dtype=np.float32)
    assert restore_pair(loaded.deblurrer, view, view).shape == (16, 16, 3)


def test_files_of_another_network_are_refused(layers, tmp_path):
    without = {key: value for key, value in layers.items() if "recurrent" not in key}
    assert PLUGIN.convert(without) is None
    with pytest.raises(IntegrityError, match="not one of RDPD"):
        load_method("rdpd", weights=write_keras(tmp_path / "without.hdf5", without))
    assert PLUGIN.infer_options({}) is None


@pytest.mark.parametrize("name", ["kernel:0", "recurrent_kernel:0"])
def test_a_recurrence_that_is_no_convolution_is_refused(layers, tmp_path, name):
    dense = dict(layers)
    dense[f"conv_lst_m2d/{name}"] = np.zeros((512, 2048), dtype=np.float32)
    with pytest.raises(IntegrityError, match="not one of RDPD"):
        load_method("rdpd", weights=write_keras(tmp_path / "dense.hdf5", dense))


@pytest.mark.parametrize("depth", [600, 900])
def test_a_deeply_nested_configuration_says_nothing_and_stops_nothing(layers, tmp_path, depth):
    path = write_keras(tmp_path / "deep.hdf5", layers)
    with h5py.File(path, "a") as file:
        file.attrs["model_config"] = '{"layers": ' + "[" * depth + "]" * depth + "}"
    assert load_method("rdpd", weights=path).network.linear_layer


@pytest.mark.parametrize("options", [{}, {"input_channels": 6}, {"nb_ch_out": 1}])
def test_options_are_read_off_the_entries(options):
    shapes = shapes_of("rdpd", **options)
    assert shapes_of("rdpd", **PLUGIN.infer_options(shapes)) == shapes
    assert PLUGIN.infer_options(dict.fromkeys(shapes, (1,))) is None


def test_the_hard_sigmoid_is_that_of_keras_2():
    gate = PLUGIN.network.hard_sigmoid if hasattr(PLUGIN, "network") else None
    assert gate is not None
    x = torch.tensor([-3.0, -2.5, -1.0, 0.0, 1.0, 2.5, 3.0])
    torch.testing.assert_close(gate(x), torch.tensor([0.0, 0.0, 0.3, 0.5, 0.7, 1.0, 1.0]))
    assert not torch.allclose(gate(x), torch.nn.functional.hardsigmoid(x), atol=1e-2)


def test_frames_remember_those_before_them_and_single_frames_do_not(network):
    x = torch.rand(1, 3, 7, 16, 32)
    with torch.inference_mode():
        together = network(x)
        torch.testing.assert_close(network(x[:, 0]), together[:, 0], atol=1e-6, rtol=1e-5)
        assert (network(x[:, 2]) - together[:, 2]).abs().max() > 1e-4
    with pytest.raises(UsageError, match=r"\(N, C, H, W\) or"):
        network(x[0, 0])


@pytest.mark.parametrize(("height", "width"), [(1120, 1680), (1080, 1920), (33, 48)])
def test_the_radial_map_is_that_of_8_bit_files(height, width):
    found = PLUGIN.radial_map(height, width)[0].numpy()
    y, x = np.mgrid[:height, :width]
    distance = np.hypot(y - height / 2, x - width / 2)
    np.testing.assert_array_equal(np.rint(found * 255), np.rint(255 * distance / distance[0, 0]))
    assert found[0, 0] == found.max() == 1


def test_the_map_is_of_the_frame_before_its_padding(network):
    method = PLUGIN.build(network, find_method("rdpd").record)
    views = [np.random.default_rng(seed).integers(0, 256, (33, 50, 3)).astype(np.uint8) for seed in (1, 2)]
    planes = [torch.from_numpy(view[..., ::-1].transpose(2, 0, 1).astype(np.float32) / 255) for view in views]
    x = torch.cat([*planes, PLUGIN.radial_map(33, 50)])[None]
    with torch.inference_mode():
        found = network(torch.nn.functional.pad(x, (0, 14, 0, 15), mode="reflect"))[0, :, :33, :50]
    np.testing.assert_allclose(restore_pair(method, *views)[..., ::-1], found.permute(1, 2, 0), atol=1e-6)


def test_the_map_of_a_frame_is_not_that_of_a_part(network):
    method = PLUGIN.build(network, find_method("rdpd").record)
    views = [np.random.default_rng(seed).random((48, 64, 3), dtype=np.float32) for seed in (1, 2)]
    whole = restore_pair(method, *views)
    part = restore_pair(method, *(view[:32, :32] for view in views))
    assert np.abs(whole[:8, :8] - part[:8, :8]).max() > 1e-4
    assert np.abs(restore_pair(method, *views[::-1]) - whole).max() > 1e-4
