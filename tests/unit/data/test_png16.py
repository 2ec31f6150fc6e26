"""Pictures survive bit for bit, and what is not a picture is named."""

import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from ldpbench.core.errors import ImageError, MissingPrerequisiteError, UsageError
from ldpbench.data import png16
from ldpbench.data.picture_files import PictureHeader, picture_header

SHAPES = st.one_of(
    st.tuples(st.integers(1, 9), st.integers(1, 9)), st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))
)


@given(st.one_of(hnp.arrays(np.uint8, SHAPES), hnp.arrays(np.uint16, SHAPES)))
@settings(max_examples=60, deadline=None)
def test_every_picture_survives(codes):
    back = png16.decode(png16.encode(codes), "picture")
    assert back.dtype == codes.dtype
    np.testing.assert_array_equal(back, codes)


def test_channel_order_is_rgb_and_the_low_byte_is_kept():
    codes = np.zeros((4, 5, 3), np.uint16)
    codes[..., 0], codes[..., 2] = 258, 65535  # 258 = 0x0102: an 8-bit reader would keep 1 of it
    data = png16.encode(codes)
    assert picture_header(data) == PictureHeader("PNG", 5, 4, 16, 3)
    np.testing.assert_array_equal(png16.decode(data, "x")[0, 0], [258, 0, 65535])
    # An independent decoder agrees on order and size, and shows why it is not the one we use.
    assert np.asarray(Image.open(io.BytesIO(data))).dtype == np.uint8


def test_what_is_not_a_picture_is_named():
    good = png16.encode(np.arange(12000, dtype=np.uint16).reshape(100, 120))
    cases = {
        b"": "is empty",
        b"<!DOCTYPE html><html>sign in</html>": "a web page",
        b"\n  <HTML><body>": "a web page",
        good[: len(good) // 2]: "truncated",
        good[:-6]: "truncated",
        b"not a picture at all": "no picture can be decoded",
    }
    for data, sentence in cases.items():
        with pytest.raises(ImageError, match=sentence) as caught:
            png16.decode(data, "some/file.png")
        assert caught.value.message.startswith("some/file.png")
        assert "\n" not in caught.value.message


def test_alpha_and_floats_are_refused(tmp_path):
    done, data = cv2.imencode(".png", np.zeros((4, 4, 4), np.uint8))
    assert done
    with pytest.raises(ImageError, match="found 4"):
        png16.decode(data.tobytes(), "alpha.png")
    with pytest.raises(UsageError):
        png16.encode(np.zeros((4, 4), np.float32))


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(MissingPrerequisiteError, match=r"nowhere\.png"):
        png16.read(tmp_path / "nowhere.png")
    with pytest.raises(MissingPrerequisiteError, match="Is a directory"):
        png16.read(tmp_path)


@given(hnp.arrays(np.uint16, st.tuples(st.integers(1, 6), st.integers(1, 6))))
@settings(max_examples=30, deadline=None)
def test_codes_to_floats_and_back(codes):
    np.testing.assert_array_equal(png16.to_codes(png16.to_unit(codes), 16), codes)
    eight = (codes >> 8).astype(np.uint8)
    np.testing.assert_array_equal(png16.to_codes(png16.to_unit(eight), 8), eight)


@pytest.mark.parametrize("bad", [np.array([[1.5]]), np.array([[-0.1]]), np.array([[np.nan]]), np.array([[1]])])
def test_floats_outside_the_unit_range_are_refused(bad):
    with pytest.raises(UsageError, match="expected floats in"):
        png16.to_unit(bad)
