"""NAFNet's options and quirks; its numbers are compared in the parity tests too."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.api import UsageError, build_network
from ldpbench.core.resources import load_folder_package, shipped_root
from ldpbench.methods.runtime import restore_pair
from ldpbench.networks.nafnet import Pool
from ldpbench.records import read_records
from tests.parity.base import captured, fill, load_golden, shapes_of, stored, views

FOLDER = shipped_root() / "baselines" / "nafnet"
PLUGIN = load_folder_package(FOLDER)
LOCAL = load_golden("nafnet_tlc_dp6_tiny")[0]
TINY = {"width": 8, "middle_blk_num": 1, "enc_blk_nums": [1, 1, 1, 2], "dec_blk_nums": [1, 1, 1, 1]}
DUAL = {**TINY, "img_channel": 6, "out_channels": 3}


def windows_of(network):
    return {name: module.window for name, module in network.named_modules() if isinstance(module, Pool)}


@pytest.mark.parametrize("golden", ["nafnet_w32_dp6", "nafnet_w32_sidd"])
def test_the_full_size_networks_give_the_published_statistics(golden):
    facts, _ = load_golden(golden)
    network = fill(build_network("nafnet", **facts["options"]))
    for case, about in facts["cases"].items():
        places = about.get("intermediates", {})
        with torch.inference_mode(), captured(network, places) as seen:
            found = {f"{case}_output": network(views(*about["size"], about["channels"]))}
        found |= {f"mid:{place}": stored(seen[place], part) for place, part in places.items()}
        for name, value in found.items():
            expected = facts["statistics"][name]
            own = {"mean": value.mean(), "std": value.std(correction=0), "min": value.min(), "max": value.max()}
            for key, number in own.items():
                assert number.item() == pytest.approx(expected[key], abs=facts["tolerance"]["atol"]), (name, key)


@pytest.mark.parametrize(
    "options",
    [
        {},
        TINY,
        {**TINY, "img_channel": 6},
        DUAL,
        {"width": 64, "middle_blk_num": 12, "enc_blk_nums": [2, 2, 4, 8], "dec_blk_nums": [2, 2, 2, 2]},
        {"width": 4, "enc_blk_nums": [1, 0], "dec_blk_nums": [0, 2], "img_channel": 2, "out_channels": 1},
    ],
)
def test_options_are_read_off_the_weights(options):
    shapes = shapes_of("nafnet", **options)
    found = PLUGIN.infer_options(shapes)
    assert shapes_of("nafnet", **found) == shapes
    assert {name: found[name] for name in options} == options


def test_the_local_form_has_the_same_weights():
    local = {**DUAL, "train_size": (1, 6, 64, 64)}
    assert shapes_of("nafnet", **local) == shapes_of("nafnet", **DUAL)
    assert "train_size" not in PLUGIN.infer_options(shapes_of("nafnet", **local))


def test_a_few_missing_or_extra_entries_do_not_hide_it():
    shapes = shapes_of("nafnet", **DUAL)
    expected = PLUGIN.infer_options(shapes)
    for key in ("encoders.3.1.beta", "ups.0.0.weight", "intro.bias", "middle_blks.0.beta"):
        del shapes[key]
    assert PLUGIN.infer_options({**shapes, "step": ()}) == expected


@pytest.mark.parametrize("name", ["ldp-tiny", "ldp-official", "restormer"])
def test_other_networks_are_not_taken_for_it(name):
    foreign = {key: tuple(value.shape) for key, value in build_network(name).state_dict().items()}
    assert PLUGIN.infer_options(foreign) is None


def test_nothing_is_nothing():
    assert PLUGIN.infer_options({}) is None
    assert PLUGIN.infer_options({"intro.weight": (8, 6, 3, 3), "ending.weight": (3, 8, 3, 3)}) is None
    assert PLUGIN.infer_options({**shapes_of("nafnet", **DUAL), "intro.weight": (8,)}) is None


@pytest.mark.parametrize(
    "options",
    [
        {"enc_blk_nums": [1, 1]},
        {"out_channels": 4},
        {"img_channel": 3, "out_channels": 6},
        {"fast_imp": True},
        {"train_size": (1, 3, 256, 256)},
        {"train_size": (256, 256)},
        {"train_size": (1, 6, 0, 256)},
        {"widht": 8},
    ],
)
def test_wrong_options_are_refused(options):
    with pytest.raises(UsageError):
        build_network("nafnet", **{**DUAL, **options})


def test_local_windows_are_the_published_ones():
    network = build_network("nafnet", **LOCAL["options"])
    assert windows_of(network) == {name: tuple(window) for name, window in LOCAL["windows"].items()}


def feature_sizes(options, height, width):
    """The maps that reach each pool when a picture of the training size goes through."""
    network = build_network("nafnet", **options)
    sizes = {}
    for name, module in network.named_modules():
        if isinstance(module, Pool):
            module.register_forward_hook(lambda _m, x, _y, name=name: sizes.update({name: tuple(x[0].shape[-2:])}))
    network(torch.zeros(1, 6, height, width))
    return sizes


@settings(max_examples=8, deadline=None)
@given(height=st.integers(1, 70), width=st.integers(1, 70))
def test_local_windows_grow_with_the_maps_of_a_training_picture(height, width):
    network = build_network("nafnet", **DUAL, train_size=(1, 6, height, width))
    expected = {
        name: (rows * (3 * height // 2) // height, columns * (3 * width // 2) // width)
        for name, (rows, columns) in feature_sizes(DUAL, height, width).items()
    }
    assert windows_of(network) == expected


def test_local_and_global_means_differ_only_above_the_window():
    glob = fill(build_network("nafnet", **DUAL))
    local = fill(build_network("nafnet", **DUAL, train_size=(1, 6, 32, 32)))
    with torch.inference_mode():
        assert torch.equal(local(views(48, 48)), glob(views(48, 48)))
        assert (local(views(64, 48)) - glob(views(64, 48))).abs().max() > 0.1


@pytest.mark.parametrize("out_channels", [3, 6])
def test_a_new_ending_adds_the_mean_of_the_views_or_each_view(out_channels):
    network = fill(build_network("nafnet", **{**DUAL, "out_channels": out_channels}))
    x = views(21, 30)
    with torch.inference_mode():
        network.ending.weight.zero_()
        network.ending.bias.zero_()
        expected = (x[:, :3] + x[:, 3:]) / 2 if out_channels == 3 else x
        torch.testing.assert_close(network(x), expected, rtol=0, atol=1e-7)


def test_it_pads_with_zeros_at_the_bottom_and_right():
    network = fill(build_network("nafnet", **DUAL))
    x = views(27, 41)
    padded = torch.zeros(1, 6, 32, 48)
    padded[..., :27, :41] = x
    with torch.inference_mode():
        torch.testing.assert_close(network(x), network(padded)[..., :27, :41], rtol=0, atol=1e-5)


@pytest.mark.parametrize("variant", ["dp63", "dp6", "gopro"])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (37, 50)])
def test_any_size_runs_as_a_method(variant, height, width):
    record = next(record for record in read_records(FOLDER) if record.variant == variant)
    network = fill(build_network("nafnet", **{**record.options, **TINY}))
    left, right = (views(height, width, 3, seed)[0].permute(1, 2, 0).contiguous().numpy() for seed in (1, 2))
    assert restore_pair(PLUGIN.build(network, record), left, right).shape == (height, width, 3)


def test_two_restored_views_become_their_mean_and_the_left_comes_first():
    record = next(record for record in read_records(FOLDER) if record.variant == "dp6")
    network = fill(build_network("nafnet", **{**record.options, **TINY}))
    method = PLUGIN.build(network, record)
    left, right = views(16, 24, 3, 1), views(16, 24, 3, 2)
    with torch.inference_mode():
        both = network(torch.cat([left, right], dim=1))
        found = method.restore(left=left, right=right, center=None, blur_map=None)
        torch.testing.assert_close(found, (both[:, :3] + both[:, 3:]) / 2)
        swapped = method.restore(left=right, right=left, center=None, blur_map=None)
    assert (found - swapped).abs().max() > 0.1


def test_pictures_of_a_batch_do_not_mind_each_other():
    network = fill(build_network("nafnet", **DUAL, train_size=(1, 6, 16, 16)))
    x = torch.cat([views(32, 40), views(32, 40, seed=3)])
    with torch.inference_mode():
        together = network(x)
        for index in range(2):
            torch.testing.assert_close(together[index : index + 1], network(x[index : index + 1]), rtol=0, atol=1e-4)


def test_it_can_be_trained():
    network = build_network("nafnet", **DUAL).train()
    network(views(20, 24)).square().mean().backward()
    assert network.intro.weight.grad.isfinite().all()
    assert network.encoders[0][0].beta.grad.abs().max() > 0
