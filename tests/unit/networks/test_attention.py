"""Every implementation of Eq. 9 against the formula written out with loops, values and gradients."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import ldpbench.networks.attention as attention
from ldpbench.core.errors import UsageError
from ldpbench.networks.attention import blur_prior_attention, padded

CPU_WAYS = ("dense", "rows", "auto")


def pad_by_loops(kernels, grid):
    """O of Eq. 10, one number at a time."""
    pictures, count, cells = kernels.shape
    height, width = grid
    side = math.isqrt(cells)
    reach = side // 2
    full = torch.zeros(pictures, count, count, dtype=kernels.dtype)
    for row in range(height):
        for column in range(width):
            for i in range(side):
                for j in range(side):
                    down, right = row + i - reach, column + j - reach
                    if 0 <= down < height and 0 <= right < width:
                        query, key = row * width + column, down * width + right
                        full[:, query, key] = kernels[:, query, i * side + j]
    return full


def formula(q, k, v, kernels, grid):
    scores = torch.einsum("bhnd,bhmd->bhnm", q, k) / math.sqrt(q.shape[-1])
    if kernels is not None:
        scores = scores + pad_by_loops(kernels, grid)[:, None]
    return torch.einsum("bhnm,bhmd->bhnd", scores.softmax(-1), v)


def given_of(seed, pictures=2, heads=2, grid=(3, 5), size=4, side=3, spread=3.0):
    generator = torch.Generator().manual_seed(seed)
    count = grid[0] * grid[1]
    q, k, v = (torch.randn(pictures, heads, count, size, generator=generator, dtype=torch.float64) for _ in range(3))
    kernels = spread * torch.randn(pictures, count, side * side, generator=generator, dtype=torch.float64)
    return q, k, v, kernels


@settings(max_examples=25, deadline=None)
@given(
    height=st.integers(1, 6),
    width=st.integers(1, 6),
    heads=st.integers(1, 3),
    side=st.sampled_from([1, 3, 5, 7]),
    seed=st.integers(0, 1000),
    budget=st.sampled_from([1, 600, 1 << 20]),
)
def test_all_ways_agree_with_the_formula(height, width, heads, side, seed, budget):
    grid = (height, width)
    q, k, v, kernels = given_of(seed, heads=heads, grid=grid, side=side)
    expected = formula(q, k, v, kernels, grid)
    before = attention.SCORE_BYTES
    attention.SCORE_BYTES = budget
    try:
        for way in CPU_WAYS:
            found = blur_prior_attention(q, k, v, kernels, grid, implementation=way)
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
            single = blur_prior_attention(*(x.float() for x in (q, k, v, kernels)), grid, implementation=way)
            torch.testing.assert_close(single.double(), expected, rtol=0, atol=1e-5)
    finally:
        attention.SCORE_BYTES = before


@pytest.mark.parametrize("side", [1, 3, 7])
def test_padding_is_a_kernel_around_each_position_and_zero_elsewhere(side):
    *_, kernels = given_of(0, grid=(4, 3), side=side)
    assert torch.equal(padded(kernels, (4, 3)), pad_by_loops(kernels, (4, 3)))


@pytest.mark.parametrize("way", ["dense", "rows"])
def test_gradients_of_all_inputs(monkeypatch, way):
    monkeypatch.setattr(attention, "SCORE_BYTES", 1)  # one row at a time, made again in the backward pass
    grid = (3, 2)
    inputs = [x.requires_grad_() for x in given_of(1, pictures=1, grid=grid, size=2)]
    assert torch.autograd.gradcheck(lambda *x: blur_prior_attention(*x, grid, implementation=way), inputs, atol=1e-6)


def test_rows_and_the_formula_have_the_same_gradients(monkeypatch):
    monkeypatch.setattr(attention, "SCORE_BYTES", 1)
    grid = (5, 4)
    gradients = []
    for way in (lambda *x: blur_prior_attention(*x, grid, implementation="rows"), lambda *x: formula(*x, grid)):
        inputs = [x.requires_grad_() for x in given_of(2, grid=grid, side=5)]
        way(*inputs).square().sum().backward()
        gradients.append([x.grad for x in inputs])
    for rows, reference in zip(*gradients, strict=True):
        torch.testing.assert_close(rows, reference, rtol=1e-9, atol=1e-10)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile:UserWarning")
def test_flex_computes_the_formula():
    """Uncompiled, on a CPU: its kernel for CUDA is built from the same score function."""
    grid = (4, 6)
    q, k, v, kernels = (x.float() for x in given_of(3, grid=grid, size=16, side=5))
    found = blur_prior_attention(q, k, v, kernels, grid, implementation="flex")
    torch.testing.assert_close(found, formula(q, k, v, kernels, grid), rtol=0, atol=1e-5)


@pytest.mark.parametrize("spread", [1e2, 1e4, 1e30])
def test_very_large_and_very_negative_kernels_stay_finite(spread):
    grid = (3, 4)
    q, k, v, kernels = (x.float() for x in given_of(4, grid=grid))
    for sign in (1, -1):
        found = blur_prior_attention(q, k, v, sign * kernels.abs() * spread, grid)
        assert found.isfinite().all()


def test_all_mass_on_the_right_neighbour_shifts_the_values():
    grid = (3, 5)
    q, k, v, kernels = given_of(5, grid=grid)
    kernels.zero_()[:, :, 5] = 1e4  # row 1, column 2 of a 3 x 3 kernel
    found = blur_prior_attention(q, k, v, kernels, grid).unflatten(2, grid)
    values = v.unflatten(2, grid)
    torch.testing.assert_close(found[..., :-1, :], values[..., 1:, :])
    # Nothing lies right of the last column: it falls back to plain attention.
    plain = blur_prior_attention(q, k, v, None, grid).unflatten(2, grid)
    torch.testing.assert_close(found[..., -1, :], plain[..., -1, :])


def test_without_kernels_the_order_of_positions_does_not_matter():
    grid = (3, 4)
    q, k, v, _ = given_of(6, grid=grid)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    shuffled = blur_prior_attention(*(x[:, :, order] for x in (q, k, v)), None, grid)
    torch.testing.assert_close(shuffled, blur_prior_attention(q, k, v, None, grid)[:, :, order])


def test_positions_that_are_not_valid_are_not_seen():
    grid = (2, 3)
    q, k, v, kernels = given_of(7, grid=grid)
    valid = torch.tensor([True, True, False, True, True, False]).expand(2, -1)
    moved = v.clone()
    moved[:, :, ~valid[0]] = 1e6
    results = [blur_prior_attention(q, k, x, kernels, grid, valid=valid)[:, :, valid[0]] for x in (v, moved)]
    assert torch.equal(*results)


@pytest.mark.parametrize("cells", [4, 8, 16])
def test_kernels_without_a_middle_are_refused(cells):
    q, k, v, _ = given_of(8)
    with pytest.raises(UsageError, match="q odd"):
        blur_prior_attention(q, k, v, torch.zeros(2, 15, cells, dtype=q.dtype), (3, 5))


def test_no_more_scores_than_the_budget_are_held(monkeypatch):
    """Also on a grid one row of which is over it."""
    monkeypatch.setattr(attention, "SCORE_BYTES", 4 * 2 * 2 * 40 * 3)
    held = []
    whole = attention._some_positions

    def watch(*given):
        held.append(given[-1] - given[-2])
        return whole(*given)

    monkeypatch.setattr(attention, "_some_positions", watch)
    grid = (2, 20)
    q, k, v, kernels = given_of(9, grid=grid)
    found = blur_prior_attention(q, k, v, kernels, grid)
    assert max(held) == 3
    assert sum(held) == 40
    torch.testing.assert_close(found, formula(q, k, v, kernels, grid))
