"""BaMBNet's quirks and a plain rewrite; its numbers are compared in the parity tests."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from ldpbench.api import build_network
from ldpbench.core.resources import load_folder_package, shipped_root
from ldpbench.methods.runtime import restore_pair
from ldpbench.networks.cost import count_macs, parameters
from ldpbench.records import read_records
from tests.parity.base import captured, fill, views

FOLDER = shipped_root() / "baselines" / "bambnet"
PLUGIN = load_folder_package(FOLDER)
(RECORD,) = read_records(FOLDER)
BRANCHES = [f"layer8.{branch}" for branch in range(4)]


@pytest.fixture(scope="module")
def filled():
    return fill(build_network("bambnet"))


@pytest.fixture
def network(filled):
    before = filled.iter_num
    yield filled.eval()
    filled.iter_num = before
    filled.eval()


def run(network, x):
    with torch.inference_mode():
        (output,) = network(x)
    return output


def with_blur(px, height=32, width=48):
    return torch.cat([views(height, width), torch.full((1, 3, height, width), px)], dim=1)


def before_the_sigmoid(network, x):
    """The tail's output, and what the head and each branch gave."""
    with torch.inference_mode(), captured(network, ["head", "tail_hard", *BRANCHES]) as seen:
        network(x)
    return seen["tail_hard"], seen


def tail(network, x):
    with torch.inference_mode():
        return network.tail_hard(x)


def plain_group(state, prefix, x, blocks):
    """Attention blocks, a convolution, and what came in."""

    def conv(name, y):
        weight = state[f"{prefix}.body.{name}.weight"]
        return functional.conv2d(y, weight, state[f"{prefix}.body.{name}.bias"], padding=weight.shape[-1] // 2)

    y = x
    for block in range(blocks):
        z = conv(f"{block}.body.2", conv(f"{block}.body.0", y).relu())
        squeezed = conv(f"{block}.body.3.conv_du.0", functional.adaptive_avg_pool2d(z, 1)).relu()
        y = y + z * conv(f"{block}.body.3.conv_du.2", squeezed).sigmoid()
    return conv(str(blocks), y) + x


def plain(state, x):
    """The network written out unit by unit, the skips spelt as the paper draws them."""
    head = functional.conv2d(x, state["head.0.weight"], state["head.0.bias"], padding=1).relu()
    total = head
    for branch in range(4):
        units = []
        for number in range(1, 9):
            if number == 1:
                y = head
            else:
                y = units[-1]
                if number >= 6:
                    y = y + units[8 - number]
                y = y + functional.adaptive_avg_pool2d(head, y.shape[2:])
            prefix = f"layer{number}.{branch}.0"
            if branch == 0:
                y = functional.conv2d(y, state[f"{prefix}.weight"], state[f"{prefix}.bias"]).relu()
            else:
                y = plain_group(state, prefix, y, branch)
                y = functional.max_pool2d(y, 2) if number < 5 else functional.interpolate(y, scale_factor=2)
            units.append(y)
        total = total + units[-1]
    return functional.conv2d(total, state["tail_hard.0.weight"], state["tail_hard.0.bias"], padding=1)


def test_it_equals_a_plain_rewrite_and_so_do_its_gradients():
    network = fill(build_network("bambnet")).double()
    x = torch.cat([views(16, 48), views(16, 48, seed=7)]).double().requires_grad_()
    with captured(network, ["tail_hard.0"]) as seen:
        network(x)
    own, expected = seen["tail_hard.0"], plain(network.state_dict(), x)
    assert own.std() > 1
    torch.testing.assert_close(own, expected, atol=1e-9, rtol=0)
    torch.testing.assert_close(*(torch.autograd.grad(output.sin().sum(), x)[0] for output in (own, expected)))


def test_the_answer_is_a_list_of_one_picture(network):
    with torch.inference_mode():
        answer = network(views(16, 16))
    assert isinstance(answer, list)
    assert len(answer) == 1
    assert answer[0].shape == (1, 3, 16, 16)
    assert answer[0].min() >= 0
    assert answer[0].max() <= 1


def test_a_fresh_network_is_never_masked():
    network = build_network("bambnet").eval()
    x = with_blur(9.0)
    assert torch.equal(run(network, x), run(network, x[:, :6]))


def test_masks_end_at_step_20000(network):
    x = with_blur(9.0)
    network.iter_num = 19_999
    assert not torch.equal(run(network, x), run(network, x[:, :6]))
    for step in (20_000, 20_001, 10**6):
        network.iter_num = step
        assert torch.equal(run(network, x), run(network, x[:, :6]))


def test_without_a_blur_map_nothing_is_masked(network):
    expected = run(network, views(32, 48))
    network.iter_num = 0
    assert torch.equal(run(network, views(32, 48)), expected)


@pytest.mark.parametrize(
    ("px", "branch"), [(0.0, 0), (1.89, 0), (1.9, 1), (-4.19, 1), (4.2, 2), (-6.19, 2), (6.2, 3), (-25.0, 3)]
)
def test_at_step_0_a_pixel_belongs_to_one_branch(network, px, branch):
    network.iter_num = 0
    own, seen = before_the_sigmoid(network, with_blur(px))
    expected = tail(network, seen["head"] + seen[f"layer8.{branch}"])
    torch.testing.assert_close(own, expected, atol=1e-4, rtol=1e-5)


def test_the_most_blurred_channel_counts(network):
    network.iter_num = 0
    x = with_blur(0.5)
    x[:, 7] = -5.0
    assert torch.equal(run(network, x), run(network, with_blur(5.0)))


def test_masks_fade_in_between(network):
    step, x = 4000, with_blur(3.0)
    share = 1 - math.exp(-((2 * step / 20_000) ** 2))
    network.iter_num = step
    own, seen = before_the_sigmoid(network, x)
    others = seen["layer8.0"] + seen["layer8.2"] + seen["layer8.3"]
    expected = tail(network, seen["head"] + seen["layer8.1"] + share * others)
    torch.testing.assert_close(own, expected, atol=1e-4, rtol=1e-5)


def test_only_training_counts(network):
    network.iter_num = 7
    run(network, views(16, 16))
    assert network.iter_num == 7
    network.train()
    run(network, views(16, 16))
    assert network.iter_num == 8
    assert "iter_num" not in network.state_dict()


def test_the_coc_network_is_clamped_and_never_masked():
    network = fill(build_network("bambnet", coc=True))
    network.iter_num = 0
    output = run(network, with_blur(9.0))
    assert output.min() == -24
    assert output.max() == 24
    assert torch.equal(output, run(network, views(32, 48)))


def test_gradients_reach_every_entry():
    network = fill(build_network("bambnet")).train()
    (output,) = network(views(16, 16))
    network.zero_grad()
    with torch.no_grad():
        output_weights = torch.rand_like(output)
    (output * output_weights).sum().backward()
    silent = [name for name, value in network.named_parameters() if value.grad is None]
    assert not silent
    assert all(torch.isfinite(value.grad).all() for value in network.parameters())


def test_items_of_a_batch_are_independent(network):
    first, second = views(16, 32), views(16, 32, seed=3)
    together = run(network, torch.cat([first, second]))
    torch.testing.assert_close(together, torch.cat([run(network, first), run(network, second)]), atol=1e-4, rtol=0)


def test_the_views_are_told_apart(network):
    x = views(16, 32)
    assert (run(network, x) - run(network, x[:, [3, 4, 5, 0, 1, 2]])).abs().max() > 0.1


@pytest.mark.parametrize("coc", [False, True])
def test_options_are_read_off_the_shapes(coc):
    with torch.device("meta"):
        shapes = {key: tuple(value.shape) for key, value in build_network("bambnet", coc=coc).state_dict().items()}
        options = PLUGIN.infer_options(shapes)
        again = {key: tuple(value.shape) for key, value in PLUGIN.build_network(**options).state_dict().items()}
    assert options == {}
    assert again == shapes
    some = {key: shape for key, shape in shapes.items() if not key.startswith("layer4")}
    assert PLUGIN.infer_options({**some, "loss.weight": (3,)}) == {}


@pytest.mark.parametrize(
    "shapes",
    [{}, {"head.0.weight": (64, 6, 3, 3)}, {"head.0.weight": ()}, {"encoder1.layer1.weight": (32, 7, 3, 3), "": (0,)}],
)
def test_foreign_entries_are_not_recognised(shapes):
    assert PLUGIN.infer_options(shapes) is None


def test_the_record_is_true_of_the_network():
    with torch.device("meta"):
        network = build_network("bambnet")
        assert parameters(network) == RECORD.parameters
        assert count_macs(network, [torch.zeros(1, 6, 256, 256)]) == RECORD.macs_256
    assert RECORD.bits == 16
    assert RECORD.channel_order == "bgr"


def test_as_a_method_it_sees_blue_first_and_any_size(network):
    rng = np.random.default_rng(2)
    left, right = rng.random((2, 19, 37, 3), dtype=np.float32)
    answer = restore_pair(PLUGIN.build(network, RECORD), left, right)
    padded = [np.pad(view, ((0, 13), (0, 11), (0, 0)), mode="reflect") for view in (left, right)]
    fed = np.concatenate([view[..., ::-1] for view in padded], axis=-1).transpose(2, 0, 1)
    expected = run(network, torch.from_numpy(fed.copy())[None])[0].numpy().transpose(1, 2, 0)[:19, :37, ::-1]
    np.testing.assert_allclose(answer, expected, atol=1e-4)
