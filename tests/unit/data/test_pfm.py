"""PFM: rows, byte orders, and everything that is not one."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from ldpbench.core.errors import ImageError, UsageError
from ldpbench.data.content import content_sha256
from ldpbench.data.pfm import read_pfm, write_pfm
from ldpbench.data.picture_files import PictureHeader, picture_header

BY_HAND = b"Pf\n3 2\n-1.0\n" + struct.pack("<6f", 4, 5, 6, 1, 2, 3)
"""Two rows, the lower one first."""


def test_the_lowest_row_comes_first():
    np.testing.assert_array_equal(read_pfm(BY_HAND, "a.pfm"), np.array([[1, 2, 3], [4, 5, 6]], np.float32))


@pytest.mark.parametrize("header", [b"Pf 3 2 1 ", b"Pf\n3 2\n1.000000\n", b"Pf\n3\n2\n+1e0\n"])
def test_both_byte_orders_and_every_spelling(header):
    data = header + struct.pack(">6f", 4, 5, 6, 1, 2, 3)
    found = read_pfm(data, "a.pfm")
    assert found.dtype == np.dtype("=f4")
    np.testing.assert_array_equal(found, read_pfm(BY_HAND, "a.pfm"))


@settings(max_examples=25, deadline=None)
@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.floats(width=32)))
def test_every_value_survives(values):
    data = write_pfm(values)
    assert read_pfm(data, "a.pfm").tobytes() == values.tobytes()
    assert write_pfm(read_pfm(data, "a.pfm")) == data
    assert picture_header(data) == PictureHeader("PFM", values.shape[1], values.shape[0], 32, 1)


def test_written_is_what_other_readers_expect():
    assert write_pfm(np.array([[1, 2, 3], [4, 5, 6]], np.float32)) == BY_HAND.replace(b"-1.0", b"-1")
    assert len(content_sha256(write_pfm(np.ones((2, 2), np.float32)), "a.pfm", "pixels")) == 64


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "the file is empty"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"\x89PNG\r\n\x1a\n", "truncated"),
        (b"P5\n3 2\n255\n......", "expected a PFM, found another kind"),
        (b"Pf\n3 2\n", "expected a PFM, found another kind"),
        (b"Pf\n-3 2\n-1\n", "expected a PFM, found another kind"),
        (BY_HAND.replace(b"Pf", b"PF"), "found colours"),
        (BY_HAND.replace(b"-1.0", b"-255"), "expected a PFM with scale 1 or -1, found '-255'"),
        (BY_HAND.replace(b"-1.0", b"nan"), "found 'nan'"),
        (BY_HAND.replace(b"-1.0", b"one"), "found 'one'"),
        (BY_HAND[:-1], "expected 24 bytes for 3x2 px after the header, found 23"),
        (BY_HAND + b"\n", "found 25"),
        (b"Pf\n0 2\n-1\n", "expected 0 bytes"),
    ],
)
def test_a_damaged_one_is_named(data, sentence):
    with pytest.raises(ImageError, match=r"^disp/0001_dm\.pfm: ") as caught:
        read_pfm(data, "disp/0001_dm.pfm")
    assert sentence in caught.value.message


@pytest.mark.parametrize("values", [np.zeros((2, 2)), np.zeros((2, 2, 3), np.float32), np.zeros((0, 2), np.float32)])
def test_only_planes_of_float32_are_written(values):
    with pytest.raises(UsageError, match="a PFM holds float32"):
        write_pfm(values)
