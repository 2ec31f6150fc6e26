"""What the runtime does around a network: bit depth, channel order, cropping, windows."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.core.errors import UsageError
from ldpbench.methods.inference import WHOLE, Inference
from ldpbench.methods.parts import InParts
from ldpbench.methods.protocol import Deblurrer, SizeRule
from ldpbench.methods.runtime import cut_to_bits, restore_pair
from ldpbench.methods.tiling import Tiling, in_windows


class Left(Deblurrer):
    """Gives the left view back, and remembers it."""

    channels = (3,)

    def restore(self, *, left, right, center, blur_map):
        self.seen = left
        return left.clone()


def picture(height=20, width=28, seed=3):
    return np.random.default_rng(seed).integers(0, 65536, (height, width, 3), dtype=np.uint16)


def test_an_8_bit_method_sees_the_upper_8_bits_of_a_16_bit_file():
    method = Left()
    method.bits = 8
    codes = picture()
    result = restore_pair(method, codes, codes)
    np.testing.assert_array_equal(np.rint(result * 255), codes >> 8)
    np.testing.assert_array_equal(result, (codes >> 8).astype(np.float32) / np.float32(255))


@given(st.integers(0, 255))
@settings(max_examples=40, deadline=None)
def test_8_bit_files_are_left_as_they_are(code):
    view = np.full((1, 1, 3), code, dtype=np.float32) / np.float32(255)
    np.testing.assert_array_equal(cut_to_bits(view, 8), view)


@given(st.integers(0, 65535))
@settings(max_examples=40, deadline=None)
def test_16_bits_are_all_kept(code):
    view = np.full((1, 1, 3), code, dtype=np.float32) / np.float32(65535)
    np.testing.assert_allclose(cut_to_bits(view, 16), view, rtol=1e-7)


def test_a_bgr_method_sees_bgr_and_its_answer_is_turned_back():
    method = Left()
    method.channel_order = "bgr"
    codes = picture()
    result = restore_pair(method, codes, codes)
    np.testing.assert_allclose(method.seen[0].permute(1, 2, 0).numpy()[..., ::-1], codes / 65535, atol=1e-6)
    np.testing.assert_allclose(result, codes / 65535, atol=1e-6)


def test_a_cropping_method_restores_the_upper_left_part_and_leaves_the_rest():
    class Dark(Left):
        def restore(self, **views):
            super().restore(**views)
            return torch.zeros_like(self.seen)

    method = Dark()
    method.crop_px = 8
    left, right = picture(21, 30), picture(21, 30, seed=4)
    result = restore_pair(method, left, right)
    assert method.seen.shape[-2:] == (16, 24)
    assert (result[:16, :24] == 0).all()
    mean = (left.astype(np.float64) + right) / 2 / 65535
    np.testing.assert_allclose(result[16:], mean[16:], atol=1e-5)
    np.testing.assert_allclose(result[:, 24:], mean[:, 24:], atol=1e-5)
    with pytest.raises(UsageError, match="multiples of 8"):
        restore_pair(method, left[:5], right[:5])


def number_windows(height, width, side):
    """Which window gave each pixel, by calling it with a counter."""
    calls = []

    def call(x):
        calls.append(tuple(x.shape[-2:]))
        return torch.full_like(x, len(calls) - 1)

    return in_windows(call, [torch.zeros(1, 1, height, width)], side)[0, 0], calls


def test_windows_of_a_dpd_picture_are_the_twelve_of_the_published_test():
    owner, calls = number_windows(1120, 1680, 512)
    assert calls == [(512, 512)] * 12
    counts = torch.bincount(owner.long().ravel())
    assert sorted(counts.tolist()) == sorted(
        [512 * 512] * 6 + [512 * (1680 - 1536)] * 2 + [(1120 - 1024) * 512] * 3 + [(1120 - 1024) * (1680 - 1536)]
    )


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_windows_give_every_pixel_once(height, width, side):
    x = torch.rand(2, 3, height, width)
    assert torch.equal(in_windows(lambda part: part, [x], side), x)
    _, calls = number_windows(height, width, side)
    assert set(calls) == {(min(side, height), min(side, width))}


def test_a_flush_window_is_seen_whole_and_used_in_part():
    x = torch.arange(10.0).reshape(1, 1, 1, 10)
    result = in_windows(lambda part: part - part[..., :1], [x], 4)
    assert result.ravel().tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 2, 3]


@pytest.mark.parametrize("way", [Inference(windows_px=16), Inference(tiles=Tiling(16, 4))])
def test_parts_must_be_of_an_accepted_size_and_keep_what_the_method_declares(way):
    method = Left()
    method.size = SizeRule(minimum_px=8, multiple_of=8)
    method.bits, method.channel_order = 8, "bgr"
    parts = InParts(method, way)
    codes = picture(40, 40)
    np.testing.assert_allclose(restore_pair(parts, codes, codes), restore_pair(method, codes, codes), atol=1e-6)
    assert method.seen.shape[-2:] == (40, 40)
    restore_pair(parts, codes, codes)
    assert method.seen.shape[-2:] == (16, 16)
    method.size = SizeRule(minimum_px=8, multiple_of=12)
    with pytest.raises(UsageError, match="multiples of 12 px") as refused:
        InParts(method, way)
    assert "24 px" in refused.value.hint


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("whole", "whole"),
        ("tiled:512", "tiled"),
        ("tiled:512+16", "tiled"),
        ("windows:512", "windows"),
        ("tlc:256", "tlc"),
        ("crop:8", "crop"),
    ],
)
def test_a_records_way_is_read(text, kind):
    way = Inference.parse(text)
    assert way.kind == kind
    assert all(number in way.description for number in text.replace("+", ":").split(":")[1:])


def test_a_way_that_does_nothing_to_a_picture_is_the_whole_picture():
    assert Inference(crop_px=8).for_size(1120, 1680) == WHOLE
    assert Inference(crop_px=8).for_size(1121, 1680) == Inference(crop_px=8)
    assert Inference(crop_px=8).for_size(None, None) == Inference(crop_px=8)
    assert Inference(windows_px=512).for_size(256, 512) == WHOLE
    assert Inference(windows_px=512).for_size(256, 513) == Inference(windows_px=512)
    assert Inference(tiles=Tiling(256)).for_size(256, 256) == WHOLE
    assert Inference(tlc_px=256).for_size(384, 384) == WHOLE
    assert Inference(tlc_px=256).for_size(385, 384) == Inference(tlc_px=256)
