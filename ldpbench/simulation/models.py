"""One door to every simulator: a model says how, ``simulate`` makes the views."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor

from ldpbench.core.errors import UsageError
from ldpbench.core.names import unknown_name
from ldpbench.simulation.coc import RdpdCamera
from ldpbench.simulation.ddd import DDD_CAMERAS, DddCamera, simulate_ddd
from ldpbench.simulation.distortion import RadialDistortion, distort_labels
from ldpbench.simulation.noise import NOISE_PRESETS, SensorNoise
from ldpbench.simulation.psf import RDPD_SHAPES, REALISTIC, PsfShape
from ldpbench.simulation.rdpd import RDPD_SETS, simulate_rdpd
from ldpbench.simulation.realistic import simulate_realistic


@dataclass(frozen=True, kw_only=True)
class RdpdModel:
    """The RDPD data: thin lens, gather, optionally radial distortion of the views and of the target."""

    camera: RdpdCamera
    shape: PsfShape = RDPD_SHAPES[0]
    distortion: RadialDistortion | None = None


@dataclass(frozen=True, kw_only=True)
class DddModel:
    """The DDD-syn data: boxes on the near side of the focus; both views hang down unless ``centred``."""

    camera: DddCamera
    centred: bool = False


@dataclass(frozen=True, kw_only=True)
class RealisticModel:
    """A phone's sensor: blur in linear light, fitted kernel, noise, occlusion.

    Args:
        shape: The kernels' shape.
        max_blur_px: Radius where a picture is blurred most.
        focus_m: Focus distance; None for the middle of each picture's inverse depths.
        noise: Noise of each half.
        occlusion: Let a blurred foreground cover what is behind it.
        is_linear: The pictures' codes are proportional to light; otherwise they are sRGB.
    """

    shape: PsfShape = REALISTIC
    max_blur_px: int = 8
    focus_m: float | None = None
    noise: SensorNoise = field(default_factory=lambda: NOISE_PRESETS["low"])
    occlusion: bool = True
    is_linear: bool = False


Model = RdpdModel | DddModel | RealisticModel

_PRESETS: dict[str, Callable[[], Model]] = {
    "realistic": RealisticModel,
    **{
        name: lambda chosen=chosen: RdpdModel(camera=chosen.camera, distortion=chosen.distortion)  # type: ignore[misc]  # the default binds it
        for name, chosen in RDPD_SETS.items()
    },
    **{
        name: lambda camera=camera: DddModel(camera=camera)  # type: ignore[misc]  # the default binds it
        for name, camera in DDD_CAMERAS.items()
    },
}
MODEL_PRESETS: Mapping[str, Callable[[], Model]] = MappingProxyType(_PRESETS)
"""``realistic``, ``rdpd/set0`` to ``set4``, ``ddd/train0`` to ``train4``, ``ddd/test`` and so on."""


def model_preset(name: str) -> Model:
    """The model of that name, as ``MODEL_PRESETS`` lists them.

    Raises:
        UsageError: If there is none.
    """
    if name not in MODEL_PRESETS:
        raise unknown_name("simulation model", name, MODEL_PRESETS)
    return MODEL_PRESETS[name]()


class SimulatedViews(NamedTuple):
    """What a model makes of a batch. Pictures are (N, C, H, W) codes of the sharp picture's type."""

    left: Tensor
    right: Tensor
    center: Tensor
    """The ordinary picture: the mean of the two views."""
    target: Tensor
    """The sharp picture, cropped or distorted where the model does that to the views."""
    blur_px: Tensor
    """Signed blur radius of each pixel of these pictures, float32 (N, H, W), negative: nearer than the focus."""


def simulate(sharp: Tensor, depth_m: Tensor, model: Model, *, seed: int = 0) -> SimulatedViews:
    """Make dual-pixel views of sharp pictures, on the device of the pictures.

    Args:
        sharp: uint8 codes (N, C, H, W); for ``RealisticModel`` also uint16.
        depth_m: Depth in metres (N, H, W), above 0.
        model: What to simulate.
        seed: Decides the noise.

    Raises:
        UsageError: If types, shapes or values do not fit.
    """
    if isinstance(model, RealisticModel):
        views = simulate_realistic(
            sharp,
            depth_m,
            model.shape,
            max_blur_px=model.max_blur_px,
            focus_m=model.focus_m,
            noise=model.noise,
            occlusion=model.occlusion,
            is_linear=model.is_linear,
            seed=seed,
        )
        return SimulatedViews(views.left, views.right, views.center, sharp, views.coc.to(torch.float32))
    if sharp.dtype != torch.uint8:
        raise UsageError(
            f"the published models work on 8-bit codes, found {sharp.dtype}",
            hint="give 8-bit pictures, or take the model `realistic`",
        )
    return _rdpd(sharp, depth_m, model) if isinstance(model, RdpdModel) else _ddd(sharp, depth_m, model)


def _rdpd(sharp: Tensor, depth_m: Tensor, model: RdpdModel) -> SimulatedViews:
    views = simulate_rdpd(sharp, depth_m, model.camera, model.shape, distortion=model.distortion)
    blur_px = views.coc.to(torch.float32)
    if model.distortion is not None:
        blur_px = distort_labels(blur_px, model.distortion)
    return SimulatedViews(views.left, views.right, views.center, views.target, blur_px)


def _ddd(sharp: Tensor, depth_m: Tensor, model: DddModel) -> SimulatedViews:
    views = simulate_ddd(sharp, depth_m, model.camera, centred=model.centred)
    # The two views together spread over 2 k - 1 columns, so k - 1 on either side; all of it is nearer than the focus.
    blur_px = -(views.disparity.clamp(min=1) - 1)
    center = ((views.left.to(torch.int32) + views.right + 1) >> 1).to(torch.uint8)
    return SimulatedViews(views.left, views.right, center, views.target, blur_px)
