"""A checkpoint as a method: the network, fed with the blur maps it was trained on."""

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ldpbench.blurmap.catalogue import estimator
from ldpbench.blurmap.disparity.views import MIN_SIDE_PX
from ldpbench.blurmap.estimator import BlurMapEstimator
from ldpbench.blurmap.truth import truth_logits
from ldpbench.core.errors import IntegrityError, MethodError, UsageError
from ldpbench.core.hashing import canonical_json
from ldpbench.methods.auto_tiles import AutoTiling, Tiler
from ldpbench.methods.inference import WHOLE, Inference
from ldpbench.methods.protocol import Deblurrer, SizeRule, View
from ldpbench.methods.tiling import Tiling
from ldpbench.networks.checkpoint import load_checkpoint
from ldpbench.networks.checkpoint_record import CheckpointRecord, read_record
from ldpbench.networks.config import NetworkConfig
from ldpbench.networks.statistics import has_picture_statistics
from ldpbench.networks.zoo import with_local_pooling

TRUTH = "truth"
"""The prior that is a set's own map: it comes with the scene and is not estimated."""


class NetworkDeblurrer(Deblurrer):
    """A network of ours as a method.

    It estimates the blur map itself, so the time of a picture includes it; with the prior ``truth`` it asks for the
    scene's own map instead.

    Args:
        network: The module, on its device.
        config: Its configuration.
        prior: The estimator of the blur map; None for a network without one, or for the prior ``truth``.
        wants_truth: Whether the scene's own map is the prior.
        tiles: How the network sees a picture; None for whole. The blur map is always of the whole picture.

    Raises:
        UsageError: If tiles do not fit the network.
    """

    channels = (3,)
    tiling = "internal"

    def __init__(
        self,
        network: nn.Module,
        config: NetworkConfig,
        prior: BlurMapEstimator | None,
        *,
        wants_truth: bool = False,
        tiles: Tiling | AutoTiling | None = None,
    ) -> None:
        if config.needs_blur_map and prior is None and not wants_truth:
            raise MethodError(f"{config.name} needs a blur map and was given no estimator of one")
        if isinstance(tiles, Tiling) and tiles.size_px % config.multiple_of:
            raise UsageError(f"tiles of {tiles.size_px} px: {config.name} wants multiples of {config.multiple_of} px")
        self._network = network.eval()
        self._prior = prior
        self._wants_truth = wants_truth
        self.device = next(network.parameters()).device
        smallest = config.multiple_of if prior is None else max(config.multiple_of, MIN_SIDE_PX)
        self.size = SizeRule(minimum_px=smallest, multiple_of=config.multiple_of)
        rule = SizeRule(config.multiple_of, config.multiple_of)
        self._tiler = Tiler(tiles, rule, shared=has_picture_statistics(network))
        self.inputs: tuple[View, ...] = ("left", "right", "blur_map") if wants_truth else ("left", "right")

    def restore(
        self, *, left: Tensor | None, right: Tensor | None, center: Tensor | None, blur_map: Tensor | None
    ) -> Tensor:
        """Estimate the blur map and run the network, in float32 on the network's device."""
        del center
        assert left is not None
        assert right is not None
        logits = self._logits(left, right, blur_map)
        inputs = [None if plane is None else plane.to(self.device) for plane in (left, right, logits)]
        return self._tiler.run(self._network, inputs).float()

    @property
    def tiles_used(self) -> str | None:
        """As of ``Deblurrer``."""
        return self._tiler.words

    def _logits(self, left: Tensor, right: Tensor, blur_map: Tensor | None) -> Tensor | None:
        if self._wants_truth:
            assert blur_map is not None
            return torch.stack([torch.from_numpy(truth_logits(plane[0].cpu().numpy()))[None] for plane in blur_map])
        if self._prior is None:
            return None
        return torch.stack([self._estimated(*pair) for pair in zip(left, right, strict=True)])

    def _estimated(self, left: Tensor, right: Tensor) -> Tensor:
        assert self._prior is not None
        views = [np.ascontiguousarray(view.float().cpu().numpy().transpose(1, 2, 0)) for view in (left, right)]
        return torch.from_numpy(self._prior.estimate(*views).logits)[None]


def prior_of(name: str | None, *, clip_weights: str | None = None, device: str = "cpu") -> BlurMapEstimator | None:
    """The estimator behind a prior's name; None for no prior and for ``truth``, which comes with the scene.

    Raises:
        UsageError: If there is none of that name.
        MissingPrerequisiteError: If its weights are not there.
    """
    return None if name in (None, TRUTH) else estimator(name, clip_weights=clip_weights, device=device)


def load_network_method(folder: Path, *, device: str = "cpu", inference: Inference = WHOLE) -> NetworkDeblurrer:
    """The method of a checkpoint folder.

    Args:
        folder: The checkpoint.
        device: Where its network runs.
        inference: How the network sees a picture.

    Raises:
        UsageError: If the way of inference does not fit the network.
        MissingPrerequisiteError: If a file, or the weights of the blur-map estimator, are not there.
        IntegrityError: If the weights are damaged, or the estimator here is not the one the network was trained with.
    """
    record = read_record(folder)
    config = record.network if inference.tlc_px is None else with_local_pooling(record.network, inference.tlc_px)
    checkpoint = load_checkpoint(folder, config)
    name = record.blur_map if record.network.needs_blur_map else None
    prior = prior_of(name, device=device)
    if prior is not None:
        _demand_identity(record, prior, folder)
    network = checkpoint.network.to(device)
    return NetworkDeblurrer(network, config, prior, wants_truth=name == TRUTH, tiles=inference.tiles)


def _demand_identity(record: CheckpointRecord, prior: BlurMapEstimator, folder: Path) -> None:
    there, here = record.blur_map_identity, json.loads(canonical_json(prior.identity))
    if there is not None and there != here:
        changed = sorted(key for key in {*there, *here} if there.get(key) != here.get(key))
        told = ", ".join(f"{key} {there.get(key)!r} there and {here.get(key)!r} here" for key in changed)
        raise IntegrityError(
            f"{folder} was trained with another blur map: {told}",
            hint="use the weights and the version of ldpbench it was trained with",
        )
