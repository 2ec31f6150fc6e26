"""The runtime pads, clamps, crops and reports; a method does none of that."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ldpbench.core.errors import MethodError, UsageError
from ldpbench.data.sample import Sample
from ldpbench.methods.protocol import Deblurrer, SizeRule
from ldpbench.methods.runtime import pad_to, restore_pair, restore_sample


class Mean(Deblurrer):
    """The mean of the views, and a memory of what it was given."""

    def __init__(self, size=SizeRule(), channels=(1, 3), inputs=("left", "right")):  # noqa: B008 - frozen
        self.size, self.channels, self.inputs = size, channels, inputs
        self.seen = {}

    def restore(self, *, left, right, center, blur_map):
        self.seen = {"left": left, "right": right, "center": center, "blur_map": blur_map}
        views = [view for view in (left, right, center) if view is not None]
        return torch.stack(views).mean(0)


class Constant(Deblurrer):
    def __init__(self, output):
        self.output = output

    def restore(self, *, left, right, center, blur_map):
        if isinstance(self.output, Exception):
            raise self.output
        return self.output(left) if callable(self.output) else self.output


def make_sample(height=7, width=9, channels=1, white=0.5, **more):
    rng = np.random.default_rng(3)
    left, right = (rng.random((height, width, channels), np.float32) * np.float32(white) for _ in "lr")
    return Sample(
        id="a", dataset="toy", split="test", left=left, right=right, bits=16, encoding="linear", white_level=white,
        regions={}, **more,
    )  # fmt: skip


@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 8), st.integers(1, 40), st.sampled_from([1, 3]))
@settings(max_examples=60, deadline=None)
def test_padding_meets_the_rule_and_cropping_undoes_it(height, width, multiple, minimum, channels):
    rule = SizeRule(minimum, multiple)
    view = torch.rand(1, channels, height, width)
    padded = pad_to(view, rule)
    for given_px, padded_px in zip((height, width), padded.shape[-2:], strict=True):
        assert padded_px % multiple == 0
        assert padded_px >= max(given_px, minimum)
        assert padded_px - max(given_px, minimum) < multiple
    assert torch.equal(padded[..., :height, :width], view)
    picture = np.random.default_rng(0).random((height, width, channels), np.float32)
    np.testing.assert_allclose(restore_pair(Mean(rule), picture, picture), picture, atol=1e-7)


def test_every_method_sees_the_unit_range_and_the_result_is_scaled_back():
    sample, method = make_sample(white=0.25), Mean()
    restored = restore_sample(method, sample)
    torch.testing.assert_close(method.seen["left"][0, 0], torch.from_numpy(sample.left[..., 0] / 0.25))
    np.testing.assert_allclose(restored.image, (sample.left + sample.right) / 2, rtol=1e-5)
    assert method.seen["center"] is None
    assert method.seen["blur_map"] is None


def test_declared_views_and_only_those_arrive():
    blur = np.zeros((7, 9), np.float32)
    method = Mean(inputs=("center", "blur_map"))
    restore_sample(method, make_sample(blur_map=blur))
    assert method.seen["left"] is None
    assert method.seen["blur_map"].shape == (1, 1, 7, 9)
    with pytest.raises(UsageError, match="wants blur_map"):
        restore_sample(method, make_sample())


def test_grey_is_repeated_for_a_colour_method_and_comes_back_grey():
    method = Mean(channels=(3,))
    picture = np.random.default_rng(0).random((8, 8)).astype(np.float32)
    result = restore_pair(method, picture, picture)
    assert method.seen["left"].shape == (1, 3, 8, 8)
    assert result.shape == (8, 8)
    np.testing.assert_allclose(result, picture, atol=1e-6)


def test_overshoot_is_clamped_and_reported():
    sample = make_sample(white=1.0)
    restored = restore_sample(Constant(lambda left: torch.full_like(left, 2.0)), sample)
    assert restored.clipped_fraction == 1.0
    assert restored.image.max() == 1.0
    assert np.isnan(restore_sample(Constant(lambda left: left * float("nan")), sample).image).all()


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        (RuntimeError("out of\nluck"), "failed: RuntimeError: out of luck"),
        (None, "returned NoneType"),
        (lambda left: left[0], "returned shape"),
        (lambda left: left[..., 1:], "expected \\(1, 1 or 3, 7, 9\\)"),
        (lambda left: left.repeat(1, 2, 1, 1), "expected \\(1, 1 or 3"),
        (lambda left: left.to(torch.int32), "returned torch.int32"),
        (lambda left: left.repeat(2, 1, 1, 1), "returned shape"),
    ],
)
def test_a_method_that_breaks_its_contract_is_named(output, sentence):
    with pytest.raises(MethodError, match=sentence) as caught:
        restore_sample(Constant(output), make_sample())
    assert "\n" not in caught.value.message


def test_views_that_differ_are_refused():
    with pytest.raises(UsageError, match="the views differ"):
        restore_pair(Mean(), np.zeros((4, 4)), np.zeros((4, 5)))
    with pytest.raises(UsageError, match="the views differ"):
        restore_pair(Mean(), np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint16))
    with pytest.raises(UsageError, match=r"found \(4, 4, 2\)"):
        restore_pair(Mean(), np.zeros((4, 4, 2)), np.zeros((4, 4, 2)))
    with pytest.raises(UsageError, match="expected floats in"):
        restore_pair(Mean(), np.full((4, 4), 3.0), np.full((4, 4), 3.0))
