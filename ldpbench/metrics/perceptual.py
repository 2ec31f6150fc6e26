"""Perceptual metrics, computed by pyiqa: the optional extra ``perceptual``.

pyiqa is published under the PolyForm Noncommercial licence 1.0.0, some of its parts under the NTU S-Lab licence; both
allow noncommercial use only. It and torch are imported when a metric of this module is first computed, never before,
and never for PSNR, SSIM, MAE or MSE.
"""

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ldpbench.core.errors import MissingPrerequisiteError
from ldpbench.metrics.metric import Metric
from ldpbench.metrics.pair import Region
from ldpbench.records import MetricSpec

if TYPE_CHECKING:
    import torch

EXTRA = "perceptual"
_INSTALL = f"pip install 'ldpbench[{EXTRA}]'"
_LICENCE = "; computed by pyiqa, licence PolyForm Noncommercial 1.0.0"
_LUMA = "on the YIQ luma rounded to 8 bits"


@dataclass(frozen=True)
class _Model:
    """One pyiqa metric.

    Args:
        name: pyiqa's name for it.
        min_px: Smallest height and width it can take.
        weights: Files it downloads on first use.
        net: The backbone, where it has a choice.
    """

    name: str
    min_px: int
    weights: tuple[str, ...] = ()
    net: str | None = None


@contextlib.contextmanager
def _contained() -> Iterator[None]:
    """Keep pyiqa's warnings, prints and draws of random numbers to itself; standard output belongs to our results."""
    import torch

    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        yield


@cache
def _built(metric_id: str, model: _Model) -> Any:
    """The metric as pyiqa makes it, once.

    Raises:
        MissingPrerequisiteError: If pyiqa or the weights are not there.
    """
    import torch

    with _contained():
        try:
            import pyiqa
        except ImportError as error:
            raise MissingPrerequisiteError(
                f"{metric_id!r} is computed by pyiqa, which cannot be imported: {error}", hint=_INSTALL
            ) from error
        try:
            return pyiqa.create_metric(model.name, device="cpu", **({"net": model.net} if model.net else {}))
        except Exception as error:  # whatever a download or a damaged file makes torch and pyiqa raise
            wanted = f" with the weights {', '.join(model.weights)}" if model.weights else ""
            raise MissingPrerequisiteError(
                f"pyiqa cannot build {metric_id!r}{wanted}: {type(error).__name__}: {error}",
                hint="weights are downloaded on first use: connect to the network once, or copy the files into "
                f"{torch.hub.get_dir()} (checkpoints/ for torchvision's, pyiqa/ for the others)"
                if model.weights
                else f"install the extra again: {_INSTALL}",
            ) from error


def _as_batch(picture: NDArray[np.float64]) -> "torch.Tensor":
    """(H, W, C) to a (1, 3, H, W) float32 batch in [0, 1]; grey is repeated."""
    import torch

    planes = np.clip(picture, 0.0, 1.0).astype(np.float32).transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(np.broadcast_to(planes, (3, *planes.shape[1:]))))[None]


def _computed_by(metric_id: str, model: _Model, needs_target: bool) -> Callable[[Region], float]:
    def compute(region: Region) -> float:
        import torch

        network = _built(metric_id, model)
        height, width, channels = region.pair.pred.shape
        if region.mask is not None or min(height, width) < model.min_px or channels not in (1, 3):
            return float("nan")
        batches = [_as_batch(picture) for picture in region.pair.unit]
        with _contained(), torch.inference_mode():
            return float(network(*batches[: 2 if needs_target else 1]).item())

    return compute


def _metric(model: _Model, *, convention: str, needs_target: bool = True, **spec: Any) -> Metric:
    convention = f"{convention}; whole images of at least {model.min_px} pixels, clipped, grey repeated{_LICENCE}"
    record = MetricSpec(
        version=1, unit="1", decimals=4, needs_target=needs_target, extra=EXTRA, convention=convention, **spec
    )
    return Metric(record, _computed_by(record.id, model, needs_target))


PERCEPTUAL: tuple[Metric, ...] = (
    _metric(
        _Model("lpips", 31, ("alexnet-owt-7be5be79.pth", "LPIPS_v0.1_alex-df73285e.pth"), "alex"),
        id="lpips-alex",
        title="LPIPS (AlexNet)",
        higher_is_better=False,
        convention="LPIPS v0.1 on AlexNet, inputs mapped to [-1, 1]",
        used_by=("Restormer", "IFAN", "K3DN", "DRBNet", "LaKDNet"),
    ),
    _metric(
        _Model("lpips", 17, ("squeezenet1_1-b8a52dc0.pth", "LPIPS_v0.1_squeeze-4a5350f2.pth"), "squeeze"),
        id="lpips-squeeze",
        title="LPIPS (SqueezeNet)",
        higher_is_better=False,
        convention="LPIPS v0.1 on SqueezeNet, inputs mapped to [-1, 1]",
        used_by=("BaMBNet",),
    ),
    _metric(
        _Model("dists", 16, ("vgg16-397923af.pth", "DISTS_weights-f5e65c96.pth")),
        id="dists",
        title="DISTS",
        higher_is_better=False,
        convention="DISTS on VGG-16",
    ),
    _metric(
        _Model("niqe", 96, ("niqe_modelparameters.mat",)),
        id="niqe",
        title="NIQE",
        higher_is_better=False,
        needs_target=False,
        convention=f"NIQE {_LUMA}, of the prediction alone",
    ),
    _metric(
        _Model("fsim", 2),
        id="fsim",
        title="FSIMc",
        higher_is_better=True,
        convention="FSIM with chromaticity, on RGB times 255",
    ),
    _metric(
        _Model("vif", 33),
        id="vif",
        title="VIF",
        higher_is_better=True,
        convention=f"VIF over a steerable pyramid {_LUMA}",
    ),
    _metric(
        _Model("gmsd", 2),
        id="gmsd",
        title="GMSD",
        higher_is_better=False,
        convention=f"GMSD {_LUMA}",
    ),
    _metric(
        _Model("nlpd", 1),
        id="nlpd",
        title="NLPD",
        higher_is_better=False,
        convention="NLPD on the YIQ luma, not rounded",
    ),
    _metric(
        _Model("cw_ssim", 64),
        id="cw-ssim",
        title="CW-SSIM",
        higher_is_better=True,
        convention=f"CW-SSIM with 4 levels and 8 orientations {_LUMA}",
    ),
    _metric(
        _Model("ms_ssim", 161),
        id="ms-ssim",
        title="MS-SSIM",
        higher_is_better=True,
        convention=f"MS-SSIM with 5 scales, Gaussian 11x11 windows, negative contrast terms set to 0, {_LUMA}",
    ),
)
