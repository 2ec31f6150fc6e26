"""The embedded set: eight procedural scenes, rendered on the spot, the same to the last bit on every machine."""

from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ldpbench.core.errors import ImageError
from ldpbench.core.progress import Progress
from ldpbench.data.adapter import Collection, Scene, StoredSample
from ldpbench.data.png16 import decode, encode, to_unit
from ldpbench.data.sample import Sample
from ldpbench.data.tree import Tree
from ldpbench.records import DatasetCard, ManifestRow
from ldpbench.records.dataset_card import Role

if TYPE_CHECKING:
    from ldpbench.simulation.sample_set import ScenePlan

SIGN_OFFSET = 128
"""The signed blur map is stored as code = radius + 128."""
IN_FOCUS_PX = 1
"""A pixel is in focus if its blur radius is at most this."""
_PICTURES: tuple[Role, ...] = ("left", "right", "center", "target")


SCENE_BYTES = 700_000
"""About what one scene's files take."""


def _render(plan: "ScenePlan") -> StoredSample:
    from ldpbench.simulation.sample_set import render_scene

    scene = render_scene(plan)
    files: dict[Role, bytes] = {
        "left": encode(scene.left),
        "right": encode(scene.right),
        "center": encode(scene.center),
        "target": encode(scene.target),
        "blur_map": encode((scene.coc.astype(np.int16) + SIGN_OFFSET).astype(np.uint8)),
        "depth": encode(scene.depth_mm),
    }
    return StoredSample(id=scene.id, split=scene.split, files=files, facts=scene.facts)


class SampleSet:
    """The adapter. Its source is the generator in ``ldpbench.simulation``.

    Args:
        plans: Name of the module there whose ``PLANS`` are the scenes.
    """

    def __init__(self, plans: str) -> None:
        self._plans = plans

    def collect(
        self,
        card: DatasetCard,
        manifest: tuple[ManifestRow, ...],
        tree: Tree | None,
        *,
        device: str,
        progress: Progress,
    ) -> Collection:
        """One scene a plan of the generator; each is rendered when it is stored."""
        del card, manifest, tree, device, progress
        plans: tuple[ScenePlan, ...] = import_module(f"ldpbench.simulation.{self._plans}").PLANS
        scenes = tuple(
            Scene(id=plan.id, split=plan.split, load=partial(_render, plan), size=SCENE_BYTES) for plan in plans
        )
        return Collection(scenes=scenes, layout="generator")

    def decode(self, stored: StoredSample, calibration: Mapping[str, bytes], card: DatasetCard) -> Sample:
        """Codes / 255, the signed blur radius in pixels (negative: nearer than focus) and the depth in metres."""
        del calibration
        codes = {role: decode(data, f"{card.id}/{stored.id} {role}") for role, data in stored.files.items()}
        for role in _PICTURES:
            found = codes[role]
            if found.dtype != np.uint8 or found.ndim != 3:
                raise ImageError(
                    f"{card.id}/{stored.id} {role}: expected 8-bit colour, found {found.dtype} {found.shape}",
                    hint=f"prepare {card.id} again",
                )
        blur_px = codes["blur_map"].astype(np.float32) - SIGN_OFFSET
        pictures = {role: to_unit(codes[role]) for role in _PICTURES}
        return Sample(
            id=stored.id,
            dataset=card.id,
            split=stored.split,
            bits=card.bits,
            encoding=card.encoding,
            left=pictures["left"],
            right=pictures["right"],
            center=pictures["center"],
            target=pictures["target"],
            blur_map=blur_px,
            depth_m=codes["depth"].astype(np.float32) / np.float32(1000),
            regions=blur_regions(blur_px),
        )


def blur_regions(blur_px: NDArray[np.float32]) -> dict[str, NDArray[np.bool_]]:
    """Masks of what is in focus, nearer and farther; a region without a pixel is left out."""
    masks = {
        "in-focus": np.abs(blur_px) <= IN_FOCUS_PX,
        "near": blur_px < -IN_FOCUS_PX,
        "far": blur_px > IN_FOCUS_PX,
    }
    return {name: mask for name, mask in masks.items() if mask.any()}


ADAPTER = SampleSet("sample_set")
