"""DeepRFT (Mao et al., arXiv 2111.11745v1), in the names of its state dict.

A U-Net with pictures of three sizes, whose residual blocks have a branch in the Fourier domain. No convolution has a
bias. Most of them are kept in two factors for training; folded to one kernel, they compute the same.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from ldpbench.api import UsageError

WIDTHS = (32, 64, 128)
COLOURS = 3


class FactoredConv(nn.Module):
    """A convolution whose kernel is a product of two factors, without a bias.

    ``W`` is (out, in, k k). For k > 1 a kernel is mixed along its places by ``D + D_diag``, (in, k k, k k): ``D`` is
    learnt from zero, ``D_diag`` is the identity and stored all the same. Folded, ``W`` is the kernel itself.

    Args:
        channels_in: C of (N, C, H, W).
        channels_out: That come out.
        kernel: Side.
        stride: Of the convolution.
        folded: Keep the kernel alone.
    """

    def __init__(self, channels_in: int, channels_out: int, kernel: int, *, stride: int, folded: bool) -> None:
        super().__init__()
        self.kernel, self.stride, self.folded = kernel, stride, folded
        start = torch.empty(channels_out, channels_in, kernel, kernel)
        nn.init.kaiming_uniform_(start, a=5**0.5)
        self.W = nn.Parameter(start if folded else start.flatten(2))
        if kernel > 1 and not folded:
            places = kernel * kernel
            self.D = nn.Parameter(torch.zeros(channels_in, places, places))
            self.D_diag = nn.Parameter(torch.eye(places).repeat(channels_in, 1, 1), requires_grad=False)

    def weight(self) -> Tensor:
        """The kernel, (out, in, k, k)."""
        if self.folded:
            return self.W
        mixed = torch.einsum("ims,ois->oim", self.D + self.D_diag, self.W) if self.kernel > 1 else self.W
        kernel: Tensor = torch.unflatten(mixed, 2, (self.kernel, self.kernel))
        return kernel

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels_in, H, W) to (N, channels_out, H / stride, W / stride)."""
        return functional.conv2d(x, self.weight(), stride=self.stride, padding=self.kernel // 2)

    def fold(self) -> None:
        """Multiply the factors out for good."""
        if self.folded:
            return
        self.W = nn.Parameter(self.weight().detach())
        if self.kernel > 1:
            del self.D, self.D_diag
        self.folded = True


class Unit(nn.Module):
    """A convolution, and a rectifier if wanted.

    Args:
        channels_in: C of (N, C, H, W).
        channels_out: That come out.
        kernel: Side.
        stride: Of the convolution.
        relu: Whether the rectifier follows.
        transpose: Twice the size, in place of a factored convolution.
        folded: See ``FactoredConv``.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int,
        *,
        stride: int = 1,
        relu: bool = True,
        transpose: bool = False,
        folded: bool,
    ) -> None:
        super().__init__()
        convolution: nn.Module = (
            nn.ConvTranspose2d(channels_in, channels_out, kernel, stride=stride, padding=kernel // 2 - 1, bias=False)
            if transpose
            else FactoredConv(channels_in, channels_out, kernel, stride=stride, folded=folded)
        )
        self.main = nn.Sequential(convolution, *([nn.ReLU(inplace=True)] if relu else []))

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (N, C, H, W)."""
        convolved: Tensor = self.main(x)
        return convolved


class FourierBlock(nn.Module):
    """Two convolutions among neighbours and two 1x1 ones among frequencies, both added to what goes in."""

    def __init__(self, channels: int, *, folded: bool) -> None:
        super().__init__()
        self.main = nn.Sequential(
            Unit(channels, channels, 3, folded=folded), Unit(channels, channels, 3, relu=False, folded=folded)
        )
        self.main_fft = nn.Sequential(
            Unit(2 * channels, 2 * channels, 1, folded=folded),
            Unit(2 * channels, 2 * channels, 1, relu=False, folded=folded),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        spectrum = torch.fft.rfft2(x)
        real, imaginary = self.main_fft(torch.cat([spectrum.real, spectrum.imag], dim=1)).chunk(2, dim=1)
        product = torch.complex(real.contiguous(), imaginary.contiguous())
        frequencies: Tensor = torch.fft.irfft2(product, s=x.shape[-2:])
        near: Tensor = self.main(x)
        return near + x + frequencies


class Blocks(nn.Module):
    """Fourier blocks in a row."""

    def __init__(self, channels: int, count: int, *, folded: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(FourierBlock(channels, folded=folded) for _ in range(count)))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        y: Tensor = self.layers(x)
        return y


class SmallPicture(nn.Module):
    """Features of a smaller picture, which stays beside them."""

    def __init__(self, width: int, colours: int, *, folded: bool) -> None:
        super().__init__()
        self.main = nn.Sequential(
            Unit(colours, width // 4, 3, folded=folded),
            Unit(width // 4, width // 2, 1, folded=folded),
            Unit(width // 2, width // 2, 3, folded=folded),
            Unit(width // 2, width - colours, 1, folded=folded),
        )
        self.conv = Unit(width, width, 1, relu=False, folded=folded)

    def forward(self, x: Tensor) -> Tensor:
        """(N, colours, H, W) to (N, width, H, W)."""
        features: Tensor = self.conv(torch.cat([x, self.main(x)], dim=1))
        return features


class Merge(nn.Module):
    """What came down and the small picture's features: their product, convolved, is added."""

    def __init__(self, width: int, *, folded: bool) -> None:
        super().__init__()
        self.merge = Unit(width, width, 3, relu=False, folded=folded)

    def forward(self, x: Tensor, small: Tensor) -> Tensor:
        """Two (N, width, H, W) to one."""
        merged: Tensor = x + self.merge(x * small)
        return merged


class Fusion(nn.Module):
    """Features of all three sizes, brought to one."""

    def __init__(self, width: int, *, folded: bool) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            Unit(sum(WIDTHS), width, 1, folded=folded), Unit(width, width, 3, relu=False, folded=folded)
        )

    def forward(self, *levels: Tensor) -> Tensor:
        """Tensors of one height and width to (N, width, H, W)."""
        fused: Tensor = self.conv(torch.cat(levels, dim=1))
        return fused


def halved(x: Tensor) -> Tensor:
    """Every second row and column."""
    return x[..., ::2, ::2]


def doubled(x: Tensor, times: int = 1) -> Tensor:
    """Every row and column twice, so many times."""
    return functional.interpolate(x, scale_factor=1 << times, mode="nearest")


class DeepRft(nn.Module):
    """The network. Heights and widths are multiples of 4.

    Args:
        num_res: Fourier blocks of each level.
        inference: Give the finest picture alone, and leave out what only the others need.
        in_channels: 3, or 6 for left and right RGB together: their mean is added to the answers.
        folded: Keep kernels instead of their factors; see ``fold``.

    Raises:
        UsageError: If the picture has other channels.
    """

    def __init__(
        self, num_res: int = 8, inference: bool = False, in_channels: int = COLOURS, folded: bool = False
    ) -> None:
        super().__init__()
        if in_channels not in (COLOURS, 2 * COLOURS):
            raise UsageError(f"deeprft: expected in_channels 3 or 6, found {in_channels}")
        self.inference = inference
        fine, middle, coarse = WIDTHS

        def unit(channels_in: int, channels_out: int, kernel: int, *, stride: int = 1, relu: bool = True) -> Unit:
            return Unit(channels_in, channels_out, kernel, stride=stride, relu=relu, folded=folded)

        def up(channels: int) -> Unit:
            return Unit(channels, channels // 2, 4, stride=2, transpose=True, folded=folded)

        self.Encoder = nn.ModuleList(Blocks(width, num_res, folded=folded) for width in WIDTHS)
        self.feat_extract = nn.ModuleList(
            [
                unit(in_channels, fine, 3),
                unit(fine, middle, 3, stride=2),
                unit(middle, coarse, 3, stride=2),
                up(coarse),
                up(middle),
                unit(fine, COLOURS, 3, relu=False),
            ]
        )
        self.Decoder = nn.ModuleList(Blocks(width, num_res, folded=folded) for width in reversed(WIDTHS))
        self.Convs = nn.ModuleList([unit(coarse, middle, 1), unit(middle, fine, 1)])
        self.ConvsOut = nn.ModuleList([unit(coarse, COLOURS, 3, relu=False), unit(middle, COLOURS, 3, relu=False)])
        self.AFFs = nn.ModuleList([Fusion(fine, folded=folded), Fusion(middle, folded=folded)])
        self.FAM1 = Merge(coarse, folded=folded)
        self.SCM1 = SmallPicture(coarse, in_channels, folded=folded)
        self.FAM2 = Merge(middle, folded=folded)
        self.SCM2 = SmallPicture(middle, in_channels, folded=folded)

    def forward(self, x: Tensor) -> list[Tensor] | Tensor:
        """Restore a batch.

        Args:
            x: Floats (N, in_channels, H, W) in [0, 1]; left RGB before right RGB.

        Returns:
            Three pictures (N, 3, ...) of full, half and quarter size, not clamped; for inference the first alone.
        """
        half, quarter = halved(x), halved(halved(x))
        fine = self.Encoder[0](self.feat_extract[0](x))
        middle = self.Encoder[1](self.FAM2(self.feat_extract[1](fine), self.SCM2(half)))
        z = self.Encoder[2](self.FAM1(self.feat_extract[2](middle), self.SCM1(quarter)))
        skip_middle = self.AFFs[1](halved(fine), middle, doubled(z))
        skip_fine = self.AFFs[0](fine, doubled(middle), doubled(z, 2))
        coarsest = z = self.Decoder[0](z)
        z = self.Decoder[1](self.Convs[0](torch.cat([self.feat_extract[3](z), skip_middle], dim=1)))
        between = z
        z = self.Decoder[2](self.Convs[1](torch.cat([self.feat_extract[4](z), skip_fine], dim=1)))
        finest: Tensor = self.feat_extract[5](z) + one_view(x)
        if self.inference:
            return finest
        return [finest, self.ConvsOut[1](between) + one_view(half), self.ConvsOut[0](coarsest) + one_view(quarter)]


def one_view(x: Tensor) -> Tensor:
    """The picture, or the mean of its two views."""
    if x.shape[1] == COLOURS:
        return x
    left, right = x.chunk(2, dim=1)
    return 0.5 * (left + right)


def fold(network: nn.Module) -> nn.Module:
    """Multiply all factors of a network out, in place: outputs stay, the time of every call does not."""
    for module in network.modules():
        if isinstance(module, FactoredConv):
            module.fold()
    return network
