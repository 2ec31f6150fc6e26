"""CLIP's estimators behind the common interface."""

from typing import Any, Literal, cast

import numpy as np
import torch
from torch import Tensor

from ldpbench.blurmap.clip.dense import NORMALISATIONS, dense_logits, normalise, to_picture_size
from ldpbench.blurmap.clip.encoder import ClipEncoder
from ldpbench.blurmap.clip.patch import (
    DP,
    SINGLE,
    Codes,
    Release,
    cells,
    pairs,
    patch_logits,
    released_picture,
    released_values,
)
from ldpbench.blurmap.clip.prompts import prompt_group
from ldpbench.blurmap.clip.weights import load_encoder
from ldpbench.blurmap.estimator import BlurMap, BlurMapEstimator, Image
from ldpbench.core.errors import UsageError
from ldpbench.core.names import unknown_name

RESAMPLINGS = ("bilinear", "nearest")


def _views(left: Image, right: Image) -> tuple[Image, Image]:
    """Both views in colour: grey is repeated."""
    if left.shape != right.shape or left.ndim != 3 or left.shape[2] not in (1, 3):
        raise UsageError(
            f"expected two views (H, W, 1 or 3) of one shape, found {left.shape} and {right.shape}",
            hint="give two views of the same picture",
        )
    wide = [np.broadcast_to(view, (*view.shape[:2], 3)) for view in (left, right)]
    return wide[0], wide[1]


class _Clip(BlurMapEstimator):
    """What the CLIP estimators share: their weights and how a coarse map becomes one of the picture's size."""

    def __init__(self, model: str, weights: str | ClipEncoder | None, device: str, resampling: str) -> None:
        if resampling not in RESAMPLINGS:
            raise unknown_name("resampling", resampling, RESAMPLINGS)
        self.encoder = weights if isinstance(weights, ClipEncoder) else load_encoder(model, weights, device=device)
        self._resampling = resampling

    @property
    def weights_sha256(self) -> str:
        """Of the weights file; ``random-<seed>`` for made-up ones."""
        return self.encoder.weights_sha256

    @property
    def parameters(self) -> int:
        """Of the whole of CLIP, also where only its picture half is asked."""
        return sum(parameter.numel() for parameter in self.encoder.parameters())

    def _enlarged(self, plane: Tensor, like: Image) -> Image:
        return np.asarray(
            to_picture_size(plane, like.shape[0], like.shape[1], self._resampling).cpu().numpy(), dtype=np.float32
        )


class ClipDense(_Clip):
    """The paper's blur map: dense tokens of ViT-B/32 of the whole picture (Yang et al., CVPR 2024, Eq. 2-6).

    Args:
        prompts: ``ens2``, ``blur``, ``dp``, ``blur-1`` to ``blur-4``, ``dp-1`` to ``dp-4`` (Tables 4 and 5).
        normalisation: From logits to probability: ``standardised``, ``min-max``, ``sigmoid`` or ``sigmoid-cosine``.
        resampling: From the grid of tokens to pixels: ``bilinear`` or ``nearest``.
        weights: A file, a folder, ``random[:seed]``, a loaded encoder, or None for where weights are looked for.
        device: Where CLIP runs.

    Raises:
        UsageError: If an option is unknown.
        MissingPrerequisiteError: If the weights are not there.
        IntegrityError: If they are not what they should be.
    """

    id = "clip-dense"

    def __init__(
        self,
        prompts: str = "ens2",
        normalisation: str = "standardised",
        resampling: str = "bilinear",
        *,
        weights: str | ClipEncoder | None = None,
        device: str = "cpu",
    ) -> None:
        self._blur, self._dual = prompt_group(prompts)
        if normalisation not in NORMALISATIONS:
            raise unknown_name("normalisation", normalisation, NORMALISATIONS)
        super().__init__("clip-vit-b-32", weights, device, resampling)
        self._prompts = prompts
        self._normalisation = normalisation

    @property
    def options(self) -> dict[str, Any]:
        """Prompts, normalisation, resampling, and how maps of several prompts become one."""
        return {
            "prompts": self._prompts,
            "normalisation": self._normalisation,
            "resampling": self._resampling,
            "ensemble": "mean of logits",
        }

    def estimate(self, left: Image, right: Image) -> BlurMap:
        """See ``BlurMapEstimator``; one pass of CLIP for each format."""
        tensors = []
        for view in _views(left, right):
            planes = np.ascontiguousarray(view.transpose(2, 0, 1), dtype=np.float32)
            tensors.append(torch.from_numpy(planes)[None].to(self.encoder.mean.device))
        with torch.inference_mode():
            logits = dense_logits(self.encoder, tensors[0], tensors[1], self._blur, self._dual)[0].float()
            large = self._enlarged(logits, left)
            probability = self._enlarged(normalise(logits, self._normalisation, self.encoder.scale), left)
        return BlurMap(probability=np.clip(probability, 0, 1), logits=large, normalisation=self._normalisation)


class _Patches(_Clip):
    """Cells of 40 px against one prompt."""

    whole: bool
    """Whether CLIP is shown all of a cell."""

    def __init__(
        self, release: Release, weights: str | ClipEncoder | None, device: str, resampling: str, batch: int
    ) -> None:
        if batch < 1:
            raise UsageError(f"{self.id}: expected a batch of at least 1 cell, found {batch}")
        super().__init__(release.model, weights, device, resampling)
        self._release = release
        self._batch = batch

    def cell_logits(self, shown: Codes) -> np.ndarray[Any, np.dtype[np.float32]]:
        """CLIP's logits of cells (rows, columns, 40, 40 or 80, 3): float32 (rows, columns)."""
        rows, columns = shown.shape[:2]
        listed = list(shown.reshape(rows * columns, *shown.shape[2:]))
        logits = patch_logits(self.encoder, listed, self._release.prompt, whole=self.whole, batch=self._batch)
        return np.asarray(logits.reshape(rows, columns).numpy(), dtype=np.float32)

    def _map(self, grey: Codes, blur_logits: Image, like: Image) -> BlurMap:
        probability = self._enlarged(torch.from_numpy(grey.astype(np.float32) / np.float32(255)), like)
        logits = self._enlarged(torch.from_numpy(blur_logits), like)
        return BlurMap(
            probability=np.clip(probability, 0, 1), logits=logits, normalisation="thresholds, min-max, 8 bits"
        )


def _codes(view: Image) -> Codes:
    """8-bit codes, as the release reads them."""
    return np.asarray(np.rint(np.clip(view, 0, 1) * 255), dtype=np.uint8)


class ClipPatch(_Patches):
    """The release's blur map, with its quirks; see ``patch``.

    Args:
        variant: ``dp``: the script for pairs. ``single``: the one for single pictures, asked of the left view, with its
            polarity put right. ``single-released``: the same with blurred as 0, as the script leaves it.
        resampling: From cells to pixels, which the release does not show: ``nearest`` or ``bilinear``.
        precision: Of the mapping to grey: ``float32``, or ``float16`` as on a GPU there.
        batch: Cells at a time; it does not change the map.
        weights: As ``ClipDense``.
        device: Where CLIP runs.
    """

    id = "clip-patch"
    whole = False

    def __init__(
        self,
        variant: Literal["dp", "single", "single-released"] = "dp",
        resampling: str = "nearest",
        precision: Literal["float32", "float16"] = "float32",
        batch: int = 64,
        *,
        weights: str | ClipEncoder | None = None,
        device: str = "cpu",
    ) -> None:
        if variant not in ("dp", "single", "single-released"):
            raise unknown_name("variant of clip-patch", variant, ("dp", "single", "single-released"))
        if precision not in ("float32", "float16"):
            raise unknown_name("precision", precision, ("float32", "float16"))
        super().__init__(DP if variant == "dp" else SINGLE, weights, device, resampling, batch)
        self._variant = variant
        self._precision = precision

    @property
    def options(self) -> dict[str, Any]:
        """Variant, resampling and precision."""
        return {"variant": self._variant, "resampling": self._resampling, "precision": self._precision}

    def estimate(self, left: Image, right: Image) -> BlurMap:
        """See ``BlurMapEstimator``; for ``single-released`` large means sharp, as there."""
        views = [_codes(view) for view in _views(left, right)]
        logits = self.cell_logits(pairs(*views) if self._variant == "dp" else cells(views[0]))
        values = released_values(logits.astype(self._precision), self._release)
        grey = released_picture(values)
        if self._variant == "single":
            grey = cast("Codes", np.uint8(255) - grey)
        # High similarity means sharp for the pair's prompt and blurred for the single one.
        return self._map(grey, logits if self._variant == "single" else -logits, left)


class ClipPatchWhole(_Patches):
    """The release's recipe for pairs with its slip mended: all of each pair is squeezed into CLIP's square.

    Args:
        resampling: From cells to pixels: ``nearest`` or ``bilinear``.
        batch: Cells at a time; it does not change the map.
        weights: As ``ClipDense``.
        device: Where CLIP runs.
    """

    id = "clip-patch-whole"
    whole = True

    def __init__(
        self,
        resampling: str = "nearest",
        batch: int = 64,
        *,
        weights: str | ClipEncoder | None = None,
        device: str = "cpu",
    ) -> None:
        super().__init__(DP, weights, device, resampling, batch)

    @property
    def options(self) -> dict[str, Any]:
        """Resampling."""
        return {"resampling": self._resampling}

    def estimate(self, left: Image, right: Image) -> BlurMap:
        """See ``BlurMapEstimator``."""
        logits = self.cell_logits(pairs(*(_codes(view) for view in _views(left, right))))
        return self._map(released_picture(released_values(logits, self._release)), -logits, left)
