"""Estd, the first network of DDDNet: the blur disparity between the two views (Pan et al., CVPR 2021).

Names of parameters are the published ones, and so are entries that nothing reads.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's name for it

FEATURES = 128
DESCRIPTORS = 32
PLANES_PER_COST = 3
"""Disparities for each plane of the cost volume."""


class ConvNorm(nn.Module):
    """A convolution without bias, batch norm and ReLU; ``plain`` ones own a norm that is never used.

    In eval mode the norm is part of the convolution's weights: a pass over the largest tensors less.
    """

    def __init__(self, conv: nn.Module, norm: nn.Module, *, plain: bool = False) -> None:
        super().__init__()
        self.conv = conv
        self.bn = norm
        self.plain = plain

    def forward(self, x: Tensor) -> Tensor:
        """Any (N, C, ...) that the convolution takes."""
        answer: Tensor
        if self.plain:
            answer = self.conv(x)
            return answer
        answer = self.bn(self.conv(x)) if self.training else self._folded(x)
        return answer.relu_()

    def _folded(self, x: Tensor) -> Tensor:
        conv: Any = self.conv
        norm: Any = self.bn
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        shift = norm.bias - norm.running_mean * scale
        per_output = [1] * conv.weight.ndim
        per_output[1 if conv.transposed else 0] = -1
        weight = conv.weight * scale.view(per_output)
        if conv.transposed:
            return F.conv_transpose3d(x, weight, shift, conv.stride, conv.padding)
        convolve = F.conv2d if x.ndim == 4 else F.conv3d
        answer: Tensor = convolve(x, weight, shift, conv.stride, conv.padding, conv.dilation)
        return answer


def conv2d(inputs: int, outputs: int, kernel: int = 3, *, dilation: int = 1, plain: bool = False) -> ConvNorm:
    """A flat one that keeps the size."""
    padding = dilation * (kernel // 2)
    conv = nn.Conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation, bias=False)
    return ConvNorm(conv, nn.BatchNorm2d(outputs), plain=plain)


def conv3d(inputs: int, outputs: int, *, stride: int = 1, plain: bool = False) -> ConvNorm:
    """A 3 x 3 x 3 one."""
    conv = nn.Conv3d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
    return ConvNorm(conv, nn.BatchNorm3d(outputs), plain=plain)


def deconv3d(inputs: int, outputs: int) -> ConvNorm:
    """One that doubles depth, height and width."""
    conv = nn.ConvTranspose3d(inputs, outputs, 4, stride=2, padding=1, bias=False)
    return ConvNorm(conv, nn.BatchNorm3d(outputs))


def _pooling_branch(cell_px: int) -> nn.Sequential:
    """Means of square cells. Its 1 x 1 convolution pads, so that n x n cells become n + 2 x n + 2."""
    return nn.Sequential(
        nn.AvgPool2d(cell_px, cell_px),
        nn.Sequential(
            nn.Conv2d(FEATURES, DESCRIPTORS, 1, padding=1, bias=False),
            nn.BatchNorm2d(DESCRIPTORS),
            nn.ReLU(inplace=True),
        ),
    )


class FeatureExtraction(nn.Module):
    """One view (N, 3, H, W) to a descriptor of each pixel (N, 32, H, W)."""

    def __init__(self) -> None:
        super().__init__()
        self.start = nn.Sequential(conv2d(3, 32), conv2d(32, 64))
        self.layer1 = nn.Sequential(conv2d(64, FEATURES, dilation=4), conv2d(FEATURES, FEATURES, dilation=8))
        self.branch1 = _pooling_branch(64)
        self.branch3 = _pooling_branch(16)
        self.end = nn.Sequential(conv2d(FEATURES + 2 * DESCRIPTORS, 96), conv2d(96, DESCRIPTORS, kernel=1, plain=True))

    def forward(self, view: Tensor) -> Tensor:
        """Descriptors at full size, channels last."""
        answer: Tensor = self.end(self._context(view.contiguous(memory_format=torch.channels_last)))
        return answer

    def _context(self, view: Tensor) -> Tensor:
        x = self.layer1(self.start(view))
        size = x.shape[2:]
        branches = [
            F.interpolate(branch(x), size, mode="bilinear", align_corners=True)
            for branch in (self.branch1, self.branch3)
        ]
        return torch.cat([*branches, x], 1)


class SkipStep(nn.Module):
    """Doubles the size and merges what had that size before."""

    def __init__(self, first: ConvNorm, second: ConvNorm, *, upsample: bool) -> None:
        super().__init__()
        self.conv1 = first
        self.conv2 = second
        self.upsample = upsample

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """(N, C, D, H, W) and the skip of twice its depth, height and width."""
        if self.upsample:
            x = F.interpolate(x, scale_factor=2, mode="trilinear", align_corners=True)
        answer: Tensor = self.conv2(torch.cat([self.conv1(x), skip], 1))
        return answer


class Matching(nn.Module):
    """Descriptors of both views to a matching cost (N, 1, planes, H, W). Only its first level is ever used."""

    def __init__(self) -> None:
        super().__init__()
        self.start = nn.Sequential(conv3d(2 * DESCRIPTORS, 32), conv3d(32, 48, stride=2), conv3d(48, 48))
        self.conv1a = nn.Sequential(conv3d(48, 64, stride=2), conv3d(64, 64))
        self.conv2a = nn.Sequential(conv3d(64, 96, stride=2), conv3d(96, 96))
        self.conv3a = nn.Sequential(conv3d(96, 128, stride=2), conv3d(128, 128))
        self.deconv3a = SkipStep(deconv3d(128, 96), conv3d(192, 96), upsample=False)
        self.deconv2a = SkipStep(deconv3d(96, 64), conv3d(128, 64), upsample=False)
        self.deconv1a = SkipStep(conv3d(64, 48), conv3d(96, 48), upsample=True)
        self.end = nn.Sequential(deconv3d(48, 24), conv3d(24, 1, plain=True))

    def forward(self, left: Tensor, right: Tensor, planes: int) -> Tensor:
        """Cost of ``planes`` disparities, the first one 0."""
        half: Tensor = self.start(cost_volume(left, right, planes))
        answer: Tensor = self.end(self.deconv1a(self.conv1a(half), half))
        return answer


def cost_volume(left: Tensor, right: Tensor, planes: int) -> Tensor:
    """Descriptors of both views, one beside the other, the right one moved right by 0, 1, ... px.

    What has no partner is zero in both.

    Args:
        left: (N, C, H, W).
        right: The same shape.
        planes: How many displacements.

    Returns:
        (N, 2 C, planes, H, W), channels last: it is the largest of all tensors and never copied.
    """
    count, channels, height, width = left.shape
    volume = left.new_zeros(count, planes, height, width, 2 * channels).permute(0, 4, 1, 2, 3)
    for shift in range(planes):
        volume[:, :channels, shift, :, shift:] = left[..., shift:]
        volume[:, channels:, shift, :, shift:] = right[..., : width - shift]
    return volume


class Estd(nn.Module):
    """Blur disparity of a pair of views: ``forward(left, right)``, RGB (N, 3, H, W) in [0, 1], gives (N, H, W).

    Heights and widths are multiples of 4 and at least 64. The answer lies in [0, ``maxdisp`` - 1].
    """

    def __init__(self, maxdisp: int = 12) -> None:
        super().__init__()
        self.maxdisp = maxdisp
        self.feature = FeatureExtraction()
        self.features = FeatureExtraction()
        self.matching = Matching()

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """The expected disparity under a soft minimum over the costs."""
        cost = self.matching(self.feature(left), self.feature(right), self.maxdisp // PLANES_PER_COST)
        cost = F.interpolate(cost, (self.maxdisp, *cost.shape[3:]), mode="trilinear", align_corners=False).squeeze(1)
        chance = F.softmin(cost, dim=1)
        disparities = torch.arange(self.maxdisp, dtype=cost.dtype, device=cost.device)
        return (chance * disparities.view(-1, 1, 1)).sum(1)
