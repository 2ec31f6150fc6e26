"""IFAN's filters, options and quirks; its numbers are compared in the parity tests too."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from ldpbench.api import UsageError, build_network
from ldpbench.core.resources import load_folder_package, shipped_root
from ldpbench.methods.inference import Inference
from ldpbench.methods.loading import own_inference
from ldpbench.methods.runtime import restore_pair
from ldpbench.records import read_records
from tests.parity.base import fill, load_golden, shapes_of
from tests.parity.ifan import pictures, run

FOLDER = shipped_root() / "baselines" / "ifan"
PLUGIN = load_folder_package(FOLDER)
GOLDEN = Path(__file__).parents[2] / "golden"
TINY = load_golden("ifan_dual_tiny")[0]


def tiny(**changes):
    return fill(build_network("ifan", **{**TINY["options"], **changes}), TINY["post_fill"])


@pytest.mark.parametrize(("behaviour", "expected"), [("released", "output"), ("intended", "output_two_filters")])
def test_the_adaptive_convolution_alone(behaviour, expected):
    facts = json.loads((GOLDEN / "ifan_iac.json").read_text())
    arrays = np.load(GOLDEN / "ifan_iac.npz")
    feature, filters = (torch.from_numpy(arrays[name]) for name in ("feature", "filters"))
    found = PLUGIN.adaptive_convolution(feature, filters, facts["filters"], facts["taps"], behaviour=behaviour)
    np.testing.assert_allclose(found.numpy(), arrays[expected], **facts["tolerance"])


def test_filters_made_one_by_one_equal_all_filters_at_once():
    network = tiny()
    x = torch.rand(2, 32, 5, 7)
    with torch.inference_mode():
        made = torch.rand(2, 32, 5, 7)
        at_once = PLUGIN.adaptive_convolution(x, network.F[3](made), network.count, network.taps)
        torch.testing.assert_close(network._filtered(x, made), at_once, rtol=1e-5, atol=1e-5)


def test_a_plain_filter_of_every_position():
    """One position, one channel, summed by hand."""
    x = torch.rand(1, 1, 4, 4, dtype=torch.float64)
    filters = torch.rand(1, 7, 4, 4, dtype=torch.float64)
    found = PLUGIN.adaptive_convolution(x, filters, 1, 3)
    padded = functional.pad(x, (0, 0, 1, 1), mode="replicate")
    down = sum(padded[0, 0, tap : tap + 4] * filters[0, tap] for tap in range(3))
    wide = functional.pad(down[None, None], (1, 1, 0, 0), mode="replicate")[0, 0]
    expected = sum(wide[:, tap : tap + 4] * filters[0, tap] for tap in range(3)) + filters[0, 6]
    torch.testing.assert_close(found[0, 0], functional.leaky_relu(expected, 0.1))


def test_the_full_size_network_gives_the_published_statistics():
    facts, _ = load_golden("ifan_dual")
    network = fill(build_network("ifan", **facts["options"]), facts["post_fill"])
    for case, about in facts["cases"].items():
        found = run(network, pictures(*about["size"], dual=True), about["intermediates"])
        for name, value in found.items():
            expected = facts["statistics"][f"{case}_output" if name == "output" else f"mid:{name}"]
            own = {"mean": value.mean(), "std": value.std(correction=0), "min": value.min(), "max": value.max()}
            assert {key: float(number) for key, number in own.items()} == pytest.approx(
                {key: expected[key] for key in own}, abs=7e-4, rel=1e-4
            )


@pytest.mark.parametrize(
    "options",
    [{"N": count, "dual": dual} for count, dual in ((17, True), (8, False), (44, True))]
    + [{"ch": 8, "N": 3, "res_num": 1, "dual": True}, {"ch": 8, "N": 3, "Fs": 5, "ks": 5, "dual": False}],
)
def test_options_are_read_off_the_entries(options):
    shapes = shapes_of("ifan", **options)
    inferred = PLUGIN.infer_options(shapes)
    assert {key: inferred[key] for key in options} == options
    assert shapes_of("ifan", **inferred) == shapes


def test_foreign_entries_are_not_taken():
    assert PLUGIN.infer_options({}) is None
    assert PLUGIN.infer_options({"conv1_1.0.weight": (32, 3, 3, 3)}) is None
    assert PLUGIN.infer_options(dict.fromkeys(shapes_of("ifan"), (1,))) is None


def test_the_training_only_network_is_ignored():
    assert all("reblurNet.RBF.0.weight".startswith(start) for start in PLUGIN.IGNORED)


def test_the_answer_is_clipped_in_eval_mode_alone():
    network = tiny()
    given = pictures(32, 48, dual=True)
    with torch.inference_mode():
        clipped, free = network.eval()(*given), network.train()(*given)
    assert free.min() < 0 or free.max() > 1
    torch.testing.assert_close(clipped, free.clamp(0, 1))


def test_the_views_and_the_picture_all_count_and_are_not_exchanged():
    network = tiny()
    center, right, left = pictures(32, 48, dual=True)
    with torch.inference_mode():
        expected = network(center, right, left)
        for changed in ((center, left, right), (center, right, right), (center.flip(-1), right, left)):
            assert (network(*changed) - expected).abs().max() > 1e-3


def test_it_is_called_with_the_pictures_it_was_built_for():
    x = torch.rand(1, 3, 8, 8)
    with pytest.raises(UsageError, match="C, R and L"):
        tiny()(x)
    with pytest.raises(UsageError, match="C alone"):
        tiny(dual=False)(x, x, x)
    with pytest.raises(UsageError, match="odd ks"):
        build_network("ifan", ks=4)


def test_the_method_feeds_8_bits_right_before_left():
    record = read_records(FOLDER)[0]
    network = tiny()
    method = PLUGIN.build(network, record)
    left, right = (np.random.default_rng(seed).random((32, 48, 3), dtype=np.float32) for seed in (1, 2))
    center = (left + right) / np.float32(2)
    planes = [
        torch.from_numpy((np.floor(np.rint(view * 65535) / 256) / 255).astype(np.float32).transpose(2, 0, 1))[None]
        for view in (center, right, left)
    ]
    with torch.inference_mode():
        expected = network(*planes)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(restore_pair(method, left, right), expected, atol=1e-5)


def test_its_own_way_cuts_pictures_to_multiples_of_8():
    assert {own_inference(record) for record in read_records(FOLDER)} == {Inference(crop_px=8)}
    method = PLUGIN.build(tiny(), read_records(FOLDER)[0])
    left, right = (np.random.default_rng(seed).random((37, 45, 3), dtype=np.float32) for seed in (1, 2))
    method.crop_px = 8
    cut = restore_pair(method, left, right)
    method.crop_px = None
    alone = restore_pair(method, left[:32, :40], right[:32, :40])
    np.testing.assert_array_equal(cut[:32, :40], alone)
    assert np.abs(restore_pair(method, left, right)[:32, :40] - alone).max() > 1e-3, "padding is another way"


def test_items_of_a_batch_do_not_meet_and_gradients_flow():
    network = tiny()
    given = [torch.cat([picture, picture.flip(-1)]) for picture in pictures(16, 24, dual=True)]
    with torch.inference_mode():
        torch.testing.assert_close(network(*given)[1:], network(*(p[1:] for p in given)), atol=1e-5, rtol=1e-5)
    network.train()(*given).mean().backward()
    unused = [name for name, value in network.named_parameters() if value.grad is None]
    assert not unused
