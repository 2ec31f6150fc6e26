"""The blur-aware loss with small stand-ins for CLIP, and the weighted sum."""

import subprocess
import sys
import time

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from ldpbench.core.errors import MethodError, UsageError
from ldpbench.training.losses.blur_aware import BlurAwareLoss
from ldpbench.training.losses.blur_weighting import blur_weighting
from ldpbench.training.losses.charbonnier import charbonnier
from ldpbench.training.losses.total import LossParts, LossWeights, TotalLoss


class Cells(nn.Module):
    """Scores 4 x 4 cells of a picture by a convolution and a tanh."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 1, 4, stride=4)
        self.seen: list[torch.dtype] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        scores = self.conv(images)
        self.seen += [images.dtype, scores.dtype]
        return torch.tanh(scores)[:, 0]


def batch(seed: int = 0, n: int = 2, dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    found = {
        name: torch.rand(n, 3, 8, 12, generator=generator, dtype=dtype)
        for name in ("restored", "target", "left", "right")
    }
    return found | {"probability": torch.rand(n, 1, 8, 12, generator=generator, dtype=dtype)}


def test_it_is_the_mean_of_the_map_and_flows_only_to_the_picture():
    cells = Cells()
    loss = BlurAwareLoss(cells)
    restored = batch()["restored"].requires_grad_()
    value = loss(restored)
    expected = torch.tanh(torch.nn.functional.conv2d(restored, cells.conv.weight, cells.conv.bias, stride=4))
    assert value.item() == pytest.approx(expected.mean().item(), rel=1e-6)
    assert value.shape == ()
    assert -1 <= value.item() <= 1
    value.backward()
    assert restored.grad is not None
    assert restored.grad.abs().min() > 0
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in cells.parameters())


def test_a_module_is_frozen_in_evaluation_mode_whatever_the_trainer_says():
    cells = Cells()
    cells.train()
    total = TotalLoss(LossWeights(), cells)
    assert not cells.training
    total.train()
    assert total.training
    assert not cells.training
    assert not any(parameter.requires_grad for parameter in total.parameters())


def test_gradients_of_the_blur_aware_loss():
    loss = BlurAwareLoss(Cells().double())
    restored = batch(dtype=torch.float64)["restored"].requires_grad_()
    assert torch.autograd.gradcheck(loss, restored)


def test_on_a_cpu_the_map_is_computed_in_float32_even_under_autocast():
    cells = Cells()
    loss = BlurAwareLoss(cells)
    restored = batch()["restored"]
    plain = loss(restored)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under = loss(restored)
    assert torch.equal(plain, under)
    assert loss(restored.bfloat16()).dtype is torch.float32
    assert set(cells.seen) == {torch.float32}


def test_descending_it_lowers_the_map():
    loss = BlurAwareLoss(Cells())
    restored = batch(4)["restored"].requires_grad_()
    before = loss(restored)
    (slope,) = torch.autograd.grad(before, restored)
    assert loss(restored - slope).item() < before.item()


def test_it_tells_what_it_costs_forward_and_backward():
    class Slow(torch.autograd.Function):
        @staticmethod
        def forward(ctx, images):
            time.sleep(0.02)
            return images.mean(dim=1)

        @staticmethod
        def backward(ctx, slope):
            time.sleep(0.04)
            return slope[:, None].expand(-1, 3, -1, -1) / 3

    loss = BlurAwareLoss(Slow.apply)
    assert (loss.calls, loss.seconds, loss.ms_per_call) == (0, 0.0, 0.0)
    loss(batch()["restored"])
    assert loss.calls == 1
    only_forward = loss.seconds
    assert 0.02 <= only_forward < 0.04 + 0.5
    restored = batch()["restored"].requires_grad_()
    value = loss(restored)
    time.sleep(0.05)  # other people's time is not counted
    forward_twice = loss.seconds
    value.backward()
    assert loss.calls == 2
    assert loss.seconds - forward_twice >= 0.04
    assert loss.ms_per_call == pytest.approx(1000 * loss.seconds / 2)


def test_only_its_own_part_of_the_backward_pass_is_timed():
    class SlowBack(torch.autograd.Function):
        @staticmethod
        def forward(ctx, images):
            return images.clone()

        @staticmethod
        def backward(ctx, slope):
            time.sleep(0.3)
            return slope

    total = TotalLoss(LossWeights(), Cells())
    found = batch()
    leaf = found.pop("restored").requires_grad_()
    total(SlowBack.apply(leaf), **found).total.backward()
    assert leaf.grad is not None
    assert total.blur_aware is not None
    assert 0 < total.blur_aware.seconds < 0.3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_cuda_device_the_map_runs_in_bfloat16_and_is_timed_by_the_device():
    cells = Cells().cuda()
    loss = BlurAwareLoss(cells)
    restored = batch()["restored"].cuda().requires_grad_()
    value = loss(restored)
    value.backward()
    assert cells.seen == [torch.float32, torch.bfloat16]
    assert value.dtype is torch.float32
    assert loss.seconds > 0
    cells.cpu()
    on_cpu = BlurAwareLoss(cells)(restored.detach().cpu())
    assert value.item() == pytest.approx(on_cpu.item(), abs=0.01)


def test_wrong_pictures_and_wrong_maps_are_refused():
    with pytest.raises(UsageError, match=r"\(N, 3, H, W\)"):
        BlurAwareLoss(Cells())(torch.rand(2, 1, 8, 8))
    with pytest.raises(MethodError, match=r"\(2, h, w\)"):
        BlurAwareLoss(lambda images: images)(torch.rand(2, 3, 8, 8))
    with pytest.raises(MethodError, match=r"\(2, h, w\)"):
        BlurAwareLoss(lambda images: images[:1, 0])(torch.rand(2, 3, 8, 8))


def test_the_total_is_the_weighted_sum_of_its_named_parts():
    cells = Cells()
    found = batch(1)
    found["restored"].requires_grad_()
    lost = TotalLoss(LossWeights(), cells)(**found)
    assert isinstance(lost, LossParts)
    assert lost.total.requires_grad
    expected = {
        "charbonnier": charbonnier(found["restored"], found["target"]),
        "blur_aware": cells(found["restored"]).mean(),
        "blur_weighting": blur_weighting(**found),
    }
    assert {name: part.item() for name, part in lost.parts.items()} == pytest.approx(
        {name: part.item() for name, part in expected.items()}
    )
    total = expected["charbonnier"] + 0.1 * expected["blur_aware"] + 0.2 * expected["blur_weighting"]
    assert lost.total.item() == pytest.approx(total.item(), rel=1e-6)
    assert all(not part.requires_grad for part in lost.parts.values())


def test_other_weights_change_the_total_by_their_parts():
    found = batch(2)
    one = TotalLoss(LossWeights(charbonnier=2.0, blur_aware=0.5, blur_weighting=3.0), Cells())(**found)
    parts = {name: part.item() for name, part in one.parts.items()}
    expected = 2 * parts["charbonnier"] + 0.5 * parts["blur_aware"] + 3 * parts["blur_weighting"]
    assert one.total.item() == pytest.approx(expected, rel=1e-6)


def test_a_part_of_weight_zero_is_not_computed():
    def never(images: torch.Tensor) -> torch.Tensor:
        raise AssertionError("computed")

    found = batch(3)
    only = TotalLoss(LossWeights(blur_aware=0.0, blur_weighting=0.0), never)(**(found | {"probability": None}))
    assert list(only.parts) == ["charbonnier"]
    assert only.total.item() == charbonnier(found["restored"], found["target"]).item()
    blur = TotalLoss(LossWeights(charbonnier=0.0, blur_aware=0.0))(**found)
    assert list(blur.parts) == ["blur_weighting"]
    aware = TotalLoss(LossWeights(charbonnier=0.0, blur_weighting=0.0), Cells())(**found)
    assert list(aware.parts) == ["blur_aware"]


def test_gradients_of_the_total():
    found = batch(5, n=1, dtype=torch.float64)
    restored = found.pop("restored").requires_grad_()
    total = TotalLoss(LossWeights(), Cells().double())
    assert torch.autograd.gradcheck(lambda x: total(x, **found).total, restored)


def test_micro_batches_add_up_to_the_gradient_of_the_whole():
    total = TotalLoss(LossWeights(), Cells())
    found = batch(6, n=4)
    whole = found["restored"].clone().requires_grad_()
    total(**(found | {"restored": whole})).total.backward()
    pieces = found["restored"].clone().requires_grad_()
    for rows in (slice(0, 2), slice(2, 4)):
        part = {name: value[rows] for name, value in found.items()} | {"restored": pieces[rows]}
        (total(**part).total / 2).backward()
    assert whole.grad is not None
    torch.testing.assert_close(pieces.grad, whole.grad, rtol=1e-5, atol=1e-8)


def test_what_is_needed_and_missing_is_named():
    with pytest.raises(UsageError, match="no blur-aware map"):
        TotalLoss(LossWeights())
    total = TotalLoss(LossWeights(blur_aware=0.0))
    with pytest.raises(UsageError, match="no blur map"):
        total(**(batch() | {"probability": None}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"charbonnier": -1.0},
        {"blur_aware": float("nan")},
        {"blur_weighting": float("inf")},
        {"perceptual": 1.0},
        {"charbonnier": 0.0, "blur_aware": 0.0, "blur_weighting": 0.0},
    ],
)
def test_weights_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValidationError):
        LossWeights(**wrong)


def test_weights_are_the_papers_and_come_without_torch():
    assert LossWeights().model_dump() == {"charbonnier": 1.0, "blur_aware": 0.1, "blur_weighting": 0.2}
    code = "import sys; import ldpbench.training.losses.weights; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
