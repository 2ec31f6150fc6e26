"""DeepRFT's folding, options and windows; its numbers are compared in the parity tests too."""

import copy

import numpy as np
import pytest
import torch

from ldpbench.api import UsageError, build_network
from ldpbench.core.resources import load_folder_package, shipped_root
from ldpbench.methods.inference import Inference
from ldpbench.methods.loading import own_inference
from ldpbench.methods.parts import InParts
from ldpbench.methods.runtime import restore_pair
from ldpbench.records import read_records
from tests.parity.base import fill, load_golden, shapes_of, views
from tests.parity.deeprft import run

FOLDER = shipped_root() / "baselines" / "deeprft"
PLUGIN = load_folder_package(FOLDER)
TINY = load_golden("deeprft_tiny")[0]


def tiny(**changes):
    return fill(build_network("deeprft", **{**TINY["options"], **changes}), TINY["post_fill"])


@pytest.mark.parametrize("golden", ["deeprft", "deeprft_tiny"])
def test_folded_it_has_the_published_entries(golden):
    facts, _ = load_golden(golden)
    shapes = shapes_of("deeprft", **facts["options"], folded=True)
    assert len(shapes) == facts["folded"]["entries"]
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == facts["folded"]["parameters"]


def test_folding_changes_no_output_and_gives_the_folded_form():
    network = tiny()
    x = views(32, 48, 3)
    with torch.inference_mode():
        before = network(x)
        after = PLUGIN.fold(copy.deepcopy(network))
        for one, other in zip(before, after(x), strict=True):
            torch.testing.assert_close(one, other, atol=1e-6, rtol=0)
        folded = build_network("deeprft", **TINY["options"], folded=True)
        folded.load_state_dict(after.state_dict())
        assert torch.equal(folded.eval()(x)[0], after(x)[0])
        assert PLUGIN.fold(folded) is folded


def test_a_fresh_network_has_identity_factors_that_are_not_learnt():
    network = build_network("deeprft", num_res=1)
    convolution = network.feat_extract[0].main[0]
    assert torch.equal(convolution.weight().flatten(2), convolution.W)
    assert not convolution.D_diag.requires_grad
    network(torch.rand(1, 3, 8, 8))[0].mean().backward()
    assert convolution.D.grad is not None
    assert convolution.D_diag.grad is None


def test_the_stored_diagonal_is_used_and_not_assumed():
    network = tiny()
    x = views(16, 16, 3)
    with torch.inference_mode():
        before = network(x)[0]
        network.feat_extract[0].main[0].D_diag.mul_(1.5)
        assert not torch.allclose(network(x)[0], before, atol=1e-4)


def test_the_full_size_network_gives_the_published_statistics():
    facts, _ = load_golden("deeprft")
    network = fill(build_network("deeprft", **facts["options"]))
    for case, about in facts["cases"].items():
        for name, value in run(network, about, 3).items():
            expected = facts["statistics"][f"{case}_{name}" if name.startswith("output") else f"mid:{name}"]
            own = {"mean": value.mean(), "std": value.std(correction=0), "min": value.min(), "max": value.max()}
            assert {key: float(number) for key, number in own.items()} == pytest.approx(
                {key: expected[key] for key in own}, abs=1e-3, rel=1e-4
            )


@pytest.mark.parametrize(
    "options",
    [
        {"num_res": 4, "in_channels": 3, "folded": False},
        {"num_res": 8, "in_channels": 6, "folded": False},
        {"num_res": 20, "in_channels": 3, "folded": True},
    ],
)
def test_options_are_read_off_the_entries(options):
    shapes = shapes_of("deeprft", **options)
    assert PLUGIN.infer_options(shapes) == options


def test_foreign_entries_are_not_taken():
    assert PLUGIN.infer_options({}) is None
    assert PLUGIN.infer_options({"feat_extract.0.main.0.W": (32, 3, 9)}) is None
    assert PLUGIN.infer_options(dict.fromkeys(shapes_of("deeprft", num_res=1), (1,))) is None


def test_other_channels_are_refused():
    with pytest.raises(UsageError, match="expected in_channels 3 or 6, found 4"):
        build_network("deeprft", in_channels=4)


def test_inference_gives_the_finest_alone():
    x = views(16, 20, 3)
    with torch.inference_mode():
        assert torch.equal(tiny(inference=True)(x), tiny()(x)[0])


def test_its_own_way_is_windows_of_512():
    single, dual = read_records(FOLDER)
    assert own_inference(single) == Inference(windows_px=512)
    assert own_inference(dual).kind == "whole"


def test_the_method_in_windows_is_the_published_test():
    facts, arrays = load_golden("deeprft_tiny")
    case = facts["cases"]["windowed"]
    method = PLUGIN.build(tiny(), read_records(FOLDER)[0])
    assert method.network.inference
    x = views(*case["size"], 3)
    parts = InParts(method, Inference(windows_px=case["window"]))
    with torch.inference_mode():
        found = parts.restore(left=None, right=None, center=x, blur_map=None)
    np.testing.assert_allclose(found.numpy(), arrays["windowed_output"], **facts["tolerance"])


def test_two_views_count_both_and_odd_sizes_are_padded():
    facts, _ = load_golden("deeprft_dp6_tiny")
    network = fill(build_network("deeprft", **facts["options"]), facts["post_fill"])
    method = PLUGIN.build(network, read_records(FOLDER)[1])
    left, right = (np.random.default_rng(seed).random((30, 45, 3), dtype=np.float32) for seed in (1, 2))
    expected = restore_pair(method, left, right)
    assert expected.shape == left.shape
    assert np.abs(restore_pair(method, right, left) - expected).max() > 1e-3
    assert np.abs(restore_pair(method, left, left) - expected).max() > 1e-3
