"""Kept pictures: there and back, and files that are not what they say."""

import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.core.errors import ImageError
from ldpbench.data import png16
from ldpbench.evaluation.predictions import decode, encode

PICTURE = np.random.default_rng(0).random((9, 14, 3), dtype=np.float32)


def saved(array, **options) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


@pytest.mark.parametrize(("form", "off"), [("png16", 0.5 / 65535), ("float16", 1 / 4096)])
@pytest.mark.parametrize("channels", [1, 3])
def test_there_and_back(form, off, channels):
    picture = PICTURE[:, :, :channels]
    suffix, data = encode(picture, form)
    back = decode(data, f"a{suffix}")
    assert back.dtype == np.float32
    assert back.shape == picture.shape
    assert np.abs(back - picture).max() <= off * 1.001


@settings(deadline=None, max_examples=30)
@given(st.floats(0, 1, width=32))
def test_a_kept_value_is_the_nearest_code(value):
    picture = np.full((8, 8, 1), value, np.float32)
    kept = decode(encode(picture, "png16")[1], "a.png")
    assert kept[0, 0, 0] * 65535 == pytest.approx(np.floor(np.float64(np.float32(value)) * 65535 + 0.5), abs=1e-2)


def test_pictures_of_other_programs_are_read():
    eight = (PICTURE * 255).astype(np.uint8)
    np.testing.assert_allclose(decode(png16.encode(eight), "a.PNG"), eight / 255, atol=1e-7)
    done, tiff = cv2.imencode(".tiff", (PICTURE[:, :, ::-1] * 65535).astype(np.uint16))
    assert done
    np.testing.assert_allclose(decode(tiff.tobytes(), "a.tif"), PICTURE, atol=1 / 65535)
    np.testing.assert_array_equal(decode(saved(PICTURE), "a.npy"), PICTURE)
    np.testing.assert_allclose(decode(saved(PICTURE[:, :, 0].astype(np.float64)), "a.npy")[:, :, 0], PICTURE[:, :, 0])


@pytest.mark.parametrize(
    ("data", "name", "sentence"),
    [
        (b"whatever", "a.jpg", "changes pixels"),
        (b"whatever", "a.exr", "expected one of"),
        (b"<html>", "a.png", "a.png"),
        (encode(PICTURE, "png16")[1][:200], "a.png", "a.png"),
        (b"whatever", "a.npy", "not a NumPy file"),
        (saved(PICTURE)[:-5], "a.npy", "promises 1512 bytes, 1507 follow"),
        (saved(PICTURE) + b"x", "a.npy", "1513 follow"),
        (saved((PICTURE * 255).astype(np.uint8)), "a.npy", "expected floats"),
        (saved(np.asfortranarray(PICTURE)), "a.npy", "Fortran order"),
        (saved(np.array([{"a": 1}], dtype=object), allow_pickle=True), "a.npy", "expected floats"),
        (saved(np.zeros((1, 2, 3, 4), np.float32)), "a.npy", "expected floats"),
    ],
)
def test_what_is_no_picture_is_named(data, name, sentence):
    with pytest.raises(ImageError, match=sentence):
        decode(data, name)


def test_a_header_that_promises_a_terabyte_allocates_nothing():
    header = saved(np.zeros((1, 1, 3), np.float32)).replace(b"(1, 1, 3)", b"(999999, 99999, 3)"[:18])
    with pytest.raises(ImageError):
        decode(header, "a.npy")
