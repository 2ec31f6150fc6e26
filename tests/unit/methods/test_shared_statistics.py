"""Tiles that share their sums over the picture see what the whole picture sees."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from ldpbench.api import build_network
from ldpbench.core.errors import MethodError, UsageError
from ldpbench.methods.auto_tiles import AutoTiling, Need, Tiler, largest_tile
from ldpbench.methods.inference import Inference
from ldpbench.methods.lockstep import run_in_lockstep
from ldpbench.methods.memory import free_bytes, is_out_of_memory, memory_of, parse_memory
from ldpbench.methods.protocol import SizeRule
from ldpbench.methods.tiling import Tiling, in_tiles
from ldpbench.networks.nafnet import NafBlock, Pool
from ldpbench.networks.statistics import OverPicture, has_picture_statistics, picture_mean


class Attended(nn.Module):
    """Only points and means of the picture: tiles have no border that could matter."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 3, 1)
        self.pools = nn.ModuleList(Pool() for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x).tanh()
        for pool in self.pools:
            x = x * (1 + pool(x))
        return self.second(x)


@settings(deadline=None, max_examples=15)
@given(st.integers(40, 150), st.integers(40, 150), st.integers(33, 70), st.integers(0, 16))
def test_tiles_of_any_size_give_what_the_whole_picture_gives(height, width, size, overlap):
    network, picture = Attended().eval(), torch.rand(1, 3, height, width)
    with torch.inference_mode():
        tiled = in_tiles(network, [picture], Tiling(size, overlap), shared=True)
        torch.testing.assert_close(tiled, network(picture), atol=2e-6, rtol=0)


def test_tiles_on_their_own_do_not():
    network, picture = Attended().eval(), torch.linspace(0, 1, 3 * 96 * 96).reshape(1, 3, 96, 96)
    with torch.inference_mode():
        whole = network(picture)
        alone = in_tiles(network, [picture], Tiling(48, 8, shared=False), shared=True)
    assert (alone - whole).abs().max() > 1e-2


@pytest.mark.parametrize("batch", [1, 2])
def test_attention_between_channels_is_that_of_the_picture(batch):
    """Restormer's attention, its 3x3 convolution reduced to a point so that only the sums could differ."""
    network = build_network("restormer", dim=16, num_blocks=[1, 1, 1, 1], num_refinement_blocks=1, heads=[1, 2, 4, 8])
    attention = network.encoder_level1[0].attn.eval()
    with torch.no_grad():
        attention.qkv_dwconv.weight[:, :, [0, 0, 0, 1, 1, 2, 2, 2], [0, 1, 2, 0, 2, 0, 1, 2]] = 0
    features = torch.rand(batch, 16, 80, 56) + torch.linspace(0, 1, 56)
    with torch.inference_mode():
        whole = attention(features)
        shared, alone = (
            in_tiles(attention, [features], Tiling(32, 8), multiple_of=8, shared=share) for share in (True, False)
        )
    torch.testing.assert_close(shared, whole, atol=1e-5, rtol=1e-5)
    assert (alone - whole).abs().max() > 10 * (shared - whole).abs().max()


def test_networks_are_known_by_their_modules():
    assert has_picture_statistics(build_network("ldp-tiny"))
    assert has_picture_statistics(build_network("nafnet"))
    assert has_picture_statistics(NafBlock(4))
    assert not has_picture_statistics(nn.Conv2d(3, 3, 3))
    assert issubclass(Pool, OverPicture)


def test_whole_pictures_are_averaged_as_ever():
    x = torch.rand(2, 4, 9, 7)
    assert torch.equal(picture_mean(x), x.mean((-2, -1), keepdim=True))


def test_the_owned_parts_are_a_partition():
    seen = torch.zeros(100, 130)

    class Marking(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            from ldpbench.networks.statistics import owned_positions

            mask = owned_positions(*x.shape[-2:], x.device)
            for value, inside in zip(x.flatten().long(), mask.flatten(), strict=True):
                seen.view(-1)[value] += inside
            return x

    places = torch.arange(100.0 * 130).reshape(1, 1, 100, 130)
    in_tiles(Marking(), [places], Tiling(48, 16), multiple_of=4, shared=True)
    assert (seen == 1).all()


def test_an_error_in_one_tile_ends_all_of_them():
    made = []

    def tile(number):
        def call():
            made.append(number)
            picture_mean(torch.ones(1, 1, 4, 4))
            if number == 2:
                raise ValueError("a broken tile")
            picture_mean(torch.ones(1, 1, 4, 4))

        return call

    whole = (slice(0, 4), slice(0, 4))
    with pytest.raises(ValueError, match="a broken tile"):
        run_in_lockstep([tile(number) for number in range(4)], [whole] * 4, [(4, 4)] * 4)
    assert made == [0, 1, 2, 3]
    assert picture_mean(torch.full((1, 1, 2, 2), 3.0)).item() == 3.0, "nothing is left behind"


def test_tiles_that_ask_for_different_sums_are_found_out():
    def one():
        picture_mean(torch.ones(1, 1, 4, 4))

    whole = (slice(0, 4), slice(0, 4))
    with pytest.raises(RuntimeError, match="different sums"):
        run_in_lockstep([one, lambda: None], [whole] * 2, [(4, 4)] * 2)


def test_tiles_begin_on_the_grid_of_the_network():
    starts = Tiling(64, 16).starts(240, multiple_of=16)
    assert starts[0] == 0
    assert starts[-1] == 240 - 64
    assert all(start % 16 == 0 for start in starts)
    assert all(after - before <= 48 for before, after in itertools.pairwise(starts))


class Greedy:
    """Runs out of memory above a size, as a GPU or a CPU would say it."""

    def __init__(self, most_px, error):
        self.most_px, self.error, self.seen = most_px, error, []

    def __call__(self, x):
        self.seen.append(x.shape[-1])
        if x.shape[-1] > self.most_px:
            raise self.error
        return x


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory: you tried"),
        MemoryError(),
    ],
)
def test_auto_backs_off_until_it_fits(error):
    call, picture = Greedy(280, error), torch.rand(1, 3, 640, 640)
    tiler = Tiler(AutoTiling(), SizeRule(1, 8), shared=False)
    torch.testing.assert_close(tiler.run(call, [picture]), picture)
    assert call.seen[1] == 640, "the whole picture is tried first where it seems to fit"
    assert tiler.used is not None
    assert tiler.used.size_px <= 280
    assert tiler.used.size_px % 8 == 0


def test_auto_gives_up_with_a_sentence():
    call = Greedy(0, MemoryError())
    with pytest.raises((MethodError, MemoryError)):
        Tiler(AutoTiling(), SizeRule(1, 8), shared=False).run(call, [torch.rand(1, 3, 640, 640)])


def test_fixed_tiles_that_are_too_large_are_told():
    with pytest.raises(MethodError, match="memory ran out for tiles of 256 px") as caught:
        Tiler(Tiling(256), SizeRule(), shared=False).run(Greedy(100, MemoryError()), [torch.rand(1, 3, 300, 300)])
    assert "--tile auto" in caught.value.hint


def test_other_errors_are_no_lack_of_memory():
    with pytest.raises(RuntimeError, match="shapes"):
        Tiler(AutoTiling(), SizeRule(), shared=False).run(
            Greedy(300, RuntimeError("shapes cannot be multiplied")), [torch.rand(1, 3, 640, 640)]
        )
    assert not is_out_of_memory(RuntimeError("shapes cannot be multiplied"))


def test_what_is_allowed_is_kept_to():
    need = Need(working=1000.0, paused=400.0)
    rule = SizeRule(16, 16)
    budget = 1_500_000_000
    alone = largest_tile(need, 1120, 1680, budget, rule, shared=False, overlap_px=32)
    together = largest_tile(need, 1120, 1680, budget, rule, shared=True, overlap_px=32)
    assert alone is not None
    assert together is not None
    assert together < alone
    assert 1000 * min(alone, 1120) * alone <= budget
    assert largest_tile(need, 1120, 1680, 10_000, rule, shared=False, overlap_px=32) is None


def test_memory_is_counted_by_what_is_alive():
    x = torch.rand(1, 4, 128, 128)
    layer = nn.Conv2d(4, 4, 1)
    size = x.numel() * 4
    with torch.inference_mode():
        peak, paused = memory_of(lambda: layer(layer(layer(x))))
        assert 2 * size <= peak <= 3.1 * size, "two maps at a time, and the input once it was seen"
        assert paused == 0
        _, paused = memory_of(lambda: Pool()(layer(x)))
        assert size <= paused <= 2.1 * size


@pytest.mark.parametrize(
    ("text", "found"),
    [("3GB", 3 * 10**9), ("512 MiB", 512 << 20), ("1.5g", 15 * 10**8), ("1000", 1000), ("2Gi", 2 << 30)],
)
def test_amounts_of_memory(text, found):
    assert parse_memory(text) == found


@pytest.mark.parametrize("text", ["", "much", "-3GB", "0", "3XB"])
def test_what_is_no_amount_of_memory(text):
    with pytest.raises(UsageError, match="memory: expected"):
        parse_memory(text)


def test_the_machine_has_memory():
    assert free_bytes(torch.device("cpu")) > 1 << 20


def test_the_ways_are_told_apart_in_words():
    words = {
        Inference(tiles=tiles).description
        for tiles in (Tiling(128), Tiling(128, 16), Tiling(128, 32, False), AutoTiling(), AutoTiling(3 * 10**9))
    }
    assert len(words) == 5
    assert {Inference(tiles=AutoTiling()).kind, Inference(tiles=Tiling(96)).kind} == {"tiled"}


def test_a_small_picture_under_auto_is_seen_whole():
    tiler = Tiler(AutoTiling(), SizeRule(), shared=True)
    picture = torch.from_numpy(np.random.default_rng(0).random((1, 3, 64, 64), dtype=np.float32))
    with torch.inference_mode():
        assert torch.equal(tiler.run(lambda x: x + 0, [picture]), picture)
    assert tiler.used is None
    assert tiler.words == "the whole picture, which fits"
