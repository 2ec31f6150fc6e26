"""Self-ensemble and short floats: geometry of dual-pixel pairs, and what a method is told."""

import numpy as np
import pytest
import torch

from ldpbench.core.errors import UsageError
from ldpbench.methods.ensemble import SelfEnsemble
from ldpbench.methods.precision import InPrecision
from ldpbench.methods.protocol import Deblurrer, SizeRule
from ldpbench.methods.runtime import restore_pair


class Recording(Deblurrer):
    """Remembers what it saw and answers with a function of it."""

    channels = (3,)
    inputs = ("left", "right", "center", "blur_map")

    def __init__(self):
        self.seen = []

    def restore(self, *, left, right, center, blur_map):
        self.seen.append((left, right, center, blur_map))
        return left + 0.5 * right


def disparity(left: torch.Tensor, right: torch.Tensor) -> int:
    """How far right a single bright column lies in the right view against the left one."""
    return int(right[0, 0, 0].argmax()) - int(left[0, 0, 0].argmax())


def test_every_pair_it_shows_is_one_that_a_camera_could_take():
    left, right = torch.zeros(1, 3, 8, 16), torch.zeros(1, 3, 8, 16)
    left[..., 5], right[..., 8] = 1, 1
    method = Recording()
    SelfEnsemble(method).restore(left=left, right=right, center=left, blur_map=left[:, :1])
    assert len(method.seen) == 4
    assert [disparity(*pair[:2]) for pair in method.seen] == [3, 3, 3, 3], "far stays far"


def test_a_method_that_knows_the_geometry_answers_the_same_to_all_four():
    """The mean of the views commutes with every flip, so the ensemble changes nothing."""

    class Mean(Deblurrer):
        def restore(self, *, left, right, center, blur_map):
            return (left + right) / 2

    pictures = np.random.default_rng(1).random((2, 9, 13, 3), dtype=np.float32)
    plain, together = (restore_pair(method, *pictures) for method in (Mean(), SelfEnsemble(Mean())))
    np.testing.assert_allclose(plain, together, atol=1e-7)


def test_it_is_the_mean_of_the_four_answers():
    left, right = torch.rand(1, 3, 6, 10), torch.rand(1, 3, 6, 10)
    made = SelfEnsemble(Recording()).restore(left=left, right=right, center=None, blur_map=None)
    torch.testing.assert_close(made, 0.75 * (left + right), atol=1e-6, rtol=0)


class Product(Deblurrer):
    """One matrix product, which autocast makes short."""

    size = SizeRule(8, 8)

    def restore(self, *, left, right, center, blur_map):
        self.dtype = (left @ left.transpose(-1, -2)).dtype
        return left


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_short_floats_inside_and_float32_outside(dtype):
    inner = Product()
    wrapped = InPrecision(inner, dtype)
    made = wrapped.restore(left=torch.rand(1, 3, 8, 8), right=None, center=None, blur_map=None)
    assert inner.dtype == getattr(torch, dtype)
    assert made.dtype == torch.float32
    assert (wrapped.size, wrapped.inputs) == (inner.size, inner.inputs)


def test_a_device_without_short_floats_is_told():
    inner = Product()
    inner.device = torch.device("meta")
    with pytest.raises(UsageError, match="meta has no automatic precision"):
        InPrecision(inner, "bfloat16")
