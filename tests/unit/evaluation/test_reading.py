"""Samples as protocols have them read."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.core.errors import UsageError
from ldpbench.data.sample import Sample
from ldpbench.evaluation.reading import halved, read_as


def sample(height=6, width=9, bits=16, seed=0) -> Sample:
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2**bits, (4, height, width, 3))
    pictures = (codes / (2**bits - 1)).astype(np.float32)
    return Sample(
        id="a",
        dataset="made-up",
        split="test",
        left=pictures[0],
        right=pictures[1],
        center=pictures[2],
        target=pictures[3],
        bits=bits,
        encoding="srgb",
        blur_map=np.zeros((height, width), np.float32),
        group="indoor",
        regions={"near": np.ones((height, width), bool)},
    )


def test_as_it_is_nothing_is_made_anew():
    given_sample = sample()
    assert read_as(given_sample, 16, "full") is given_sample


def test_at_8_bits_views_and_target_lose_their_low_bits_alike():
    deep = sample()
    read = read_as(deep, 8, "full")
    for name in ("left", "right", "center", "target"):
        codes = np.rint(getattr(deep, name).astype(np.float64) * 65535).astype(int) >> 8
        np.testing.assert_array_equal(getattr(read, name), codes.astype(np.float32) / np.float32(255))
    assert (read.bits, read.group, set(read.regions)) == (8, "indoor", {"near"})


@settings(deadline=None, max_examples=20)
@given(st.integers(2, 11), st.integers(2, 11))
def test_halving_is_the_mean_of_blocks(height, width):
    picture = np.random.default_rng(height * 20 + width).random((height, width, 3), dtype=np.float32)
    small = halved(picture)
    assert small.shape == (height // 2, width // 2, 3)
    for row in range(small.shape[0]):
        for column in range(small.shape[1]):
            block = picture[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].astype(np.float64)
            np.testing.assert_allclose(small[row, column], block.mean((0, 1)), atol=1e-7)


def test_half_size_has_no_maps_in_pixels_of_the_full_size():
    read = read_as(sample(), 8, "half")
    assert read.left.shape == (3, 4, 3)
    assert read.blur_map is None
    assert read.regions == {}
    assert read.bits == 8


def test_bits_that_are_not_there_cannot_be_read():
    with pytest.raises(UsageError, match="has 8 bits, the protocol reads 16"):
        read_as(sample(bits=8), 16, "full")
