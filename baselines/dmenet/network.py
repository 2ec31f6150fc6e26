"""The defocus map of DMENet (Lee et al., CVPR 2019). The published one is a TensorLayer model.

Entries have the names of TensorFlow's variables, with dots. Convolutions repeat the border, which is what symmetric
padding by one pixel comes to; batch norms have no scale.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

VGG = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
"""Channels and convolutions of each size of VGG19."""
DECODER = {"u3": (1024, 256), "u2": (512, 128), "u1": (256, 64)}
HEADS = {"u4": (512, 256), "u3": (256, 128), "u2": (128, 64), "u1": (64, 32), "u0": (64, 32)}
"""What comes into each auxiliary head, and its channels."""
REFINEMENTS = 7
FINE = 64
BGR_MEAN = (103.939, 116.779, 123.68)
SLOPE = 0.2


class Norm(nn.Module):
    """Batch norm without a scale.

    Args:
        channels: C of (N, C, H, W).
    """

    moving_mean: Tensor
    moving_variance: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.zeros(channels))
        self.register_buffer("moving_mean", torch.zeros(channels))
        self.register_buffer("moving_variance", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        return functional.batch_norm(
            x, self.moving_mean, self.moving_variance, None, self.beta, self.training, momentum=0.1, eps=1e-5
        )


def conv(channels_in: int, channels_out: int, kernel: int = 3) -> nn.Conv2d:
    """A convolution that repeats the border."""
    return nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, padding_mode="replicate")


def doubled(x: Tensor) -> Tensor:
    """Every row and column twice."""
    return functional.interpolate(x, scale_factor=2, mode="nearest")


class Steps(nn.Module):
    """Convolutions and norms by name; ``through`` applies one of each and the activation."""

    def add(self, convolution: str, norm: str | None, channels_in: int, channels_out: int, kernel: int = 3) -> None:
        """Add a convolution and its norm."""
        self.add_module(convolution, conv(channels_in, channels_out, kernel))
        if norm is not None:
            self.add_module(norm, Norm(channels_out))

    def through(self, x: Tensor, convolution: str, norm: str) -> Tensor:
        """Convolve, norm, activate."""
        normed: Tensor = self.get_submodule(norm)(self.get_submodule(convolution)(x))
        return functional.leaky_relu(normed, SLOPE)


class Encoder(nn.Module):
    """VGG19 up to its last convolution."""

    def __init__(self) -> None:
        super().__init__()
        channels = 3
        for block, (width, count) in enumerate(VGG, start=1):
            for number in range(1, count + 1):
                self.add_module(f"conv{block}_{number}", conv(channels, width))
                channels = width

    def forward(self, x: Tensor) -> list[Tensor]:
        """BGR less its mean, (N, 3, H, W), to the features of five sizes."""
        levels: list[Tensor] = []
        for block, (_, count) in enumerate(VGG, start=1):
            x = functional.max_pool2d(x, 2) if levels else x
            for number in range(1, count + 1):
                x = functional.relu(self.get_submodule(f"conv{block}_{number}")(x))
            levels.append(x)
        return levels


class Up(Steps):
    """Three convolutions on what comes up beside what was kept."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        for number in (1, 2, 3):
            self.add(f"c{number}", f"b{number}", channels_in if number == 1 else channels, channels)

    def forward(self, x: Tensor, kept: Tensor) -> Tensor:
        """Twice the size of ``x``, which stands first."""
        x = torch.cat([doubled(x), kept], dim=1)
        for number in (1, 2, 3):
            x = self.through(x, f"c{number}", f"b{number}")
        return x


class Finest(Steps):
    """Full size: one convolution, then residual blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.add("c_init", "b_init", 2 * FINE, FINE)
        for block in range(REFINEMENTS):
            self.add(f"c_res{block}", f"b_res{block}", FINE, FINE, kernel=1)
            self.add(f"c{block}_1", f"b{block}_1", FINE, FINE)
            self.add(f"c{block}_2", f"b{block}_2", FINE, FINE)

    def start(self, x: Tensor, kept: Tensor) -> Tensor:
        """(N, 64, H, W) of what comes up and what was kept."""
        return self.through(torch.cat([doubled(x), kept], dim=1), "c_init", "b_init")

    def forward(self, x: Tensor) -> Tensor:
        """(N, 64, H, W) to the same shape."""
        for block in range(REFINEMENTS):
            y = self.through(x, f"c{block}_1", f"b{block}_1")
            y = self.through(y, f"c{block}_2", f"b{block}_2")
            x = self.through(x, f"c_res{block}", f"b_res{block}") + y
        return x


class Final(Steps):
    """The map, before its sigmoid."""

    def __init__(self) -> None:
        super().__init__()
        self.add("c1", "b1", FINE, FINE)
        self.add("c2", "b2", FINE, FINE // 2)
        self.add("c3", None, FINE // 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 64, H, W) to (N, 1, H, W)."""
        x = self.through(self.through(x, "c1", "b1"), "c2", "b2")
        logits: Tensor = self.get_submodule("c3")(x)
        return logits


class Head(Steps):
    """A map at one of the sizes, for training alone."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.add("c1", "b1", channels_in, channels)
        self.add("c2", "b2", channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, 1, H, W) in (0, 1)."""
        normed: Tensor = self.get_submodule("b2")(self.get_submodule("c2")(self.through(x, "c1", "b1")))
        return normed.sigmoid()


class DmeNet(nn.Module):
    """The network. Heights and widths are multiples of 16."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.decoder = nn.ModuleDict({name: Up(*channels) for name, channels in DECODER.items()})
        self.decoder["u0"] = Finest()
        self.decoder["uf"] = Final()
        for name, channels in HEADS.items():
            self.decoder[f"{name}_aux"] = Head(*channels)

    def forward(self, x: Tensor) -> Tensor:
        """Estimate how defocused a picture is.

        Args:
            x: RGB floats (N, 3, H, W) in [0, 1].

        Returns:
            (N, 1, H, W) in (0, 1): a circle of confusion of 15 px is 1.
        """
        return self.logits(x).sigmoid()

    def logits(self, x: Tensor) -> Tensor:
        """What the last sigmoid is given."""
        made: Tensor = self.decoder["uf"](self.decoder["u0"](self._levels(x)["u0"]))
        return made

    def auxiliary(self, x: Tensor) -> dict[str, Tensor]:
        """The maps of all sizes, which only training looks at."""
        return {name: self.decoder[f"{name}_aux"](features) for name, features in self._levels(x).items()}

    def _levels(self, x: Tensor) -> dict[str, Tensor]:
        mean = torch.tensor(BGR_MEAN, dtype=x.dtype, device=x.device).view(-1, 1, 1)
        pictures = (255 * x.flip(1) - mean).contiguous(memory_format=torch.channels_last)
        kept = self.encoder(pictures)
        levels = {"u4": kept.pop()}
        y = levels["u4"]
        for name in DECODER:
            y = levels[name] = self.decoder[name](y, kept.pop())
        finest = self.decoder["u0"]
        assert isinstance(finest, Finest), "built so"
        levels["u0"] = finest.start(y, kept.pop())
        return levels
