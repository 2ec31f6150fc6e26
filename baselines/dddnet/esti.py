"""Esti, the second network of DDDNet: the sharp picture from the views and the blur disparity (Pan et al., CVPR 2021).

Three levels as in DMPHN: quarters, halves, the whole. Names of parameters are the published ones.
"""

import torch
from torch import Tensor, nn

INPUTS = 7
"""Two RGB views and the disparity."""
WIDTHS = (32, 64, 128)


class ResidualPair(nn.Sequential):
    """Two convolutions, around which the input passes."""

    def __init__(self, width: int) -> None:
        super().__init__(
            nn.Conv2d(width, width, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(width, width, 3, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        residual = x
        for layer in self:
            residual = layer(residual)
        return residual.add_(x)


class Encoder(nn.Module):
    """(N, 7, H, W) to (N, 128, H / 4, W / 4)."""

    def __init__(self) -> None:
        super().__init__()
        fine, middle, coarse = WIDTHS
        self.layer1 = nn.Conv2d(INPUTS, fine, 3, padding=1)
        self.layer2 = ResidualPair(fine)
        self.layer3 = ResidualPair(fine)
        self.layer5 = nn.Conv2d(fine, middle, 3, stride=2, padding=1)
        self.layer6 = ResidualPair(middle)
        self.layer7 = ResidualPair(middle)
        self.layer9 = nn.Conv2d(middle, coarse, 3, stride=2, padding=1)
        self.layer10 = ResidualPair(coarse)
        self.layer11 = ResidualPair(coarse)

    def forward(self, x: Tensor) -> Tensor:
        """Height and width are multiples of 4."""
        for layer in self.children():
            x = layer(x)
        return x


class Decoder(nn.Module):
    """(N, 128, H / 4, W / 4) to (N, outputs, H, W)."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        fine, middle, coarse = WIDTHS
        self.layer13 = ResidualPair(coarse)
        self.layer14 = ResidualPair(coarse)
        self.layer16 = nn.ConvTranspose2d(coarse, middle, 4, stride=2, padding=1)
        self.layer17 = ResidualPair(middle)
        self.layer18 = ResidualPair(middle)
        self.layer20 = nn.ConvTranspose2d(middle, fine, 4, stride=2, padding=1)
        self.layer21 = ResidualPair(fine)
        self.layer22 = ResidualPair(fine)
        self.layer24 = nn.Conv2d(fine, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Features to whatever it was trained for."""
        for layer in self.children():
            x = layer(x)
        return x


class ChannelAffinity(nn.Module):
    """Mixes channels, the more the less they resemble each other. It has no projections."""

    def __init__(self) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        flat = x.flatten(2)
        likeness = flat @ flat.transpose(1, 2)
        affinity = (likeness.amax(2, keepdim=True) - likeness).softmax(2)
        return self.gamma * (affinity @ flat).reshape(x.shape) + x


class NamedConv(nn.Module):
    """A convolution called ``conv``, and a sigmoid."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, padding: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to gates in (0, 1)."""
        answer: Tensor = self.conv(x)
        return answer.sigmoid_()


def split(x: Tensor, rows: int, columns: int) -> Tensor:
    """Cut (N, C, H, W) into equal patches, all of them in the batch."""
    patches = [part for row in x.chunk(rows, 2) for part in row.chunk(columns, 3)]
    return torch.cat(patches).contiguous(memory_format=torch.channels_last)


def join(patches: Tensor, rows: int, columns: int) -> Tensor:
    """The inverse of ``split``."""
    parts = patches.chunk(rows * columns)
    return torch.cat([torch.cat(parts[row * columns : (row + 1) * columns], 3) for row in range(rows)], 2)


class Esti(nn.Module):
    """Sharp picture and disparity of the middle view.

    ``forward(left, right, disparity)`` takes RGB views (N, 3, H, W) in [0, 1] and the blur disparity (N, H, W) in px
    as Estd gives it; height and width are multiples of 8. It gives the picture (N, 3, H, W) and the disparity
    (N, H, W), neither of them clamped.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder1 = Encoder()
        self.encoder2 = Encoder()
        self.encoder3 = Encoder()
        self.decoder1 = Decoder(3)
        self.decoder2 = Decoder(INPUTS)
        self.decoder3 = Decoder(INPUTS)
        self.decoderd = Decoder(1)
        self.cam_attention = ChannelAffinity()
        self.down = NamedConv(4, WIDTHS[2], 8, 4, 2)
        self.conv = NamedConv(WIDTHS[2], 1, 3, 1, 1)

    def forward(self, left: Tensor, right: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor]:
        """Both answers."""
        features = self.shared_features(left, right, disparity)
        picture: Tensor = self.decoder1(features)
        middle: Tensor = self.decoderd(features)
        return picture.contiguous(), middle.squeeze(1)

    def picture(self, left: Tensor, right: Tensor, disparity: Tensor) -> Tensor:
        """The picture alone, (N, 3, H, W)."""
        picture: Tensor = self.decoder1(self.shared_features(left, right, disparity))
        return picture.contiguous()

    def shared_features(self, left: Tensor, right: Tensor, disparity: Tensor) -> Tensor:
        """What both decoders read, (N, 128, H / 4, W / 4)."""
        disparity = disparity.unsqueeze(1)
        x = torch.cat([left, right, disparity], 1).contiguous(memory_format=torch.channels_last)
        gates = self.down(torch.cat([left - right, disparity], 1))
        answer: Tensor = self._encoded(x) + self.cam_attention(gates)
        return answer

    def _encoded(self, x: Tensor) -> Tensor:
        """From quarters to the whole: each level corrects what the next one sees."""
        features = join(self.encoder3(split(x, 2, 2)), 2, 2)
        residual = self.decoder3(split(features, 2, 1))
        features = join(self.encoder2(split(x, 2, 1) + residual), 2, 1) + features
        residual = self.decoder2(features)
        answer: Tensor = self.encoder1(x + residual) + features
        return answer
