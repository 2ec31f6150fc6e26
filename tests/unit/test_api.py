"""The public Python API: what is there works, what is not there yet says so."""

import subprocess
import sys

import numpy as np
import pytest

from ldpbench import api
from ldpbench.core.errors import UsageError
from tests.toy_methods import write_method


def test_names_are_the_promised_ones():
    promised = {"build_network", "deblur", "estimate_blur_map", "load_dataset", "load_method", "score"}
    assert promised <= set(api.__all__)
    assert all(hasattr(api, name) for name in api.__all__)


def test_a_dataset_is_a_sequence_of_samples(home_with_sample):
    test, every = api.load_dataset("sample", "test"), api.load_dataset("sample")
    assert (len(test), len(every)) == (6, 8)
    assert [sample.id for sample in test[:2]] == ["scene-1", "scene-2"]
    assert {sample.split for sample in every} == {"test", "val"}
    with pytest.raises(UsageError, match="no split of sample is called 'train'"):
        api.load_dataset("sample", "train")


def test_the_readme_example(home_with_sample):
    scene = api.load_dataset("sample", "test")[0]
    sharp = api.deblur(scene.left, scene.right, "dp-wiener")
    blurry = api.deblur(scene.left, scene.right, "blurry-input")
    assert sharp.shape == scene.target.shape
    assert sharp.dtype == np.float32
    found = api.score(sharp, scene.target, ["psnr", "ssim", "mae"])
    assert list(found) == ["psnr", "ssim", "mae"]
    assert found["psnr"] > api.score(blurry, scene.target, ["psnr"])["psnr"] + 1


def test_methods_come_by_id_path_or_as_they_are(tmp_path):
    folder = write_method(tmp_path, "mine", "return right")
    left, right = np.zeros((8, 8, 3), np.float32), np.ones((8, 8, 3), np.float32)
    for method in (folder, str(folder), api.load_method(folder)):
        np.testing.assert_array_equal(api.deblur(left, right, method), right)
    assert isinstance(api.load_method("dp-wiener"), api.Deblurrer)


def test_networks_come_by_name_with_the_options_of_their_code():
    network = api.build_network("ldp-official", inp_channels=6, out_channels=3, bias=False)
    assert sum(parameter.numel() for parameter in network.parameters()) == 7_624_961
    assert api.build_network("ldp-tiny", width=8).config.width == 8
    with pytest.raises(UsageError, match="no network is called 'ldp-tinny'"):
        api.build_network("ldp-tinny")
    with pytest.raises(UsageError, match="no option of ldp-official is called 'dim'"):
        api.build_network("ldp-official", dim=48)


def test_a_blur_map_of_a_pair_is_an_array_too():
    left = np.random.default_rng(0).integers(0, 256, (64, 96, 3)).astype(np.uint8)
    found = api.estimate_blur_map(left, np.roll(left, 3, axis=1), "disparity")
    assert found.logits.shape == found.probability.shape == (64, 96)
    assert np.median(found.logits) == pytest.approx(3, abs=0.1)
    np.testing.assert_array_equal(np.asarray(found), found.logits)
    with pytest.raises(UsageError, match="the views differ"):
        api.estimate_blur_map(left, left[:32], "disparity")


def test_scoring_loads_neither_datasets_nor_the_database():
    code = (
        "import sys, numpy as np\nfrom ldpbench.api import score\n"
        "score(np.zeros((16, 16, 3)), np.ones((16, 16, 3)), ['psnr', 'ssim'])\n"
        "assert not {'datasets', 'duckdb', 'pyiqa'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
