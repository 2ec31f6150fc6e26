"""The public Python API, and the only module of ours that a plugin imports.

Everything here is stable: names and meanings stay, additions come with a line in the changelog.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ldpbench.blurmap.estimator import BlurMap, BlurMapEstimator
from ldpbench.core.errors import LdpbenchError, UsageError
from ldpbench.methods.network_method import NetworkMethod
from ldpbench.methods.protocol import Deblurrer, SizeRule
from ldpbench.methods.runtime import pad_to
from ldpbench.networks.nafnet import NafBody
from ldpbench.networks.statistics import OverPicture, owned_positions, picture_mean, picture_sums
from ldpbench.records import BaselineRecord
from ldpbench.simulation.psf import PsfShape, psf_preset, rdpd_psf, signed_kernels

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ldpbench.data.sample import Sample
    from ldpbench.data.training.patches import PatchRule
    from ldpbench.data.training.view import TrainingView
    from ldpbench.simulation.models import Model, SimulatedViews

__all__ = [
    "BaselineRecord",
    "BlurMap",
    "BlurMapEstimator",
    "Deblurrer",
    "LdpbenchError",
    "NafBody",
    "NetworkMethod",
    "OverPicture",
    "PsfShape",
    "SizeRule",
    "UsageError",
    "blur_map_estimator",
    "build_network",
    "deblur",
    "edge_blur_map",
    "estimate_blur_map",
    "hyper_laplacian_deblur",
    "iter_samples",
    "load_dataset",
    "load_method",
    "model_preset",
    "owned_positions",
    "pad_to",
    "picture_mean",
    "picture_sums",
    "psf_preset",
    "rdpd_psf",
    "score",
    "score_map",
    "signed_kernels",
    "simulate",
    "training_view",
]

Image = NDArray[np.float32]


def load_dataset(id: str, split: str | None = None) -> "Sequence[Sample]":  # noqa: A002 - the public name is `id`
    """The samples of a prepared dataset, read and decoded one at a time as they are asked for.

    Args:
        id: A dataset's id, such as ``"sample"``.
        split: One split; None for all splits in the card's order.

    Raises:
        UsageError: If no dataset or split is called that.
        MissingPrerequisiteError: If the dataset is not prepared; the command that does it is named.
    """
    from ldpbench.core.home import default_home
    from ldpbench.data.prepared import open_prepared

    return open_prepared(default_home(), id).samples(split)


def training_view(
    id: str,  # noqa: A002 - the public name is `id`
    split: str = "train",
    *,
    rule: "PatchRule | None" = None,
    crop_px: int | None = None,
    augmentation: str = "dual-pixel",
    seed: int = 0,
) -> "TrainingView":
    """A split of a prepared dataset as a trainer sees it: patches, cropped and augmented.

    Args:
        id: A dataset's id.
        split: The split.
        rule: Which windows; None for the field's own: 512 px, stride 204, the 30 % least sharp dropped.
        crop_px: Side of a random crop inside each patch; None for the whole patch.
        augmentation: ``dual-pixel`` (a mirror image also exchanges the views), ``field`` or ``none``.
        seed: Decides crops, augmentation and order.

    Returns:
        A ``torch.utils.data.Dataset`` of dicts of float32 tensors (C, H, W).

    Raises:
        UsageError: If a name or a size does not fit.
        MissingPrerequisiteError: If the split is not prepared; the command that does it is named.
    """
    from ldpbench.core.home import default_home
    from ldpbench.data.prepared import open_prepared
    from ldpbench.data.training.patches import load_patch_index
    from ldpbench.data.training.view import TrainingView as View

    prepared = open_prepared(default_home(), id)
    index = load_patch_index(prepared, split, rule)
    return View(prepared.split(split), index, crop_px=crop_px, augmentation=augmentation, seed=seed)


def model_preset(name: str) -> "Model":
    """A simulation model: ``realistic``, ``rdpd/set0`` to ``set4``, ``ddd/train0`` to ``train4``, ``ddd/test``, ...

    Raises:
        UsageError: If there is none of that name; all are listed.
    """
    from ldpbench.simulation.models import model_preset as preset

    return preset(name)


def simulate(sharp: "Tensor", depth_m: "Tensor", model: "str | Model", *, seed: int = 0) -> "SimulatedViews":
    """Make dual-pixel views of sharp pictures, on the device of the pictures.

    Args:
        sharp: uint8 codes (N, C, H, W); for the realistic model also uint16.
        depth_m: Depth in metres (N, H, W), above 0.
        model: A preset's name or a model.
        seed: Decides the noise.

    Returns:
        Left, right, centre and target codes, and the signed blur radius in pixels (negative: nearer than the focus).

    Raises:
        UsageError: If types, shapes or values do not fit.
    """
    from ldpbench.simulation.models import simulate as render

    return render(sharp, depth_m, model_preset(model) if isinstance(model, str) else model, seed=seed)


def load_method(id_or_path: str | Path) -> Deblurrer:
    """A method by its id, or by the path of a plugin folder.

    Raises:
        UsageError: If no method is called that or its record is not valid.
        MethodError: If the plugin cannot be imported or breaks the contract of its record.
        MissingPrerequisiteError: If it needs weights that are not there.
    """
    from ldpbench.methods.loading import load_method as load

    return load(id_or_path).deblurrer


def build_network(name: str, **options: Any) -> "nn.Module":
    """A network by name, with fresh weights.

    Args:
        name: ``ldp-tiny``, ``ldp-small``, ``ldp-large``, or a network of published code such as ``ldp-official``.
        options: The constructor options of the published code; for our own, fields of the configuration that change.

    Raises:
        UsageError: If there is no such network or option, or a value does not fit.
    """
    from ldpbench.networks.build import build_named

    return build_named(name, **options)


def score(pred: NDArray[Any], target: NDArray[Any], metrics: Sequence[str]) -> dict[str, float]:
    """One number per metric for one pair of pictures.

    Args:
        pred: (H, W, C) or (H, W) floats, nominally in [0, 1] and clipped to it; or uint8/uint16 codes.
        target: Same shape, in [0, 1].
        metrics: Metric ids, such as ``["psnr", "ssim"]``.

    Returns:
        Metric id to value: +inf for the PSNR of identical pictures, NaN where a metric is not defined.

    Raises:
        UsageError: If the shapes differ, the target leaves [0, 1] or is not finite, or a metric is unknown.
    """
    from ldpbench.metrics.engine import score as measure

    return measure(pred, target, metrics)


def score_map(predicted: NDArray[Any], sample: "Sample", protocol: str | None = None) -> dict[str, float]:
    """One number per metric for an estimated blur or disparity map.

    Args:
        predicted: (H, W) floats of the sample's size, in any unit.
        sample: A sample of a set with the task ``blurmap`` or ``disparity``.
        protocol: Id of one of the set's map protocols, as ``ldpbench datasets info`` lists them; None for the first.

    Returns:
        Metric id to value. Pixels without ground truth are left out.

    Raises:
        UsageError: If the set has no such protocol or the shapes do not fit.
    """
    from ldpbench.data.cards import load_card
    from ldpbench.evaluation import map_scoring

    spec = map_scoring.map_protocol(load_card(sample.dataset), protocol)
    return map_scoring.score_map(predicted, sample, spec.truth, spec.metrics)


def iter_samples(id: str, split: str | None = None) -> "Iterator[Sample]":  # noqa: A002 - the public name is `id`
    """The samples of a prepared dataset one after the other; memory holds one at a time.

    Args:
        id: A dataset's id, such as ``"sample"``.
        split: One split, also by an alias; None for all splits that are prepared.

    Raises:
        UsageError: If no dataset or split is called that.
        MissingPrerequisiteError: If it is not prepared; the command that does it is named.
    """
    yield from load_dataset(id, split)


def estimate_blur_map(
    left: NDArray[Any], right: NDArray[Any], method: str = "disparity", *, clip_weights: str | None = None
) -> BlurMap:
    """How blurred every pixel of a dual-pixel pair is.

    Args:
        left: (H, W, C) or (H, W) floats in [0, 1], or uint8/uint16 codes; C is 1 or 3, RGB order.
        right: Same shape and type.
        method: An estimator with its options, such as ``disparity`` or ``clip-dense:prompts=dp``.
        clip_weights: CLIP's weights, for the estimators that need them.

    Returns:
        ``probability`` and ``logits``, float32 (H, W), both large where the picture is blurred; and the name of the
        ``normalisation`` between them.

    Raises:
        UsageError: If the views do not fit each other, or there is no such estimator or option.
        MissingPrerequisiteError: If its weights are not there.
    """
    from ldpbench.blurmap.catalogue import estimator
    from ldpbench.data.png16 import to_unit

    if left.shape != right.shape or left.dtype != right.dtype:
        raise UsageError(
            f"the views differ: left is {left.dtype} {left.shape}, right is {right.dtype} {right.shape}",
            hint="give two views of the same picture",
        )
    views = [to_unit(view).reshape(*view.shape[:2], -1) for view in (left, right)]
    return estimator(method, clip_weights=clip_weights).estimate(*views)


def blur_map_estimator(method: str = "disparity", *, clip_weights: str | None = None) -> BlurMapEstimator:
    """An estimator of blur maps, for many pairs.

    Args:
        method: With its options, such as ``disparity`` or ``clip-patch``.
        clip_weights: CLIP's weights, for the estimators that need them.

    Raises:
        UsageError: If there is no such estimator or option.
        MissingPrerequisiteError: If its weights are not there.
    """
    from ldpbench.blurmap.catalogue import estimator

    return estimator(method, clip_weights=clip_weights)


def hyper_laplacian_deblur(
    image: NDArray[Any], sigma_map: NDArray[np.floating], *, weight: float = 16.8, alpha: float = 1.5
) -> NDArray[np.float64]:
    """Take a Gaussian blur away whose width is known at every pixel (Krishnan and Fergus, NIPS 2009).

    Args:
        image: (H, W, C) or (H, W) floats in [0, 1].
        sigma_map: (H, W), standard deviations in px; at most 33 levels of it are used.
        weight: Of fidelity against smoothness, above 0; the papers' lambda.
        alpha: Exponent of the prior on gradients, above 0.

    Returns:
        float64 in [0, 1], of the shape of ``image``.

    Raises:
        UsageError: If shapes or values do not fit.
    """
    from ldpbench.deconvolution.by_map import hyper_laplacian_deblur as deconvolve

    return deconvolve(image, sigma_map, weight=weight, alpha=alpha)


def edge_blur_map(image: NDArray[Any]) -> NDArray[np.float32]:
    """How blurred a single picture is at every pixel, from its edges (Karaali and Jung, TIP 2018).

    Args:
        image: (H, W, 3) or (H, W) floats in [0, 1].

    Returns:
        float32 (H, W): standard deviations of Gaussian blur in px, 0 to 5.

    Raises:
        UsageError: If the shape or a value does not fit.
    """
    from ldpbench.deconvolution.edge_blur import edge_blur_map as estimate

    return estimate(image)


def deblur(left: NDArray[Any], right: NDArray[Any], method: str | Path | Deblurrer) -> Image:
    """Restore one dual-pixel pair.

    Args:
        left: (H, W, C) or (H, W) floats in [0, 1], or uint8/uint16 codes; C is 1 or 3, RGB order.
        right: Same shape and type.
        method: A method's id, a plugin folder, or a loaded method.

    Returns:
        Float32 in [0, 1], of the shape of ``left``.

    Raises:
        UsageError: If the views do not match each other or leave [0, 1].
        MethodError: If the method fails or breaks its contract.
    """
    from ldpbench.methods.loading import load_method as load
    from ldpbench.methods.runtime import restore_pair

    deblurrer = method if isinstance(method, Deblurrer) else load(method).deblurrer
    return restore_pair(deblurrer, left, right)
