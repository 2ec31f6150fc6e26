"""Tiles: they cover everything, their weights are a partition of one, and a local function does not notice them."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from ldpbench.core.errors import UsageError
from ldpbench.core.home import Home
from ldpbench.evaluation.plan import make_plan
from ldpbench.evaluation.request import Request
from ldpbench.methods.inference import Inference
from ldpbench.methods.tiling import Tiling, in_tiles
from tests.tiny_checkpoint import write_tiny_checkpoint

TILINGS = st.integers(0, 12).flatmap(
    lambda overlap: st.builds(Tiling, st.integers(2 * overlap + 1, 2 * overlap + 40), st.just(overlap))
)


@given(tiling=TILINGS, length=st.integers(1, 300))
@settings(max_examples=100, deadline=None)
def test_tiles_cover_a_line_and_share_what_they_promise(tiling: Tiling, length: int) -> None:
    starts = tiling.starts(length)
    assert starts[0] == 0
    if length <= tiling.size_px:
        assert starts == [0]
        return
    assert starts[-1] + tiling.size_px == length
    steps = [after - before for before, after in pairwise(starts)]
    assert all(0 < step <= tiling.size_px - tiling.overlap_px for step in steps)
    assert max(steps) - min(steps) <= 1
    # No fewer tiles would do.
    assert (len(starts) - 2) * (tiling.size_px - tiling.overlap_px) + tiling.size_px < length


@given(tiling=TILINGS, height=st.integers(1, 120), width=st.integers(1, 120))
@settings(max_examples=25, deadline=None)
def test_what_changes_nothing_changes_nothing_in_tiles(tiling: Tiling, height: int, width: int) -> None:
    """The weights are a partition of one: the identity stays the identity, and a constant a constant."""
    picture = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(in_tiles(lambda plane: plane, [picture], tiling), picture, rtol=1e-12, atol=0)
    constant = in_tiles(lambda plane: torch.full_like(plane[:, :1], 0.7), [picture], tiling)
    torch.testing.assert_close(
        constant, torch.full((2, 1, height, width), 0.7, dtype=torch.float64), rtol=1e-12, atol=0
    )


def blur(plane: Tensor, radius: int = 2) -> Tensor:
    """A box of 5 x 5 with zeros outside: local, and equal everywhere but near a border."""
    return avg_pool2d(pad(plane, (radius,) * 4), 2 * radius + 1, stride=1)


def test_a_local_function_gives_the_same_picture() -> None:
    """Beyond its reach from a seam, every tile knows all it needs; the seams lie where the weight is small."""
    picture = torch.rand(1, 3, 130, 190, generator=torch.Generator().manual_seed(1))
    whole = blur(picture)
    tiled = in_tiles(blur, [picture], Tiling(64, 24))
    # A tile's outermost 2 px are wrong; their weights there are 1/25 and 2/25.
    assert (tiled - whole).abs().max() < 0.08 * whole.abs().max()
    assert ((tiled - whole).abs() > 1e-6).float().mean() < 0.25
    without = in_tiles(blur, [picture], Tiling(64, 0))
    assert (without - whole).abs().max() > 3 * (tiled - whole).abs().max()


def test_away_from_seams_not_a_bit_changes() -> None:
    picture = torch.rand(1, 1, 64, 200, generator=torch.Generator().manual_seed(2))
    tiling = Tiling(80, 16)
    whole, tiled = blur(picture), in_tiles(blur, [picture], tiling)
    starts = tiling.starts(200)
    shared = torch.zeros(200, dtype=torch.bool)
    for before, after in pairwise(starts):
        shared[after : before + 80] = True
    assert shared.sum() > 0
    torch.testing.assert_close(tiled[..., ~shared], whole[..., ~shared], rtol=0, atol=1e-7)


def test_a_picture_that_fits_is_called_once() -> None:
    calls: list[torch.Size] = []

    def spy(plane: Tensor, other: Tensor | None) -> Tensor:
        assert other is None
        calls.append(plane.shape)
        return plane

    picture = torch.rand(1, 3, 64, 40)
    assert in_tiles(spy, [picture, None], Tiling(64, 8)) is picture
    assert in_tiles(spy, [torch.rand(1, 3, 400, 400), None], None).shape == (1, 3, 400, 400)
    assert calls == [torch.Size((1, 3, 64, 40)), torch.Size((1, 3, 400, 400))]


def test_one_long_side_is_cut_along_it_alone() -> None:
    calls: list[torch.Size] = []

    def spy(plane: Tensor, other: Tensor) -> Tensor:
        assert plane.is_contiguous()
        assert torch.equal(plane[:, :1], other)
        calls.append(plane.shape)
        return plane

    picture = torch.rand(1, 3, 32, 150)
    made = in_tiles(spy, [picture, picture[:, :1]], Tiling(64, 16))
    torch.testing.assert_close(made, picture)
    assert calls == [torch.Size((1, 3, 32, 64))] * 3


@pytest.mark.parametrize(("size", "overlap"), [(64, 32), (10, 8), (1, 1), (0, 0), (64, -1)])
def test_tiles_that_cannot_be(size: int, overlap: int) -> None:
    with pytest.raises(UsageError, match="tiles: expected more than twice the overlap"):
        Tiling(size, overlap)


def test_tiled_rows_have_a_protocol_of_their_own(home_with_sample: Home, tmp_path: Path) -> None:
    folder = write_tiny_checkpoint(tmp_path / "net")
    cells = [
        make_plan(
            home_with_sample, Request(methods=[str(folder)], datasets=["sample"], inference=Inference(tiles))
        ).cells[0]
        for tiles in (None, Tiling(128), Tiling(96))
    ]
    hashes = [{protocol.hash for protocol in cell.protocols} for cell in cells]
    assert hashes[0].isdisjoint(hashes[1])
    assert {protocol.inference for protocol in cells[0].protocols} == {"whole"}
    assert {protocol.inference for protocol in cells[1].protocols} == {"tiled"}
    assert len({cell.key for cell in cells}) == 3


def test_a_method_of_whole_pictures_is_left_out(home_with_sample: Home) -> None:
    plan = make_plan(
        home_with_sample, Request(methods=["dp-wiener"], datasets=["sample"], inference=Inference(Tiling(128)))
    )
    assert not plan.cells
    assert [skip.reason for skip in plan.skips] == ["it works on whole pictures only"]
